"""Super-instances: cluster top-down until pure, merge bottom-up by asking (van Craenendonck et al. 2018, COBRAS).

A super-instance is a set of items presumed alike. One that holds items known to differ is split; so is the largest when
all are settled. Its medoid stands for it, and is put before the class it most likely belongs to. COBRAS keeps its
tree; here the tree is rebuilt from embedding and answers at each page, as state lives in the answers alone.
"""

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
            score[items[distance.argmin()]] = len(leaf) if _unsettled(askable, leaf) else 1e-3
    return likely_page(state, askable, score / max(score.max(initial=0.0), 1e-12))


def refine(
    z: Float[ndarray, "n k"], askable: Askable, /, *, n_open: int, rng: np.random.Generator
) -> list[Int64[ndarray, " m"]]:
    """Split all items in two, and again, until no leaf holds two classes and ``n_open`` leaves are unsettled."""
    leaves = [np.arange(len(z))]
    done: list[Int64[ndarray, " m"]] = []
    for _ in range(MAX_SPLITS):
        wanting = sum(_unsettled(askable, leaf) for leaf in [*leaves, *done]) < n_open
        worth = np.array([_worth(askable, leaf, wanting) for leaf in leaves])
        if not len(leaves) or worth.max() <= 0:
            break
        leaf = leaves.pop(int(worth.argmax()))
        _, side = k_means(z[leaf], 2, rng=rng)
        if 0 < side.sum() < len(leaf):
            leaves += [leaf[side == 0], leaf[side == 1]]
        else:
            done.append(leaf)  # copies of one point
    return leaves + done


def _unsettled(askable: Askable, leaf: Int64[ndarray, " m"]) -> bool:
    return bool((askable.label[leaf] < 0).all() and askable.any_open[leaf].any())


def _worth(askable: Askable, leaf: Int64[ndarray, " m"], wanting: bool) -> float:
    """Impure leaves first, then the ones with most items left to settle."""
    label = askable.label[leaf]
    n_open = int(askable.any_open[leaf].sum())
    if n_open == 0 or len(leaf) < 2:
        return 0.0
    impure = len(np.unique(label[label >= 0])) > 1
    return n_open + (len(askable.label) if impure else 0.0) if impure or wanting else 0.0
