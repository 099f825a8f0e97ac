"""What may still be asked: pairs of an item and a class that no answer decides.

A class is shown by one *template*, an item of it that isn't held. A pair is *open* if its relation doesn't follow from
the answers, the item isn't held, and nobody answered "cannot tell" about this very pair.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int64, Integer
from numpy import ndarray

from pal.oracles.state import State


@dataclass(frozen=True, eq=False)
class Askable:
    """The believed classes as columns of templates.

    Parameters
    ----------
    template
        (c,) item shown for each class.
    label
        (n,) column an item is known to belong to, −1 where that isn't known.
    open
        (n, c) whether an item may be compared with a template; items of known label are not.
    probability
        (n, c) beliefs over the open columns; rows sum to 1, or to 0 where no column is open.
    same
        (c, c) probability that two columns are one class, 0 where that is known.
    """

    template: Int64[ndarray, " c"]
    label: Int64[ndarray, " n"]
    open: Bool[ndarray, "n c"]
    probability: Float[ndarray, "n c"]
    same: Float[ndarray, "c c"]

    @cached_property
    def any_open(self) -> Bool[ndarray, " n"]:
        """Items that some page may show, (n,)."""
        return np.asarray(self.open.any(axis=1))

    @cached_property
    def likely(self) -> Int64[ndarray, " n"]:
        """Most probable open column of each item; meaningless where none is open."""
        return np.where(self.open, self.probability, -1.0).argmax(axis=1)


def believed(state: State, /) -> Askable:
    """Columns for the classes of ``state.beliefs``; those that answers have joined since are one column.

    Classes without a template to show are left out. O(N C + votes).
    """
    knowledge, beliefs = state.knowledge, state.beliefs
    group, first, column = np.unique(knowledge.group[beliefs.anchor], return_index=True, return_inverse=True)
    template = free_templates(state, beliefs.anchor[first])
    shown = np.flatnonzero(template >= 0)
    mass = np.asarray(beliefs.probability, dtype=np.float64)
    mass = mass[:, first] if len(group) == len(beliefs.anchor) else mass @ np.eye(len(group))[column]
    template = template[shown]
    opened = open_pairs(state, template)
    slot = np.full(state.n_items, -1)
    slot[group[shown]] = np.arange(len(shown))
    label = slot[knowledge.group]
    between = open_pairs(state, template, items=template)
    same = np.where(between | between.T, beliefs.same[np.ix_(first[shown], first[shown])], 0.0)
    opened[label >= 0] = False
    # What is open keeps a little mass, however stale the beliefs.
    mass = np.where(opened, mass[:, shown] + 1e-9, 0.0)
    total = mass.sum(axis=1, keepdims=True)
    probability = np.divide(mass, total, out=np.zeros_like(mass), where=total > 0)
    return Askable(template, label, opened, probability, same)


def free_templates(state: State, anchor: Integer[ndarray, " c"], /) -> Int64[ndarray, " c"]:
    """Item to show for each anchor's group: the anchor itself, or its smallest member not held; −1 if there is none."""
    group = state.knowledge.group
    free = np.flatnonzero(~state.held)
    stand_in = np.full(state.n_items, -1)
    stand_in[group[free[::-1]]] = free[::-1]
    return np.where(state.held[anchor], stand_in[group[anchor]], anchor).astype(np.int64)


def open_pairs(
    state: State, templates: Integer[ndarray, " c"], /, *, items: Integer[ndarray, " q"] | None = None
) -> Bool[ndarray, "q c"]:
    """Whether each item (all by default) may be compared with each template; O(N C + votes)."""
    group, differing = state.knowledge.group, state.knowledge.differing
    own, column = np.unique(group[templates], return_inverse=True)
    slot = np.full(state.n_items, -1)
    slot[own] = np.arange(len(own))
    known = np.zeros((state.n_items, len(own)), dtype=bool)
    known[own, np.arange(len(own))] = True
    for one, other in (differing.T, differing.T[::-1]):
        hit = slot[other] >= 0
        known[one[hit], slot[other[hit]]] = True
    items = np.arange(state.n_items) if items is None else np.asarray(items)
    opened = ~known[group[items]][:, column] & ~state.held[items][:, None]
    row = np.full(state.n_items, -1)
    row[items] = np.arange(len(items))
    silent = state.silent
    for one, other in ((silent.template, silent.item), (silent.item, silent.template)):
        refused = np.flatnonzero(np.isin(one, templates) & (row[other] >= 0))
        at, where = np.nonzero(one[refused][:, None] == templates[None, :])
        opened[row[other[refused[at]]], where] = False
    return opened
