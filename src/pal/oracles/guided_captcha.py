"""Captcha guided by the model: every improvement of the paper's section 4.3.

Templates are found on the way and re-centred, the class is chosen by known count ÷ class probability, its items are
those predicted to be of it, and a taxonomy says where to look next.
"""

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from pal.answers import Question
from pal.beliefs import Settled, settle
from pal.oracles.askable import open_pairs
from pal.oracles.captcha import captcha, first_page
from pal.oracles.clusters import sums_of
from pal.oracles.pages import rarer_mode
from pal.oracles.state import State
from pal.oracles.taxonomy import Parents, parents_of

# While classes may be missing, at most this share of a page goes to believed classes that nobody has seen yet.
_DISCOVERY = 1 / 3


def guided_captcha(state: State, /, *, parents: Parents | None = None) -> list[Question]:
    """Ask about the class with least known count ÷ probability, against items predicted to be of it.

    Parameters
    ----------
    state
        State of the loop.
    parents
        Parent of some items' classes (:mod:`pal.oracles.taxonomy`): where a class has too few predicted items to fill a
        page, items predicted to be of its siblings follow. ``functools.partial(guided_captcha, parents=...)`` is an
        oracle.

    Returns
    -------
    list
        One page. Settles N items in at most N · C answers, as captcha does. O(N (C + k) + votes).
    """
    settled = settle(state.knowledge)
    template = central_templates(state, settled)
    shown = np.flatnonzero(template >= 0)
    if not len(shown):
        return first_page(state) if not len(settled.anchor) else []
    opened = open_pairs(state, template[shown]) & (settled.label < 0)[:, None]
    probability = _over_settled(state, settled)
    predicted, sure = probability.argmax(axis=1), probability.max(axis=1)
    known = np.bincount(settled.label[settled.label >= 0], minlength=len(template))
    share = np.maximum(probability[:, : len(template)].mean(axis=0), 0.5 / state.n_items)
    family = np.arange(len(template)) if parents is None else parents_of(state.knowledge, settled.anchor, parents)
    unseen = _unseen(state, settled)
    # Classes that an unseen one may still turn out to be come first, so that classes are soon complete.
    nothing_unseen = ~opened[unseen].any(axis=0)
    for j in shown[np.lexsort(((known / share)[shown], nothing_unseen))]:
        free = state.rng.permutation(np.flatnonzero(opened[:, np.searchsorted(shown, j)]))
        explore = free[np.isin(free, unseen)][: max(int(_DISCOVERY * state.page_size), 1)]
        mine = free[(predicted[free] == j) & ~np.isin(free, explore)]
        if not len(mine) and not len(explore):
            continue
        kin = np.flatnonzero((family == family[j]) & (np.arange(len(family)) != j))
        siblings = free[np.isin(predicted[free], kin) & ~np.isin(free, explore)]
        siblings = siblings[np.argsort(sure[siblings], kind="stable")]
        tiles = np.concatenate([explore, mine, siblings])[: state.page_size]
        return [Question(int(template[j]), tiles, rarer_mode(probability[tiles, j]))]
    return captcha(state)


def central_templates(state: State, settled: Settled, /) -> Int64[ndarray, " c"]:
    """Member of each class nearest the mean of its members in the embedding, not held; −1 if all are held; O(N k)."""
    member = np.flatnonzero((settled.label >= 0) & ~state.held)
    label = settled.label[member]
    z = np.asarray(state.embedding, dtype=np.float64)[member]
    n_classes = len(settled.anchor)
    mean = sums_of(z, label, n_classes) / np.maximum(np.bincount(label, minlength=n_classes), 1)[:, None]
    order = np.lexsort((member, np.square(z - mean[label]).sum(axis=1), label))
    template = np.full(n_classes, -1)
    classes, first = np.unique(label[order], return_index=True)
    template[classes] = member[order[first]]
    return template


def _over_settled(state: State, settled: Settled) -> Float[ndarray, "n c_or_more"]:
    """Beliefs with the proven classes as the first columns, and one last column for all others."""
    c = len(settled.anchor)
    own = settled.label[state.beliefs.anchor]
    column = np.where(own >= 0, own, c)
    gather = np.zeros((len(column), c + 1))
    gather[np.arange(len(column)), column] = 1.0
    probability = np.asarray(state.beliefs.probability, dtype=np.float64) @ gather
    probability[:, :c][settled.excluded] = 0.0
    if state.knowledge.complete:
        probability[:, c] = 0.0
    return probability


def _unseen(state: State, settled: Settled) -> Int64[ndarray, " u"]:
    """Anchors of believed classes that no answer has opened yet; none once all classes are known."""
    if state.knowledge.complete:
        return np.zeros(0, dtype=np.int64)
    anchor = state.beliefs.anchor
    return anchor[(settled.label[anchor] < 0) & ~state.held[anchor]]
