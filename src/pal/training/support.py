"""NNCLR: the nearest neighbour of a view, in a support set of past embeddings, is alike to the item's other views.

Definition. The support set Q holds the last M embeddings of first views, of length 1. With nn(z) = argmax_{q ∈ Q} qᵀz
and z' the embedding of another view, item i of a batch of b items costs

    L_i = −log exp(nn(z_i)ᵀz'_i/τ) / Σ_k exp(nn(z_i)ᵀz'_k/τ),

averaged over the items and the views that ask (Dwibedi et al. 2021, arXiv 2104.14548, eq. 3; algorithm 4 of the paper,
with the set in place of the batch). No gradient goes through Q.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from numpy import ndarray
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from pal import losses
from pal.errors import InvalidInputError
from pal.graph import SimilarityGraph
from pal.training.blends import Batch


class SupportSet:
    """Objective (1 − w) · SimCLR(Z; G) + w · NNCLR(Z; Q), for :func:`pal.training.fit`.

    It has a state, the set, that checkpoints keep; give each run one of its own.

    Parameters
    ----------
    size
        M. An item's own past views are passed over.
    weight
        w, 0..1; NNCLR alone is 1.
    wait
        Steps before neighbours count; they never do before the set is full.
    agree
        Whether a neighbour counts only where all views of an item choose the same one. Such neighbours are rarer, and
        more often of the item's class.
    together
        Whether an item asks once, by the mean of its views, and the set holds such means.
    temperature
        τ of both parts.

    Attributes
    ----------
    found
        Items of the last batch whose neighbour counted, and the items that the neighbours are views of, (2, p); what
        their purity is measured by.

    Raises
    ------
    InvalidInputError
        If an option is out of range.
    """

    def __init__(
        self,
        size: int = 1024,
        *,
        weight: float = 0.5,
        wait: int = 0,
        agree: bool = False,
        together: bool = False,
        temperature: float = 0.2,
    ) -> None:
        if size < 1 or wait < 0 or not 0 <= weight <= 1 or temperature <= 0:
            raise InvalidInputError(
                f"expected size ≥ 1, wait ≥ 0, weight in [0, 1] and temperature > 0; "
                f"got {size}, {wait}, {weight} and {temperature}"
            )
        self.size, self.weight, self.wait, self.agree, self.together = size, weight, wait, agree, together
        self.temperature = temperature
        self.embeddings, self.items = torch.empty(0, 0), torch.empty(0, dtype=torch.int64)
        self.n_steps = 0
        self.found: Int64[ndarray, "2 p"] = np.empty((2, 0), dtype=np.int64)

    def __call__(self, z: Float[Tensor, "bv k"], graph: SimilarityGraph, batch: Batch) -> Float[Tensor, ""]:
        """Loss of a batch; the set takes in its first views."""
        if batch.n_views < 2:
            raise InvalidInputError(f"neighbours of a view need another view, got n_views {batch.n_views}; take 2")
        loss = losses.simclr(z, graph, temperature=self.temperature)
        views = normalize(z.float(), dim=1).reshape(len(batch.items), batch.n_views, -1)
        self.found = self.found[:, :0]
        asks = views.detach()
        if self.together:
            asks = normalize(asks.mean(1, keepdim=True), dim=2).expand_as(asks)
        if self.weight > 0 and self.n_steps >= self.wait and len(self.items) == self.size:
            loss = (1 - self.weight) * loss + self.weight * self._neighbors(asks, views, batch)
        self._take_in(asks[:, 0], batch)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The set, and how many steps it has seen."""
        return {"embeddings": self.embeddings, "items": self.items, "n_steps": self.n_steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the set of :meth:`state_dict`."""
        self.embeddings, self.items, self.n_steps = state["embeddings"], state["items"], state["n_steps"]

    def _neighbors(
        self, asks: Float[Tensor, "b v k"], views: Float[Tensor, "b v k"], batch: Batch
    ) -> Float[Tensor, ""]:
        """NNCLR over the items whose neighbours count; ``asks`` look for them."""
        support, support_items = self.embeddings.to(views.device), self.items.to(views.device)
        own = torch.from_numpy(np.ascontiguousarray(batch.items)).to(views.device)[:, None, None] == support_items
        chosen = (asks @ support.t()).masked_fill(own, -torch.inf).argmax(2)
        of = support_items[chosen]
        counts: Bool[Tensor, " b"] = (of == of[:, :1]).all(1) if self.agree else torch.ones_like(of[:, 0]).bool()
        rows = torch.nonzero(counts)[:, 0]
        self.found = np.stack([batch.items[rows.cpu().numpy()], of[rows, 0].cpu().numpy()])
        if not len(rows):
            return views.sum() * 0.0
        costs = [
            cross_entropy(support[chosen[rows, v]] @ views[:, (v + 1) % views.shape[1]].t() / self.temperature, rows)
            for v in range(views.shape[1])
        ]
        return torch.stack(costs).mean()

    def _take_in(self, first: Float[Tensor, "b k"], batch: Batch) -> None:
        before = self.embeddings if self.embeddings.numel() else first[:0].cpu()
        items = torch.from_numpy(np.ascontiguousarray(batch.items))
        self.embeddings = torch.cat([before.to(first.device), first])[-self.size :]
        self.items = torch.cat([self.items, items])[-self.size :]
        self.n_steps += 1
