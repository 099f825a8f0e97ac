"""Losses on a similarity graph: one function a loss, ``loss(embeddings, graph, *, …)``, and its two-view form.

Definition. Z, (b, K), embeds the rows of a batch and G, (b, b), says which are alike (+1), known to differ (−1) or
neither (0). Rows of V views of an item are consecutive: view v of item i is row i·V + v (sample-major). Every loss is
a scalar tensor; the graph is a constant. See ``docs/losses.md`` for which to take.
"""

from pal.losses.barlow_twins import BARLOW_REDUNDANCY, barlow_twins, barlow_twins_two_view
from pal.losses.batch_graph import BatchGraph, batch_graph
from pal.losses.distributed import gather_rows
from pal.losses.simclr import simclr, simclr_two_view
from pal.losses.stochastic import batch_loss, pairs_loss
from pal.losses.vic2 import spectral_contrastive, spectral_contrastive_two_view, vic2
from pal.losses.vicreg import VICREG_COEFFICIENTS, vicreg, vicreg_two_view

__all__ = [
    "BARLOW_REDUNDANCY",
    "VICREG_COEFFICIENTS",
    "BatchGraph",
    "barlow_twins",
    "barlow_twins_two_view",
    "batch_graph",
    "batch_loss",
    "gather_rows",
    "pairs_loss",
    "simclr",
    "simclr_two_view",
    "spectral_contrastive",
    "spectral_contrastive_two_view",
    "vic2",
    "vicreg",
    "vicreg_two_view",
]
