"""Learning with networks: algorithm 1 by stochastic gradients, on any similarity graph, from a laptop to many GPUs.

Definition. An encoder f maps items to features, a head maps features to embeddings z, and :func:`fit` descends a loss
L(Z; G) over batches. V views of an item are its random changes; G over the b·V rows of a batch is the part of
the items' graph with every view standing for its item (eq. 7), so that ``identity(n)`` is self-supervision (eq. 8) and
``blend(identity(n), from_labels(y), alpha=0.1)`` semi-supervision (Fig. 4).
"""

from pal.encoders.words import word_numbers
from pal.training.active import Round, rounds
from pal.training.agreement import agreement
from pal.training.augmentations import (
    CHANGES,
    one_change,
    simclr_views,
    unchanged,
    vector_views,
    vicreg_views,
    word_views,
)
from pal.training.blends import Batch, EachEpoch, Source, neighbors_of_all, with_neighbors
from pal.training.embed import Probe, embed
from pal.training.fit import Trained, fit
from pal.training.head import ProjectionHead
from pal.training.objectives import OBJECTIVES
from pal.training.settings import Settings
from pal.training.support import SupportSet

__all__ = [
    "CHANGES",
    "OBJECTIVES",
    "Batch",
    "EachEpoch",
    "Probe",
    "ProjectionHead",
    "Round",
    "Settings",
    "Source",
    "SupportSet",
    "Trained",
    "agreement",
    "embed",
    "fit",
    "neighbors_of_all",
    "one_change",
    "rounds",
    "simclr_views",
    "unchanged",
    "vector_views",
    "vicreg_views",
    "with_neighbors",
    "word_numbers",
    "word_views",
]
