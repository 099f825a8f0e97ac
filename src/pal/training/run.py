"""One run in progress: modules, optimiser, schedule, and how far it is."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy import ndarray
from torch import Tensor, nn

from pal.builders import augmented, identity
from pal.errors import InvalidInputError
from pal.graph import SimilarityGraph
from pal.losses import gather_rows
from pal.training import checkpoint, faults, log
from pal.training.augmentations import Views
from pal.training.batches import epoch as batches_of_epoch
from pal.training.batches import has_positive_pair
from pal.training.blends import Batch, EachEpoch, Source, over_views
from pal.training.distributed import my_share, synchronised
from pal.training.embed import Probe, embed
from pal.training.head import Projected
from pal.training.items import batch_of
from pal.training.objectives import Objective
from pal.training.settings import MakeOptimizer, MakeSchedule, Settings

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Run:
    """A run of :func:`pal.training.fit`.

    ``graph`` is what batches are drawn by: the source itself, its graph of the epoch, or ``drawn_by``.
    """

    def __init__(
        self,
        items: Tensor,
        source: Source,
        objective: Objective,
        views: Views,
        settings: Settings,
        *,
        drawn_by: SimilarityGraph | None,
        folder: Path | None,
    ) -> None:
        self.items, self.source, self.objective = items, source, objective
        self.views, self.settings, self.folder = views, settings, folder
        self.graph = _first(source, drawn_by, len(items), settings)
        self.about = {**asdict(settings), "items": list(items.shape), "graph": _digest(self.graph)}
        self.step, self.history = 0, list[log.Record]()
        self.losses = list[float]()  # of the epoch in work

    def prepare(
        self, encoder: nn.Module, head: nn.Module, optimizer: MakeOptimizer, schedule: MakeSchedule, fabric: "Fabric"
    ) -> None:
        """Modules, optimiser and schedule, on the device."""
        s, self.fabric, self.encoder, self.head = self.settings, fabric, encoder, head
        if s.batch_size % fabric.world_size:
            raise InvalidInputError(
                f"batch_size must be a multiple of the {fabric.world_size} processes, got {s.batch_size}"
            )
        net: nn.Module = Projected(encoder, head)
        if self.items.ndim == 4:
            net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        net = synchronised(net, fabric.world_size)
        made = optimizer([p for p in net.parameters() if p.requires_grad], s)
        self.schedule = schedule(made, s.epochs * max(len(self.items) // s.batch_size, 1), s)
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
        if state is None:
            self.save()  # so that a run killed in its first epoch starts from the same weights
        else:
            checkpoint.check_same(state["run"], self.about, self.folder)
            for name, part in self._parts().items():
                part.load_state_dict(state[name])
            self.step, self.history, self.losses = state["step"], list(state["history"]), state["losses"]
            if isinstance(self.source, EachEpoch):
                self.graph = checkpoint.as_graph(state["graph"])
        if self.fabric.is_global_zero:
            log.write(self.folder, self.history)

    def save(self) -> None:
        """Write the checkpoint, from one process."""
        if self.folder is None:
            return
        faults.check_weights(self.net, self.step, self.settings, self.folder)
        if self.fabric.is_global_zero:
            state = {"run": self.about, "step": self.step, "history": self.history, "losses": self.losses}
            if isinstance(self.source, EachEpoch):
                state["graph"] = checkpoint.of_graph(self.graph)
            checkpoint.save(self.folder, state | {name: part.state_dict() for name, part in self._parts().items()})
        self.fabric.barrier()

    def finished(self) -> bool:
        """Whether all epochs are done, or none of the last ones was better."""
        patience = self.settings.patience
        if len(self.history) >= self.settings.epochs:
            return True
        probed = [r["probe"] for r in self.history if "probe" in r]
        scores = probed or [-r["loss"] for r in self.history]
        return patience is not None and len(scores) > patience and max(scores[-patience:]) <= max(scores[:-patience])

    def epoch(self, probe: Probe | None) -> log.Record:
        """One epoch, or what a checkpoint left of it; its record."""
        s, number = self.settings, len(self.history)
        if not self.losses:
            self._renew()
        rng = np.random.default_rng([s.seed, number])
        plan = batches_of_epoch(self.graph, batch_size=s.batch_size, mates=s.mates, rng=rng)
        left, start = plan[len(self.losses) :], time.perf_counter()
        self.net.train()
        for items in left:
            self.losses.append(self._descend(items))
            self.step += 1
            if s.save_every and self.step % s.save_every == 0 and len(self.losses) < len(plan):
                self.save()
        seconds = time.perf_counter() - start
        record = {
            "epoch": number + 1,
            "loss": float(np.mean(self.losses)),
            "learning_rate": float(self.schedule.get_last_lr()[0]),
            "seconds": round(seconds, 3),
            "views_per_second": round(sum(map(len, left)) * s.n_views / max(seconds, 1e-9), 1),
        }
        if probe is not None and ((number + 1) % probe.every == 0 or number + 1 == s.epochs):
            record["probe"] = probe(self.encoder)
        self.history.append(record)
        self.losses = []
        self.save()
        if self.folder is not None and self.fabric.is_global_zero:
            log.append(self.folder, record)
        return record

    def _parts(self) -> Mapping[str, Any]:
        """Whatever has a state to keep; some objectives have."""
        parts = {"encoder": self.encoder, "head": self.head, "optimizer": self.optimizer, "schedule": self.schedule}
        return {**parts, "objective": self.objective} if hasattr(self.objective, "state_dict") else parts

    def _renew(self) -> None:
        """Graph of the epoch that begins, the same in all processes."""
        if isinstance(self.source, EachEpoch):
            done = len(self.history) / self.settings.epochs
            self.graph = self.fabric.broadcast(self.source.renew(embed(self.encoder, self.items), done))

    def _descend(self, items: Int64[ndarray, " b"]) -> float:
        """One step; its loss."""
        s, fabric = self.settings, self.fabric
        _seed(s.seed, self.step, fabric.global_rank)
        x = batch_of(self.items, my_share(items, fabric.global_rank, fabric.world_size), fabric.device)
        features, z = self.net(self.views(x.repeat_interleave(s.n_views, 0)))
        loss = self._loss(items, features, gather_rows(z))
        value = float(loss.detach())
        if not np.isfinite(value):
            raise faults.no_number(value, self.step + 1, len(self.history) + 1, s, self.folder)
        fabric.backward(loss)
        if s.clip is not None:
            fabric.clip_gradients(self.net, self.optimizer, max_norm=s.clip, error_if_nonfinite=False)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.schedule.step()
        return value

    def _loss(self, items: Int64[ndarray, " b"], features: Tensor, z: Float[Tensor, "bv k"]) -> Tensor:
        if isinstance(self.source, SimilarityGraph | EachEpoch):
            batch = Batch(items, self.settings.n_views, features.detach(), z.detach())
            graph = over_views(self.graph, batch)
        else:
            batch = Batch(items, self.settings.n_views, gather_rows(features.detach()), z.detach())
            graph = self.source(batch)
        if not has_positive_pair(graph):
            raise faults.no_pair(self.step + 1, self.folder)
        return self.objective(z, graph, batch)


def _first(source: Source, drawn_by: SimilarityGraph | None, n_items: int, settings: Settings) -> SimilarityGraph:
    """Graph that the first batches are drawn by."""
    graph = source.first if isinstance(source, EachEpoch) else source
    given = isinstance(graph, SimilarityGraph)
    drawn = graph if isinstance(graph, SimilarityGraph) else identity(n_items) if drawn_by is None else drawn_by
    if drawn.n_items != n_items:
        raise InvalidInputError(f"the graph must have one row for each of the {n_items} items, got {drawn.n_items}")
    if given and not has_positive_pair(augmented(drawn, settings.n_views)):
        raise InvalidInputError(
            "the graph has no positive pair, so there is nothing to learn; ask more relations, "
            "or add the identity graph and take two views"
        )
    return drawn


def _digest(graph: SimilarityGraph) -> str:
    """Start of the SHA-256 of a graph's factors."""
    digest = hashlib.sha256()
    for part in (graph.membership, graph.relation):
        for array in (part.indptr, part.indices, part.data):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _seed(seed: int, step: int, rank: int) -> None:
    """Seed torch for one step."""
    torch.manual_seed(int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0] >> 1))
