"""Training an encoder on a project's knowledge, for the project to use from then on.

The graph is that of the views, blended with what the answers imply. Where the project's encoder is a pretrained one, a
perceptron on its features is trained; where it is pixels, a small convolutional net; where the items are vectors, a
perceptron on those. An encoder that was trained before goes on from where it was. Features of the new encoder lie
beside those of the old; the project turns to them in one step, when they are complete.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Num
from numpy import ndarray

from pal.builders import blend, from_knowledge, identity
from pal.datasets.files import read_picture
from pal.encoders.cache import FeatureCache
from pal.encoders.trained import SUFFIX, TrainedEncoder, as_pictures, name_of, save_network
from pal.errors import InvalidInputError, require_extra
from pal.knowledge import Knowledge
from pal.project.core import Project
from pal.project.features import HOME, Features

if TYPE_CHECKING:
    from torch import nn

    from pal.training import Settings
    from pal.training.augmentations import Views
    from pal.training.log import Record

#: Side of the pictures that a net from scratch is trained on, and share of the known relations in the graph.
SIDE, ALPHA = 32, 0.5


class Retrained(NamedTuple):
    """What training left: name and file of the encoder, and the loss of the first and of the last epoch."""

    name: str
    path: Path
    first_loss: float
    last_loss: float


class _Start(NamedTuple):
    """A network, its items, its views, and the encoder whose features the items are."""

    network: "nn.Module"
    x: Num[ndarray, "n ..."]
    views: "Views"
    base: str | None


def retrain(
    project: Project,
    /,
    *,
    settings: "Settings | None" = None,
    loss: str = "vicreg",
    on_epoch: "Callable[[Record], None] | None" = None,
) -> Retrained:
    """Train an encoder on the current knowledge of a project, which uses it when it is opened again.

    A run that was stopped goes on from its checkpoint, in the project's folder ``training``, if nothing was answered
    since. The project may be open for looking only, and others may be annotating meanwhile.

    Parameters
    ----------
    project
        The project.
    settings
        See :class:`pal.training.Settings`.
    loss
        A name of :data:`pal.training.OBJECTIVES`.
    on_epoch
        Called with the record of each epoch.

    Raises
    ------
    InvalidInputError
        If nothing is known to be alike yet.
    TrainingError
        If training fails; the project stays as it was.
    MissingExtraError
        If torch or another package of the extra "train" isn't installed.
    """
    try:
        from pal.training import Settings, fit
    except ImportError as error:
        raise require_extra(error.name or "torch", "train") from None
    settings = Settings() if settings is None else settings
    now, features, directory = project.snapshot(), project.features, project.directory
    position, knowledge, rows = now.position, now.knowledge, np.flatnonzero(features.ready)
    _check(knowledge)
    start = _start(features, rows, settings.seed)
    graph = blend(identity(len(knowledge.group)), from_knowledge(knowledge, contrastive=False), alpha=ALPHA).take(rows)
    settings = replace(settings, batch_size=min(settings.batch_size, len(rows)))
    folder = directory / "training" / f"{position}-{features.encoder}-{loss}-{settings.seed}"
    trained = fit(
        start.network, start.x, graph, loss=loss, views=start.views, settings=settings, folder=folder, on_epoch=on_epoch
    )
    shape = start.x.shape[1:] if start.x.ndim == 2 else (start.x.shape[3], *start.x.shape[1:3])
    network = trained.encoder.cpu().eval()
    path = save_network(
        network, folder / f"encoder{SUFFIX}", item_shape=shape, base=start.base, position=position, loss=loss
    )
    name = name_of(path)
    home = directory / HOME
    home.mkdir(exist_ok=True)
    path = path.replace(home / f"{name}{SUFFIX}")
    _encode(TrainedEncoder(path), features, rows, start.x, directory / "features" / name)
    project.store.set_meta("encoder", name)
    return Retrained(name, path, trained.history[0]["loss"], trained.history[-1]["loss"])


def _check(knowledge: Knowledge) -> None:
    if len(np.unique(knowledge.group)) == knowledge.n_items:
        raise InvalidInputError("no two items are known to be alike yet; answer some pages, then train")


def _start(features: Features, rows: ndarray, seed: int) -> _Start:
    """What is trained on what."""
    import torch

    from pal.encoders.networks import MLP, SmallConvNet
    from pal.training import simclr_views, vector_views

    before, items = features.trained, features.items
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if items.vectors is not None:
            x, base = items.vectors[rows].astype(np.float32), None
            network: nn.Module = MLP(x.shape[1])
        elif features.encoder == "pixels" or (before is not None and before.base is None):
            pictures = [read_picture(path, 2 * SIDE) for i in rows.tolist() if (path := items.path[i]) is not None]
            x, base, network = as_pictures(pictures, (3, SIDE, SIDE)), None, SmallConvNet()
        else:
            x, base = features.of_base(rows)
            network = MLP(x.shape[1])
    if before is not None:
        network = before.network
    views = simclr_views((SIDE, SIDE)) if x.ndim == 4 else vector_views()
    return _Start(network.train(), x, views, base)


def _encode(encoder: TrainedEncoder, features: Features, rows: ndarray, x: ndarray, directory: Path) -> None:
    """Fill the cache of the new encoder; for vectors the project encodes them when it is opened."""
    if features.items.vectors is not None:
        return
    cache = FeatureCache(directory, encoder.n_features)
    ids = [features.items.id[i] for i in rows.tolist()]
    for start in range(0, len(ids), 1024):
        part = slice(start, start + 1024)
        cache.add(ids[part], encoder.encode(x[part]))
