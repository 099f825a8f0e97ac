"""Review: pairs of items worth another look, and the answers behind them.

Definition. A *pair* is two items and every answer about the two. Worth a look are the pairs of a contradiction
(:mod:`pal.conflicts`), of a disagreement (votes both ways, less than two apart), groups that the model holds for
possibly one, predicted items of little confidence with the anchor of their group, those that people could not tell
(:mod:`pal.clarity`), and those of the random audit (:mod:`pal.project.auditing`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

from pal import conflicts
from pal.clarity import UNCLEAR, unclear
from pal.items import Items
from pal.project.infos import TileInfo
from pal.project.ledger import CORRECTIONS, GOLD
from pal.project.listing import tile
from pal.project.snapshot import Snapshot
from pal.votes import pair_key

LEAST_SAME = 0.25
"""Two groups less likely to be one than this aren't shown: of those, hardly any is, and a look costs as much."""


@dataclass(frozen=True)
class VoteInfo:
    """One answer about a pair: the event that holds it, who and when, on which page of how many tiles."""

    event: str
    labeler: str
    time: float
    relation: int
    page: str
    n_tiles: int


@dataclass(frozen=True)
class PairInfo:
    """Two items, the groups they are in, how probable it is that they are alike (None: unknown), and the votes."""

    a: TileInfo
    b: TileInfo
    group_a: str
    group_b: str
    probability: float | None
    votes: tuple[VoteInfo, ...]


@dataclass(frozen=True)
class ContradictionInfo:
    """A pair judged unlike, the chain of pairs judged alike that joins it, and which link is weakest.

    ``weakest`` is None where the pair itself has fewer votes behind it than any link: then it is the one to ask about.
    """

    pair: PairInfo
    chain: tuple[PairInfo, ...]
    weakest: int | None


def contradictions(items: Items, now: Snapshot, /, *, limit: int) -> list[ContradictionInfo]:
    """Contradictions, the shortest chain first."""
    found = conflicts.contradictions(now.knowledge, now.answers, limit=limit)
    shown = []
    for one in sorted(found, key=lambda one: len(one.chain)):
        chain = tuple(pair(items, now, *link.ends, rows=link.rows) for link in one.chain)
        unlike = pair(items, now, *one.pair, rows=one.rows)
        link = one.weakest
        votes = -sum(vote.relation for vote in unlike.votes)
        weakest = None if link is None or link.net_votes > votes else one.chain.index(link)
        shown.append(ContradictionInfo(unlike, chain, weakest))
    return shown


def disagreements(items: Items, now: Snapshot, /, *, limit: int) -> list[PairInfo]:
    """Pairs with votes both ways, less than two apart, ties first; those that a correction settled are left out."""
    found = []
    for one in conflicts.disputes(now.knowledge, now.answers):
        last = now.answered[now.answers.question[one.rows[-1]]]
        if abs(one.alike - one.unlike) < 2 and last.page not in CORRECTIONS:
            found.append(one)
    found.sort(key=lambda one: abs(one.alike - one.unlike))
    return [pair(items, now, *one.pair, rows=one.rows) for one in found[:limit]]


def doubtful(items: Items, now: Snapshot, /, *, limit: int) -> list[PairInfo]:
    """Predicted items with the anchor of their group, the least sure first; no pair that somebody could not tell."""
    rows = predicted(items, now)
    anchor = now.standing.anchor[now.standing.label[rows]]
    rows = rows[~np.isin(pair_key(now.knowledge.n_items, anchor, rows), _refused(now))]
    order = rows[np.argsort(now.standing.confidence[rows], kind="stable")]
    return [with_anchor(items, now, i) for i in order[:limit].tolist()]


def untold(items: Items, now: Snapshot, /, *, limit: int) -> list[PairInfo]:
    """Predicted items that people probably cannot tell, with the anchor of their group, the least clear first."""
    rows = predicted(items, now)
    doubt = unclear(now.answers.silent, now.knowledge.n_told)[rows]
    order = np.argsort(-doubt, kind="stable")
    return [with_anchor(items, now, i) for i in rows[order[doubt[order] > UNCLEAR]][:limit].tolist()]


