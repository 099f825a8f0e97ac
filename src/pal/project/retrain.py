"""Training an encoder on a project's knowledge, for the project to use from then on.

The graph is that of the views, blended with what the answers imply. What is trained, unless it is said:

- a perceptron on the vectors, where the items are vectors;
- a perceptron on the features of the pretrained encoder, where the project has one;
- a small convolutional net, where the project's features are pixels;
- what was trained before goes on from where it was.

"fine-tune" trains a pretrained encoder itself, and "words" a net on the words of texts. Features of the new encoder
lie beside those of the old; the project turns to them in one step, when they are complete.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Num, UInt8
from numpy import ndarray

from pal.builders import blend, from_beliefs, from_knowledge, identity
from pal.datasets.files import read_picture
from pal.encoders.cache import FeatureCache
from pal.encoders.trained import SUFFIX, TrainedEncoder, as_pictures, name_of, save_network
from pal.encoders.words import word_numbers
from pal.errors import InvalidInputError, require_extra
from pal.graph import SimilarityGraph
from pal.items import Items
from pal.knowledge import Knowledge
from pal.project.core import Project
from pal.project.features import HOME, Features
from pal.project.snapshot import Snapshot

if TYPE_CHECKING:
    from torch import nn

    from pal.training import Settings
    from pal.training.augmentations import Views
    from pal.training.log import Record

#: Side of the pictures that a net from scratch is trained on, and share of the known relations in the graph.
SIDE, ALPHA = 32, 0.5
#: What can be trained.
NETWORKS = ("auto", "fine-tune", "words")
#: What it is trained on: :func:`pal.builders.from_knowledge`, or :func:`pal.builders.from_beliefs`.
GRAPHS = ("hard", "believed")
# Steps small enough to keep what a pretrained encoder knows, and batches that fit into a few GB.
_FINE_TUNE = {"learning_rate": 2e-4, "batch_size": 32}
_PICTURES = "pictures.npy"

Kind = Literal["vectors", "features", "small", "pretrained", "texts"]


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
    base: str | None = None

    @property
    def item_shape(self) -> tuple[int, ...]:
        """As the network takes them."""
        _, *shape = self.x.shape
        return (shape[2], *shape[:2]) if len(shape) == 3 else tuple(shape)


def retrain(
    project: Project,
    /,
    *,
    network: str = "auto",
    side: int | None = None,
    settings: "Settings | None" = None,
    loss: str = "vicreg",
    graph: str = "hard",
    on_epoch: "Callable[[Record], None] | None" = None,
) -> Retrained:
    """Train an encoder on the current knowledge of a project, which uses it when it is opened again.

    A run that was stopped goes on from its checkpoint, in the project's folder ``training``, if nothing was answered
    since. The project may be open for looking only, and others may be annotating meanwhile.

    Parameters
    ----------
    project
        The project.
    network
        One of :data:`NETWORKS`; see the module.
    side
        Pixels on a side of the pictures that a convolutional net takes; by default 32, or 160 for a pretrained one.
    settings
        By default those of :func:`settings_for`.
    loss
        A name of :data:`pal.training.OBJECTIVES`.
    graph
        One of :data:`GRAPHS`: what the answers imply, or its expectation under the model's beliefs, which speak of all
        items.
    on_epoch
        Called with the record of each epoch.

    Raises
    ------
    InvalidInputError
        If nothing is known to be alike yet, the graph is unknown, or the items aren't what the network takes.
    TrainingError
        If training fails; the project stays as it was.
    MissingExtraError
        If torch or another package of the extra "train" isn't installed.
    """
    try:
        from pal.training import fit
    except ImportError as error:
        raise require_extra(error.name or "torch", "train") from None
    if graph not in GRAPHS:
        raise InvalidInputError(f"unknown graph {graph!r}; choose one of {', '.join(GRAPHS)}")
    settings = settings_for(project, network=network) if settings is None else settings
    now, features, directory = project.snapshot(), project.features, project.directory
    position, knowledge, rows = now.position, now.knowledge, np.flatnonzero(features.ready)
    _check(knowledge)
    folder = directory / "training" / f"{position}-{features.encoder}-{network}-{loss}-{graph}-{settings.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    start = _start(features, rows, network, side, settings.seed, folder)
    alike = blend(identity(len(rows)), _alike(now, graph).take(rows), alpha=ALPHA)
    settings = replace(settings, batch_size=min(settings.batch_size, len(rows)))
    trained = fit(
        start.network, start.x, alike, loss=loss, views=start.views, settings=settings, folder=folder, on_epoch=on_epoch
    )
    path = save_network(
        trained.encoder.cpu().eval(), folder / f"encoder{SUFFIX}", item_shape=start.item_shape, base=start.base,
        position=position, loss=loss,
    )  # fmt: skip
    name = name_of(path)
    home = directory / HOME
    home.mkdir(exist_ok=True)
    path = path.replace(home / f"{name}{SUFFIX}")
    _encode(TrainedEncoder(path), features, rows, start.x, directory / "features" / name)
    project.store.set_meta("encoder", name)
    (folder / _PICTURES).unlink(missing_ok=True)
    return Retrained(name, path, trained.history[0]["loss"], trained.history[-1]["loss"])


def settings_for(project: Project, /, *, network: str = "auto", **given: Any) -> "Settings":
    """Settings of a run: small steps and batches for a pretrained encoder, but for what is ``given``.

    Raises
    ------
    InvalidInputError
        If the network is unknown, isn't one for the project's items, or a setting is out of range.
    """
    from pal.training import Settings

    return Settings(**{**(_FINE_TUNE if _kind(project.features, network) == "pretrained" else {}), **given})


def _check(knowledge: Knowledge) -> None:
    if len(np.unique(knowledge.group)) == knowledge.n_items:
        raise InvalidInputError("no two items are known to be alike yet; answer some pages, then train")


def _alike(now: Snapshot, graph: str) -> SimilarityGraph:
    """Which items are alike, 0..1: by what answers imply, or by what is believed."""
    if graph == "hard":
        return from_knowledge(now.knowledge, contrastive=False)
    return from_beliefs(now.published.model.beliefs.probability, contrastive=False)


def _start(features: Features, rows: ndarray, network: str, side: int | None, seed: int, folder: Path) -> _Start:
    """What is trained on what."""
    import torch

    from pal.encoders.efficientnet import Lite0
    from pal.encoders.networks import MLP, SmallConvNet, WordNet
    from pal.training import simclr_views, vector_views, word_views

    kind, items, before = _kind(features, network), features.items, features.trained
    if before is not None and _kind_of(before) != kind:
        before = None
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if kind == "texts":
            texts = _texts(items)
            x = word_numbers([texts[i] for i in rows.tolist()])
            return _Start(WordNet() if before is None else before.network, x, word_views())
        if kind in ("vectors", "features"):
            given = items.vectors if kind == "vectors" else None
            x, base = features.of_base(rows) if given is None else (given[rows].astype(np.float32), None)
            return _Start(MLP(x.shape[1]) if before is None else before.network, x, vector_views(), base)
        small = kind == "small"
        if before is None:
            made: nn.Module = SmallConvNet() if small else Lite0(pretrained=True)
            side = side or (SIDE if small else Lite0.side)
        else:
            made, (_, taken, _) = before.network, before.item_shape
            if side not in (None, taken):
                raise InvalidInputError(
                    f"the encoder to go on from takes pictures of {taken} × {taken}, got side {side}; leave --side out"
                )
            side = taken
        return _Start(made, _pictures(items, rows, side, folder / _PICTURES), simclr_views((side, side)))


def _kind(features: Features, network: str) -> Kind:
    """Kind of network that is meant."""
    if network not in NETWORKS:
        raise InvalidInputError(f"unknown network {network!r}; choose one of {', '.join(NETWORKS)}")
    items = features.items
    if network == "words":
        _texts(items)
        return "texts"
    if network == "fine-tune":
        if items.kind != "image" or not all(items.has_picture(i) for i in range(len(items))):
            raise InvalidInputError(f"a pretrained encoder takes pictures, got {items.kind}s of {items.source}")
        return "pretrained"
    if features.trained is not None:
        return _kind_of(features.trained)
    if items.vectors is not None:
        return "vectors"
    return "small" if features.encoder == "pixels" else "features"


def _kind_of(encoder: TrainedEncoder) -> Kind:
    """Kind of network that was trained before."""
    if encoder.at_once:
        return "texts" if encoder.takes == "texts" else "vectors"
    if encoder.base is not None:
        return "features"
    return "small" if encoder.network_name == "small" else "pretrained"


def _texts(items: Items) -> tuple[str, ...]:
    if items.text is None:
        raise InvalidInputError(f"a net of words takes texts, got {items.kind}s of {items.source}; leave --network out")
    return items.text


def _pictures(items: Items, rows: ndarray, side: int, path: Path) -> UInt8[ndarray, "n h w 3"]:
    """Pictures of some items in a file that is mapped: there may be more than the memory holds."""
    x = np.lib.format.open_memmap(path, "w+", np.uint8, (len(rows), side, side, 3))
    for place, i in enumerate(rows.tolist()):
        file = items.file(i)
        assert file is not None  # noqa: S101  items that are ready have a picture
        x[place] = as_pictures([read_picture(file, 2 * side)], (3, side, side))[0]
    return x


def _encode(encoder: TrainedEncoder, features: Features, rows: ndarray, x: ndarray, directory: Path) -> None:
    """Fill the cache of the new encoder; vectors and texts the project encodes when it is opened."""
    if encoder.at_once:
        return
    cache = FeatureCache(directory, encoder.n_features)
    ids = [features.items.id[i] for i in rows.tolist()]
    for start in range(0, len(ids), 1024):
        part = slice(start, start + 1024)
        cache.add(ids[part], encoder.encode(x[part]))
