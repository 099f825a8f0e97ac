"""Corrections are answers: merging two groups is one "alike", splitting a group is some "unlike".

Definition. A verdict is the sign of the votes on a pair, so a correction gives each pair as many votes as it takes to
turn the verdict round, and no more.
"""

import time
from collections.abc import Iterable, Sequence

import numpy as np
from numpy import ndarray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pal.errors import InvalidInputError
from pal.items import Items
from pal.knowledge import Knowledge
from pal.project.standing import Standing
from pal.store import Answered
from pal.votes import pair_key

Vote = tuple[int, int, int]
"""Template, item, relation."""


def merge(knowledge: Knowledge, items: Items, a: int, b: int, /, *, labeler: str) -> list[Answered]:
    """Answers that make one group of the groups of items ``a`` and ``b``.

    Raises
    ------
    InvalidInputError
        If they are one group already.
    """
    if knowledge.group[a] == knowledge.group[b]:
        raise InvalidInputError("these two are one group already; nothing to merge")
    return _events(_repeat(knowledge, [(a, b, 1)]), items, page="merge", labeler=labeler)


def split(
    knowledge: Knowledge, now: Standing, items: Items, selection: Sequence[int], /, *, labeler: str
) -> list[Answered]:
    """Answers that make a group of its own of the selected items; the rest of their groups stays together.

    Raises
    ------
    InvalidInputError
        If nothing is selected, or a whole group is, so that nothing would be left.
    """
    if not selection:
        raise InvalidInputError("nothing is selected; select the items that are another kind")
    chosen = np.zeros(knowledge.n_items, dtype=bool)
    chosen[list(selection)] = True
    first = int(selection[0])
    counts = knowledge.votes.all()
    ends = knowledge.votes.ends(counts.key[counts.verdict > 0])
    crossing = chosen[ends[:, 0]] != chosen[ends[:, 1]]
    votes = [(a, b, -1) if chosen[a] else (b, a, -1) for a, b in ends[crossing].tolist()]
    parts = _parts(knowledge.n_items, ends[~crossing])
    votes += _join(parts, selection)
    groups = np.unique(knowledge.group[list(selection)])
    for group in groups.tolist():
        votes += _join(parts, np.flatnonzero((knowledge.group == group) & ~chosen).tolist())
    # Selected items that were only predicted to be in a group: one answer keeps them all out of it.
    cut = {int(now.label[item]) for _, item, relation in votes if relation < 0}
    shown = {int(label) for label in now.label[list(selection)] if label >= 0} - cut
    for label in sorted(shown):
        # The anchor says best what the group is; of a group that is only predicted it may be all there is to say.
        stay = np.append(now.anchor[label], now.members(label))
        votes += [(first, other, -1) for other in stay[~chosen[stay]][:1].tolist()]
    if not any(relation < 0 for *_, relation in votes):
        raise InvalidInputError("the whole group is selected, so nothing would be left of it; select fewer items")
    return _events(_repeat(knowledge, votes), items, page="split", labeler=labeler)


def _parts(n: int, edges: ndarray) -> ndarray:
    adjacency = coo_array((np.ones(len(edges), dtype=np.int8), edges.T), shape=(n, n))
    return np.asarray(connected_components(adjacency, directed=False)[1])


def _join(parts: ndarray, members: Sequence[int]) -> list[Vote]:
    """Votes that join what has come apart among some items, from the first of them."""
    if not members:
        return []
    first = members[0]
    others = {int(parts[item]): item for item in reversed(members)}
    return [(first, item, 1) for part, item in others.items() if part != parts[first]]


def _repeat(knowledge: Knowledge, votes: Iterable[Vote]) -> list[Vote]:
    """Each vote as often as its verdict takes."""
    listed = list(votes)
    template, item, relation = np.array(listed, dtype=np.int64).reshape(-1, 3).T
    before = knowledge.votes.look_up(pair_key(knowledge.n_items, template, item))
    against = np.maximum(-(before.alike - before.unlike) * relation, 0)
    return [vote for vote, more in zip(listed, against.tolist(), strict=True) for _ in range(1 + more)]


def _events(votes: list[Vote], items: Items, *, page: str, labeler: str) -> list[Answered]:
    """One event a template, and one more for each time it repeats an item; all with one time."""
    sheets: dict[tuple[int, int], dict[int, int]] = {}
    for template, item, relation in votes:
        sheet = 0
        while item in sheets.setdefault((template, sheet), {}):
            sheet += 1
        sheets[template, sheet][item] = relation
    now = time.time()
    return [
        Answered(
            labeler=labeler,
            time=now,
            page=page,
            template=items.id[template],
            items=tuple(items.id[item] for item in sheet),
            relations=tuple(sheet.values()),
        )
        for (template, _), sheet in sheets.items()
    ]