def predicted(items: Items, now: Snapshot, /) -> Int64[ndarray, " p"]:
    """Items whose label is predicted and can be asked about: encoded, not flagged, no anchor."""
    usable = np.zeros(len(items), dtype=bool)
    usable[now.published.rows] = True
    usable[[items.row[item] for item in now.flags]] = False
    usable[now.standing.anchor] = False
    return np.flatnonzero(usable & (now.standing.label >= 0) & (now.standing.source == 0))


def possibly_same(items: Items, now: Snapshot, /, *, limit: int) -> list[PairInfo]:
    """Groups that the model holds for possibly one, by their anchors, the likeliest first.

    No pair that somebody could not tell.
    """
    beliefs = now.published.model.beliefs
    group = now.standing.label[beliefs.anchor]
    low, high = np.nonzero(np.triu(beliefs.same, 1) >= LEAST_SAME)
    order = np.argsort(-beliefs.same[low, high], kind="stable")
    low, high = low[order], high[order]
    low, high = (rows[(group[low] >= 0) & (group[high] >= 0)] for rows in (low, high))
    one, other = now.standing.anchor[group[low]], now.standing.anchor[group[high]]
    told = ~np.isin(pair_key(now.knowledge.n_items, one, other), _refused(now))
    found: dict[tuple[int, int], PairInfo] = {}
    for a, b, same in zip(
        one[told].tolist(), other[told].tolist(), beliefs.same[low, high][told].tolist(), strict=True
    ):
        if a == b or now.knowledge.relation(a, [b])[0] != 0 or (a, b) in found:
            continue
        found[a, b] = pair(items, now, a, b, probability=same)
        if len(found) == limit:
            break
    return list(found.values())


def against(items: Items, now: Snapshot, a: int, b: int, /, *, limit: int) -> tuple[list[PairInfo], int]:
    """Pairs judged unlike across the groups of two items: what a merge would contradict; and how many there are."""
    counts = now.knowledge.votes.all()
    ends = now.knowledge.votes.ends(counts.key[counts.verdict < 0])
    group = now.knowledge.group
    across = np.sort(group[ends], axis=1) == np.sort(group[[a, b]])
    found = ends[across.all(axis=1)]
    return [pair(items, now, i, j) for i, j in found[:limit].tolist()], len(found)


def pair(
    items: Items,
    now: Snapshot,
    a: int,
    b: int,
    /,
    *,
    rows: Iterable[int] | None = None,
    probability: float | None = None,
) -> PairInfo:
    """Show a pair; ``rows`` are the answers about it, looked for if not given."""
    if rows is None:
        one, other = now.answers.template, now.answers.item
        rows = np.flatnonzero(((one == a) & (other == b)) | ((one == b) & (other == a)))
    votes = tuple(vote(now, int(row)) for row in rows)
    return PairInfo(tile(items, a), tile(items, b), group_name(now, a), group_name(now, b), probability, votes)


def vote(now: Snapshot, row: int, /) -> VoteInfo:
    """Show one answer, by its row."""
    event = now.answered[now.answers.question[row]]
    relation = int(now.answers.relation[row])
    return VoteInfo(event.id, event.labeler, event.time, relation, _page(event.page), len(event.items))


def with_anchor(items: Items, now: Snapshot, row: int, /) -> PairInfo:
    """An item with the anchor of its group."""
    shown = beside(items, now, int(now.standing.anchor[now.standing.label[row]]), row)
    return replace(shown, probability=float(now.standing.confidence[row]))


def beside(items: Items, now: Snapshot, member: int, row: int, /) -> PairInfo:
    """An item beside a member of a group; what is predicted of it isn't shown, or people would agree too easily."""
    return replace(pair(items, now, member, row, rows=()), group_b="")


def group_name(now: Snapshot, row: int, /) -> str:
    """Name of an item's group, "" if it has none."""
    return now.names.get(int(now.standing.label[row]), "")


def _refused(now: Snapshot) -> Int64[ndarray, " r"]:
    """Pairs of items that somebody could not tell, by :func:`pal.votes.pair_key`."""
    silent = now.answers.silent
    return pair_key(now.knowledge.n_items, silent.template, silent.item)


def _page(page: str) -> str:
    """What kind of page: pages of tiles have ids that say nothing to a person."""
    # Nobody sees which items are gold: a mark is shown as a question like any other.
    return "check" if page == GOLD else page if page in ("merge", "split", "check", "audit", "import") else "page"
