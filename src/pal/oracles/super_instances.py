"""Super-instances: cluster top-down until pure, merge bottom-up by asking (van Craenendonck et al. 2018, COBRAS).

A super-instance is a set of items presumed alike. One that holds items known to differ is split; so is the largest when
all are settled. Its medoid stands for it, and is put before the class it most likely belongs to. COBRAS keeps its
tree; here the tree is rebuilt from embedding and answers at each page, as state lives in the answers alone.
"""

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

    Leaves are split impure ones first, then the one with most items left to settle; copies of one point stay together.
    """
    leaves = [_leaf(askable, np.arange(len(z)))]
    for _ in range(MAX_SPLITS):
        wanting = sum(leaf.unsettled for leaf in leaves) < n_open
        worth = [
            (leaf.impure, leaf.n_open) if leaf.divisible and (leaf.impure or wanting) else (False, 0) for leaf in leaves
        ]
        at = max(range(len(leaves)), key=worth.__getitem__)
        if worth[at][1] == 0:
            break
        items = leaves[at].items
        _, side = k_means(z[items], 2, rng=rng)
        if 0 < side.sum() < len(items):
            leaves[at] = _leaf(askable, items[side == 0])
            leaves.append(_leaf(askable, items[side == 1]))
        else:
            leaves[at] = leaves[at]._replace(divisible=False)
    return [leaf.items for leaf in leaves]


class _Leaf(NamedTuple):
    items: Int64[ndarray, " m"]
    n_open: int
    impure: bool
    unsettled: bool
    divisible: bool


def _leaf(askable: Askable, items: Int64[ndarray, " m"]) -> _Leaf:
    label = askable.label[items]
    known = label[label >= 0]
    n_open = int(askable.any_open[items].sum())
    impure = len(known) > 0 and bool((known != known[0]).any())
    return _Leaf(items, n_open, impure, n_open > 0 and not len(known), len(items) > 1)
