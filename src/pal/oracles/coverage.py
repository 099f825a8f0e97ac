"""Low-budget coverage: typical or covering items first, as uncertainty says little while few labels exist.

Two rules: TypiClust (Hacohen et al. 2022, https://arxiv.org/abs/2202.02794) asks about the most typical item of each
cluster not yet covered; MaxHerding (Bae et al. 2024, https://arxiv.org/abs/2407.12212) about the item that adds most to
the kernel coverage Σ_x max_{a asked} k(x, a).
"""

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy import ndarray

from pal.answers import Question
from pal.oracles.askable import Askable, believed
from pal.oracles.clusters import k_means, nearest, squared_distances
from pal.oracles.pages import likely_page, page_of, rarer_mode
from pal.oracles.state import State

# Neighbours whose mean distance makes an item typical, and the most clusters (both from the paper of TypiClust).
N_NEIGHBORS = 20
MAX_CLUSTERS = 500
# Steps of k-means; beyond this many clusters fewer, as the paper's implementation turns to mini-batches there.
_FEW_CLUSTERS, _STEPS, _FEWER_STEPS = 50, 10, 2
# Items that stand for all others in densities, items to choose from, and asked items that count as covering.
_REFERENCE, _CANDIDATES, _COVERING = 2000, 1000, 2000


def typiclust(state: State, /) -> list[Question]:
    """Ask about typical items of the largest clusters without an asked item; O(N · clusters · k) a page.

    Clusters grow in number with the items asked about. Only the largest page_size uncovered clusters are looked at, and
    densities are taken over at most 2,000 of a cluster's items.
    """
    askable = believed(state)
    asked = state.knowledge.asked
    n_clusters = min(int(asked.sum()) + state.page_size, MAX_CLUSTERS, state.n_items)
    n_steps = _STEPS if n_clusters <= _FEW_CLUSTERS else _FEWER_STEPS
    _, cluster = k_means(state.embedding, max(n_clusters, 1), rng=state.rng, n_steps=n_steps)
    size = np.bincount(cluster)
    uncovered = np.where(np.bincount(cluster, weights=asked, minlength=len(size)) > 0, 0, size)
    score = np.zeros(state.n_items)
    for c in np.argsort(-uncovered, kind="stable")[: state.page_size]:
        members = np.flatnonzero(cluster == c)
        typical = typicality(state.embedding[members], rng=state.rng)
        rank = np.argsort(np.argsort(-typical, kind="stable"))
        # The most typical item of a cluster stands for it; the others only fill the page.
        score[members] = uncovered[c] * np.where(rank == 0, 1.0, 1e-6 / (1.0 + rank))
    return likely_page(state, askable, score / max(score.max(), 1e-12))


def typicality(z: Float[ndarray, "q k"], /, *, rng: np.random.Generator) -> Float[ndarray, " q"]:
    """Inverse mean distance to the 20 nearest of at most 2,000 of the items, (q,); O(q · 2,000 · k)."""
    z = np.asarray(z, dtype=np.float64)
    reference = z if len(z) <= _REFERENCE else z[rng.choice(len(z), _REFERENCE, replace=False)]
    count = min(N_NEIGHBORS + 1, len(reference))
    mean = np.empty(len(z))
    for start in range(0, len(z), _REFERENCE):
        distance = np.sqrt(squared_distances(z[start : start + _REFERENCE], reference))
        mean[start : start + _REFERENCE] = np.partition(distance, count - 1, axis=1)[:, :count].mean(axis=1)
    return 1.0 / (mean + 1e-12)


def max_herding(state: State, /) -> list[Question]:
    """Ask about the items of one class that add most to kernel coverage, chosen one after the other; O(N k) a page.

    Gaussian kernel of the median distance; coverage of 2,000 random items by at most 2,000 asked ones, over 1,000
    random candidates. The class is the one where the candidates' gains, taken singly, add up to most.
    """
    askable = believed(state)
    items = np.flatnonzero(askable.any_open)
    if not len(items):
        return likely_page(state, askable, np.zeros(state.n_items))
    candidates = state.rng.permutation(items)[:_CANDIDATES]
    z = np.asarray(state.embedding, dtype=np.float32)  # two million distances a page
    reference = z[state.rng.permutation(state.n_items)[:_REFERENCE]]
    covering = state.rng.permutation(np.flatnonzero(state.knowledge.asked))[:_COVERING]
    bandwidth = max(float(np.median(squared_distances(reference[:300], reference[:300]))), 1e-12)
    covered = np.zeros(len(reference), dtype=np.float32)
    if len(covering):
        covered = np.exp(-nearest(reference, z[covering])[1] / bandwidth).astype(np.float32)
    kernel = np.exp(-squared_distances(z[candidates], reference) / bandwidth)
    score = np.zeros(state.n_items)
    score[candidates] = np.maximum(kernel - covered, 0.0).sum(axis=1)
    page = page_of(state, _only(askable, candidates), askable.likely, score)[0]
    return [_herd(state, askable, page, candidates, kernel, covered)]


def _herd(
    state: State,
    askable: Askable,
    page: Question,
    candidates: Int64[ndarray, " q"],
    kernel: Float[ndarray, "q r"],
    covered: Float[ndarray, " r"],
) -> Question:
    """The page's class again, its tiles chosen greedily: each given the ones before it."""
    j = int(np.flatnonzero(askable.template == page.template)[0])
    row = np.flatnonzero(askable.likely[candidates] == j)
    kernel, items, free = kernel[row], candidates[row], np.ones(len(row), dtype=bool)
    tiles = []
    for _ in range(min(state.page_size, len(row))):
        gain = np.where(free, np.maximum(kernel - covered, 0.0).sum(axis=1), -1.0)
        best = int(gain.argmax())
        free[best] = False
        covered = np.maximum(covered, kernel[best])
        tiles.append(int(items[best]))
    return Question(page.template, np.array(tiles), rarer_mode(askable.probability[tiles, j]))


def _only(askable: Askable, items: Int64[ndarray, " q"]) -> Askable:
    keep: Bool[ndarray, " n"] = np.zeros(len(askable.label), dtype=bool)
    keep[items] = True
    return Askable(
        askable.template, askable.label, askable.open & keep[:, None], askable.probability, np.zeros_like(askable.same)
    )
