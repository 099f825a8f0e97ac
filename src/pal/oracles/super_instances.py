"""Super-instances: cluster top-down until pure, merge bottom-up by asking (van Craenendonck et al. 2018, COBRAS).

A super-instance is a set of items presumed alike. One that holds items known to differ is split; so is the largest when
all are settled. Its medoid stands for it, and is put before the class it most likely belongs to. COBRAS keeps its
tree; here the tree is rebuilt from embedding and answers at each page, as state lives in the answers alone.
"""

import heapq
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from pal.answers import Question
from pal.oracles.askable import Askable, believed
from pal.oracles.clusters import k_means
from pal.oracles.pages import likely_page
from pal.oracles.state import State

MAX_SPLITS = 512
# Steps of k-means to split a leaf.
_STEPS = 3


def super_instances(state: State, /) -> list[Question]:
    """Ask about the medoids of the super-instances without a settled item, largest first.

    https://arxiv.org/abs/1803.11060. O(N k) a level of the tree, at most 512 splits a page.
    """
    askable = believed(state)
    leaves = refine(np.asarray(state.embedding, dtype=np.float64), askable, n_open=state.page_size, rng=state.rng)
    score = np.zeros(state.n_items)
    for leaf in leaves:
        items = leaf[askable.any_open[leaf]]
        if len(items):
            distance = np.linalg.norm(state.embedding[items] - state.embedding[leaf].mean(axis=0), axis=1)
            score[items[distance.argmin()]] = len(leaf) if (askable.label[leaf] < 0).all() else 1e-3
    return likely_page(state, askable, score / max(score.max(initial=0.0), 1e-12))


def refine(
    z: Float[ndarray, "n k"], askable: Askable, /, *, n_open: int, rng: np.random.Generator
) -> list[Int64[ndarray, " m"]]:
    """Split all items in two, and again, until no leaf holds two classes and ``n_open`` leaves are unsettled.

    Leaves are split impure ones first, then the one with most items left to settle; copies of one point stay together,
    and a leaf with nothing left to settle is left whole.
    """
    heap: list[tuple[bool, int, int, _Leaf]] = []
    whole: list[Int64[ndarray, " m"]] = []
    n_unsettled = int(_push(heap, _leaf(askable, np.arange(len(z))), 0))
    for split in range(1, MAX_SPLITS + 1):
        if not heap:
            break
        pure, _, _, leaf = heap[0]
        if leaf.n_open == 0 or (pure and n_unsettled >= n_open):
            break
        heapq.heappop(heap)
        _, side = k_means(z[leaf.items], 2, rng=rng, n_steps=_STEPS) if len(leaf.items) > 1 else (None, np.zeros(1))
        if not 0 < side.sum() < len(leaf.items):
            whole.append(leaf.items)
            continue
        n_unsettled -= leaf.unsettled
        for part in (0, 1):
            n_unsettled += _push(heap, _leaf(askable, leaf.items[side == part]), 2 * split + part)
    return [*whole, *(leaf.items for _, _, _, leaf in heap)]


def _push(heap: "list[tuple[bool, int, int, _Leaf]]", leaf: "_Leaf", number: int) -> bool:
    """Queue a leaf, impure ones first, then by items left to settle, then in order; returns whether it is unsettled."""
    heapq.heappush(heap, (not leaf.impure, -leaf.n_open, number, leaf))
    return leaf.unsettled


class _Leaf(NamedTuple):
    items: Int64[ndarray, " m"]
    n_open: int
    impure: bool
    unsettled: bool


def _leaf(askable: Askable, items: Int64[ndarray, " m"]) -> _Leaf:
    label = askable.label[items]
    known = label[label >= 0]
    n_open = int(askable.any_open[items].sum())
    impure = n_open > 0 and len(known) > 0 and bool((known != known[0]).any())
    return _Leaf(items, n_open, impure, n_open > 0 and not len(known))
