"""Algorithm 1 with a network: descend a loss of the similarity graph over batches that bring alike items together."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy import ndarray
from torch import Tensor, nn

from pal.builders import augmented, identity
from pal.errors import InvalidInputError, PalError, TrainingError, require_extra
from pal.graph import SimilarityGraph
from pal.losses import gather_rows
from pal.training import checkpoint, log
from pal.training.augmentations import Views, unchanged
from pal.training.batches import epoch as batches_of_epoch
from pal.training.batches import has_positive_pair
from pal.training.blends import Batch, Source, over_views
from pal.training.distributed import my_share, synchronised
from pal.training.embed import Probe, evaluating
from pal.training.head import N_COMPONENTS, Projected, ProjectionHead
from pal.training.items import as_tensor, batch_of
from pal.training.objectives import Objective, get_objective
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
        G over the items, or a function of the batch (:mod:`pal.training.blends`).
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
    run = _Run(encoder, as_tensor(items), graph, get_objective(loss), views, settings, drawn_by, folder)
    run.prepare(fabric or _fabric(settings), head if after is None else after.head, n_components, optimizer, schedule)
    if after is not None and after.optimizer:
        run.go_on(after.optimizer)
    run.resume()
    with _seeded_apart(), _one_sentence(run):
        while not run.finished(probe is not None):
            run.epoch(probe, on_epoch)
    return run.result()


class _Run:
    """One run in progress."""

    def __init__(
        self,
        encoder: nn.Module,
        items: Tensor,
        source: Source,
        objective: Objective,
        views: Views,
        settings: Settings,
        drawn_by: SimilarityGraph | None,
        folder: Path | None,
    ) -> None:
        self.encoder, self.items, self.source, self.objective = encoder, items, source, objective
        self.views, self.settings, self.folder = views, settings, folder
        drawn = source if isinstance(source, SimilarityGraph) else drawn_by
        self.drawn = identity(len(items)) if drawn is None else drawn
        if self.drawn.n_items != len(items):
            raise InvalidInputError(
                f"the graph must have one row for each of the {len(items)} items, got {self.drawn.n_items}"
            )
        static = isinstance(source, SimilarityGraph)
        if static and not has_positive_pair(augmented(self.drawn, settings.n_views)):
            raise InvalidInputError(
                "the graph has no positive pair, so there is nothing to learn; ask more relations, "
                "or add the identity graph and take two views"
            )
        self.step, self.history = 0, list[log.Record]()

    def prepare(
        self,
        fabric: "Fabric",
        head: nn.Module | None,
        n_components: int,
        optimizer: MakeOptimizer,
        schedule: MakeSchedule,
    ) -> None:
        """Head, optimiser and schedule, on the device."""
        self.fabric, s = fabric, self.settings
        if s.batch_size % fabric.world_size:
            raise InvalidInputError(
                f"batch_size must be a multiple of the {fabric.world_size} processes, got {s.batch_size}"
            )
        with _seeded_apart():
            torch.manual_seed(s.seed)
            self.head = ProjectionHead(self._width(), n_components=n_components) if head is None else head
        net: nn.Module = Projected(self.encoder, self.head)
        if self.items.ndim == 4:
            net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        net = synchronised(net, fabric.world_size)
        made = optimizer([p for p in net.parameters() if p.requires_grad], s)
        self.steps_per_epoch = max(len(self.items) // s.batch_size, 1)
        self.schedule = schedule(made, s.epochs * self.steps_per_epoch, s)
        self.net, self.optimizer = fabric.setup(net, made)

    def go_on(self, state: dict[str, Any]) -> None:
        """Take over an optimiser's state, but not its learning rate: that is this run's schedule's."""
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state["state"], "param_groups": groups})

    def resume(self) -> None:
        """Go on from the folder's checkpoint if there is one."""
        if self.folder is None:
            return
        state = checkpoint.load(self.folder)
        if state is not None:
            checkpoint.check_same(state["run"], self._about(), self.folder)
            self.encoder.load_state_dict(state["encoder"])
            self.head.load_state_dict(state["head"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.schedule.load_state_dict(state["schedule"])
            self.step, self.history = state["step"], list(state["history"])
            self._partial = state["partial"]
        else:
            self.save()  # so that a run killed in its first epoch starts from the same weights
        if self.fabric.is_global_zero:
            log.write(self.folder, self.history)

    def finished(self, probed: bool) -> bool:
        """Whether all epochs are done, or none of the last ones was better."""
        done = len(self.history)
        patience = self.settings.patience
        if done >= self.settings.epochs:
            return True
        if patience is None or done <= patience:
            return False
        scores = [r["probe"] for r in self.history if "probe" in r] if probed else [-r["loss"] for r in self.history]
        return len(scores) > patience and max(scores[-patience:]) <= max(scores[:-patience])

    def epoch(self, probe: Probe | None, on_epoch: Callable[[log.Record], None] | None) -> None:
        """One epoch, from wherever the checkpoint left it."""
        s, number = self.settings, len(self.history)
        rng = np.random.default_rng([s.seed, number])
        plan = batches_of_epoch(self.drawn, batch_size=s.batch_size, mates=s.mates, rng=rng)
        start, first = time.perf_counter(), self.step - number * self.steps_per_epoch
        losses = self._partial[:first]
        self.net.train()
        for items in plan[first:]:
            losses.append(self._descend(items))
            self.step += 1
            self._partial = losses
            if s.save_every and self.step % s.save_every == 0 and len(losses) < len(plan):
                self.save()
        seconds = time.perf_counter() - start
        n_views = (len(plan) - first) * len(plan[0]) * s.n_views
        record = {
            "epoch": number + 1,
            "loss": float(np.mean(losses)),
            "learning_rate": float(self.schedule.get_last_lr()[0]),
            "seconds": round(seconds, 3),
            "views_per_second": round(n_views / max(seconds, 1e-9), 1),
        }
        if probe is not None and ((number + 1) % probe.every == 0 or number + 1 == s.epochs):
            record["probe"] = probe(self.encoder)
        self.history.append(record)
        self._partial = []
        self.save()
        if self.folder is not None and self.fabric.is_global_zero:
            log.append(self.folder, record)
        if on_epoch is not None:
            on_epoch(record)

    def save(self) -> None:
        """Write the checkpoint, from one process."""
        if self.folder is None:
            return
        if self.fabric.is_global_zero:
            state = {
                "run": self._about(), "step": self.step, "history": self.history, "partial": self._partial,
                "encoder": self.encoder.state_dict(), "head": self.head.state_dict(),
                "optimizer": self.optimizer.state_dict(), "schedule": self.schedule.state_dict(),
            }  # fmt: skip
            checkpoint.save(self.folder, state)
        self.fabric.barrier()

    def result(self) -> Trained:
        """The modules as they are."""
        return Trained(self.encoder, self.head, tuple(self.history), self.optimizer.state_dict())

    _partial: list[float] = []  # noqa: RUF012  losses of the epoch in work; replaced, never changed

    def _descend(self, items: Int64[ndarray, " b"]) -> float:
        """One step; its loss."""
        s = self.settings
        _seed(s.seed, self.step, self.fabric.global_rank)
        x = batch_of(self.items, my_share(items, self.fabric.global_rank, self.fabric.world_size), self.fabric.device)
        features, z = self.net(self.views(x.repeat_interleave(s.n_views, 0)))
        loss = self._loss(items, features, gather_rows(z))
        value = float(loss.detach())
        if not np.isfinite(value):
            raise TrainingError(
                f"the loss is {value} at step {self.step + 1} (epoch {len(self.history) + 1}); "
                f"lower the learning rate ({s.learning_rate}) or set clip{self.kept()}"
            )
        self.fabric.backward(loss)
        if s.clip is not None:
            self.fabric.clip_gradients(self.net, self.optimizer, max_norm=s.clip, error_if_nonfinite=False)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.schedule.step()
        return value

    def _loss(self, items: Int64[ndarray, " b"], features: Tensor, z: Float[Tensor, "bv k"]) -> Tensor:
        given = isinstance(self.source, SimilarityGraph)
        seen = features.detach() if given else gather_rows(features.detach())
        batch = Batch(items, self.settings.n_views, seen, z.detach())
        graph = over_views(self.source, batch) if isinstance(self.source, SimilarityGraph) else self.source(batch)
        if not has_positive_pair(graph):
            raise TrainingError(
                f"the batch of step {self.step + 1} holds no pair of alike items; take larger batches, more mates or "
                f"two views with the identity graph{self.kept()}"
            )
        return self.objective(z, graph, batch)

    def kept(self) -> str:
        """What an error says of the checkpoint."""
        kept = self.folder is not None and (self.folder / checkpoint.NAME).is_file()
        return f"; the last checkpoint is {self.folder / checkpoint.NAME}" if kept and self.folder else ""

    def _width(self) -> int:
        device = next(self.encoder.parameters(), torch.empty(0)).device
        with evaluating(self.encoder), torch.inference_mode():
            features = self.encoder(batch_of(self.items, np.arange(min(2, len(self.items))), device))
        if not isinstance(features, Tensor) or features.ndim != 2:
            raise InvalidInputError("the encoder must map b items to features (b, d); flatten its output")
        return int(features.shape[1])

    def _about(self) -> dict[str, Any]:
        return {**asdict(self.settings), "items": list(self.items.shape), "graph": _digest(self.drawn)}


def _digest(graph: SimilarityGraph) -> str:
    """Start of the SHA-256 of a graph's factors."""
    digest = hashlib.sha256()
    for part in (graph.membership, graph.relation):
        for array in (part.indptr, part.indices, part.data):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _fabric(settings: Settings) -> "Fabric":
    try:
        from lightning_fabric import Fabric
    except ImportError:
        raise require_extra("lightning-fabric", "train") from None
    device = device_here(settings.device)
    return Fabric(accelerator=device, devices=1, precision=precision_here(settings.precision, device))


def _seed(seed: int, step: int, rank: int) -> None:
    """Seed torch for one step."""
    torch.manual_seed(int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0] >> 1))


@contextmanager
def _seeded_apart() -> Iterator[None]:
    """Leave torch's generators as they were."""
    with torch.random.fork_rng():
        yield


@contextmanager
def _one_sentence(run: _Run) -> Iterator[None]:
    """Say in one sentence that the memory is full."""
    s = run.settings
    try:
        yield
    except PalError:
        raise
    except (MemoryError, RuntimeError) as error:
        text = str(error).lower()
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "memory" not in text:
            raise
        raise TrainingError(
            f"out of memory with {s.batch_size} items of {s.n_views} views a batch; "
            f"take a smaller batch_size{run.kept()}"
        ) from error
