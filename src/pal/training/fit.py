"""Algorithm 1 with a network: descend a loss of the similarity graph over batches that bring alike items together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor, nn

from pal.errors import InvalidInputError, require_extra
from pal.graph import SimilarityGraph
from pal.training import faults, log, memory
from pal.training.augmentations import Views, unchanged
from pal.training.blends import Source
from pal.training.embed import Probe, evaluating
from pal.training.head import N_COMPONENTS, ProjectionHead
from pal.training.items import as_tensor, batch_of
from pal.training.objectives import Objective, get_objective
from pal.training.run import Run
from pal.training.settings import (
    MakeOptimizer,
    MakeSchedule,
    Settings,
    adamw,
    device_here,
    precision_here,
    warm_cosine,
)

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass(frozen=True, eq=False)
class Trained:
    """What a run leaves.

    Parameters
    ----------
    encoder, head
        The trained modules, on the device they were trained on.
    history
        One record an epoch: epoch, loss, learning rate, seconds, images a second, and the probe where there is one.
    optimizer
        State of the optimiser, for a run that goes on from here.
    """

    encoder: nn.Module
    head: nn.Module
    history: Sequence[log.Record]
    optimizer: dict[str, Any] = field(default_factory=dict)


def fit(
    encoder: nn.Module,
    items: ndarray | Tensor,
    graph: Source,
    /,
    *,
    loss: str | Objective = "vicreg",
    views: Views = unchanged,
    settings: Settings | None = None,
    head: nn.Module | None = None,
    n_components: int = N_COMPONENTS,
    drawn_by: SimilarityGraph | None = None,
    probe: Probe | None = None,
    folder: Path | None = None,
    after: Trained | None = None,
    optimizer: MakeOptimizer = adamw,
    schedule: MakeSchedule = warm_cosine,
    on_epoch: Callable[[log.Record], None] | None = None,
    fabric: "Fabric | None" = None,
) -> Trained:
    """Train ``encoder``, in place, so that its embeddings show the similarity graph.

    Parameters
    ----------
    encoder
        Any module from a batch of items to features (b, d).
    items
        Pictures of bytes (n, h, w, 3) or (n, h, w), vectors (n, d) or numbers of words (n, l).
    graph
        G over the items, made anew for every epoch (:class:`pal.training.EachEpoch`), or a function of the batch.
    loss
        A name of :data:`pal.training.OBJECTIVES`, or a function of embeddings, graph and batch.
    views
        Random change of a batch; every item gets ``settings.n_views`` of them.
    settings
        See :class:`Settings`.
    head, n_components
        Module between features and the loss; by default that of appendix C.3 with K = ``n_components``.
    drawn_by
        Graph that batches are drawn by, where ``graph`` is a function; by default random batches.
    probe
        Measured after every epoch.
    folder
        Where checkpoint and log go. If it holds a checkpoint of the same run, the run goes on from there.
    after
        A run to go on from: its head and its optimiser's state are taken over.
    optimizer, schedule
        Make them of parameters or optimiser; torch's AdamW, and a warm-up with a cosine, by default.
    on_epoch
        Called with the record of each epoch.
    fabric
        A launched Lightning Fabric, for several devices; the batch is shared among them, and the loss sees all of it.

    Raises
    ------
    InvalidInputError
        If an argument is wrong, the graph has no positive pair, or the folder holds another run.
    TrainingError
        If the loss isn't finite, a batch holds no pair, or the memory is full; the last checkpoint is kept.
    """
    settings = Settings() if settings is None else settings
    tensor = as_tensor(items)
    run = Run(tensor, graph, get_objective(loss), views, settings, drawn_by=drawn_by, folder=folder)
    with torch.random.fork_rng(), faults.full_memory(settings, folder), memory.kept():
        torch.manual_seed(settings.seed)
        head = head if after is None else after.head
        head = ProjectionHead(_width(encoder, tensor), n_components=n_components) if head is None else head
        run.prepare(encoder, head, optimizer, schedule, fabric or _fabric(settings))
        if after is not None and after.optimizer:
            run.go_on(after.optimizer)
        run.resume()
        while not run.finished():
            record = run.epoch(probe)
            if on_epoch is not None:
                on_epoch(record)
    return Trained(encoder, head, tuple(run.history), run.optimizer.state_dict())


def _width(encoder: nn.Module, items: Tensor) -> int:
    """Features that an encoder gives."""
    device = next(encoder.parameters(), torch.empty(0)).device
    with evaluating(encoder), torch.inference_mode():
        features = encoder(batch_of(items, np.arange(min(2, len(items))), device))
    if not isinstance(features, Tensor) or features.ndim != 2:
        raise InvalidInputError("the encoder must map b items to features (b, d); flatten its output")
    return int(features.shape[1])


def _fabric(settings: Settings) -> "Fabric":
    try:
        from lightning_fabric import Fabric
    except ImportError:
        raise require_extra("lightning-fabric", "train") from None
    device = device_here(settings.device)
    return Fabric(accelerator=device, devices=1, precision=precision_here(settings.precision, device))
