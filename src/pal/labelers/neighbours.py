"""A labeler without people: alike iff nearest neighbours in the embedding (paper, algorithm 4, NNCLR)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int8
from numpy import ndarray

from pal.answers import Question


@dataclass(frozen=True, eq=False)
class NeighbourLabeler:
    """Call two items alike if one is the other's nearest neighbour among all items of the page.

    G_ij = 1 if z_i ∈ N(z_j; I) or z_j ∈ N(z_i; I), with I the template and the tiles (Dwibedi et al. 2021,
    https://arxiv.org/abs/2104.14548; the "or" makes the paper's G symmetric).

    Parameters
    ----------
    embedding
        Z, (n_items, k), or a function that returns the present one, such as ``lambda: loop.model.embedding``.
    contrastive
        Whether other pairs are unlike (−1) rather than unknown (0), which is all that a distance can say.
    """

    embedding: Float[ndarray, "n k"] | Callable[[], Float[ndarray, "n k"]]
    contrastive: bool = False

    def __call__(self, question: Question, /) -> Int8[ndarray, " q"]:
        """Answer a page of q tiles in O(q² k); equally near tiles are all nearest."""
        embedding = self.embedding() if callable(self.embedding) else self.embedding
        z = np.asarray(embedding[np.r_[question.template, question.items]], dtype=np.float64)
        squared = np.square(z[:, None] - z[None]).sum(axis=-1)
        np.fill_diagonal(squared, np.inf)
        nearest = squared == squared.min(axis=1, keepdims=True)
        alike = nearest[0, 1:] | nearest[1:, 0]
        return np.where(alike, 1, -1 if self.contrastive else 0).astype(np.int8)
