"""Pruning: near the centres of clusters while few labels exist, far from them later (paper, algorithm 5)."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from pal.answers import Question
from pal.oracles.askable import believed
from pal.oracles.clusters import k_means
from pal.oracles.pages import likely_page
from pal.oracles.state import State

# "Few" labels: fewer than this many a cluster. The paper leaves it open.
FEW = 10


def pruning(state: State, /) -> list[Question]:
    """Ask about easy items first, hard ones later; O(N C k) a page.

    k-means in Z with one cluster a believed class; an item is easy if its cosine distance to its centre is small
    (Sorscher et al. 2022, https://arxiv.org/abs/2206.14486).
    """
    askable = believed(state)
    n_clusters = max(len(askable.template), 2)
    centres, cluster = k_means(state.embedding, n_clusters, rng=state.rng)
    distance = cosine_distance(state.embedding, centres[cluster])
    few = (askable.label >= 0).sum() < FEW * n_clusters
    return likely_page(state, askable, 1.0 - distance / 2.0 if few else distance / 2.0)


def cosine_distance(z: Float[ndarray, "n k"], centre: Float[ndarray, "n k"], /) -> Float[ndarray, " n"]:
    """1 − cos(z_i, c_i), between 0 and 2; 1 where a row is zero."""
    z = np.asarray(z, dtype=np.float64)
    norm = np.linalg.norm(z, axis=1) * np.linalg.norm(centre, axis=1)
    return 1.0 - np.clip((z * centre).sum(axis=1) / np.maximum(norm, 1e-300), -1.0, 1.0)
