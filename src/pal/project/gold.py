"""Gold: items of which an administrator said what they are, shown to people now and then to measure them.

Definition. A gold mark is an answer on no page, "this item is alike the anchor of its group". Let K be the knowledge
from all answers but those that people gave about gold items as tiles; then the right answer about a gold tile g beside
a template t is the relation of t and g in K, and a tile of unknown relation measures nothing. So nobody's answer about
a gold tile is measured by itself. On a page a gold tile is a tile like any other, and its answer a vote like any other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int8, Int64
from numpy import ndarray

from pal.answers import Question
from pal.errors import InvalidInputError
from pal.items import Items
from pal.knowledge import Knowledge, known
from pal.project.ledger import GOLD, is_page
from pal.project.snapshot import Snapshot
from pal.project.standing import Standing
from pal.store import Answered
from pal.votes import pair_key


class Measured(NamedTuple):
    """Answers about gold tiles: how many, and how many of them right; "cannot tell" isn't counted."""

    right: int
    asked: int


@dataclass(frozen=True, eq=False)
class Gold:
    """Gold at one position of the log.

    Parameters
    ----------
    rows
        (g,) gold items, sorted.
    knowledge
        Knowledge without what people said of these as tiles; None if there is no gold.
    people
        What came of it, by labeler.
    asked
        Pairs (template, item) that each labeler answered about gold tiles.
    """

    rows: Int64[ndarray, " g"]
    knowledge: Knowledge | None
    people: Mapping[str, Measured]
    asked: Mapping[str, frozenset[tuple[int, int]]]


def gold_of(items: Items, now: Snapshot, /) -> Gold:
    """Gold, and what it says of people; O(answers)."""
    marks = [event for event in now.answered if event.page == GOLD]
    rows = np.unique([items.row[item] for event in marks for item in event.items if item in items]).astype(np.int64)
    if not len(rows):
        return Gold(rows, None, {}, {})
    answers = now.answers
    is_mark = np.array([event.page == GOLD for event in now.answered])
    on_page = np.array([is_page(event) for event in now.answered])
    about = np.isin(answers.item, rows) & ~is_mark[answers.question]
    knowledge = known(now.knowledge.n_items, answers.take(~about))
    shown = np.flatnonzero(about & on_page[answers.question])
    right = relations(knowledge, answers.template[shown], answers.item[shown])
    said = answers.relation[shown]
    counted = (right != 0) & (said != 0)
    marked_by = {(event.labeler, items.row[item]) for event in marks for item in event.items if item in items}
    people: dict[str, Measured] = {}
    asked: dict[str, set[tuple[int, int]]] = {}
    for r, good, counts in zip(shown.tolist(), (right == said).tolist(), counted.tolist(), strict=True):
        labeler, item = now.answered[answers.question[r]].labeler, int(answers.item[r])
        asked.setdefault(labeler, set()).add((int(answers.template[r]), item))
        if counts and (labeler, item) not in marked_by:
            before = people.get(labeler, Measured(0, 0))
            people[labeler] = Measured(before.right + good, before.asked + 1)
    return Gold(rows, knowledge, people, {labeler: frozenset(pairs) for labeler, pairs in asked.items()})


def relations(knowledge: Knowledge, a: Int64[ndarray, " p"], b: Int64[ndarray, " p"], /) -> Int8[ndarray, " p"]:
    """Deduced relation of pairs of items: +1 alike, −1 unlike, 0 unknown; O(votes + p log votes)."""
    one, other = knowledge.group[a], knowledge.group[b]
    n = knowledge.n_items
    differ = np.isin(pair_key(n, one, other), pair_key(n, *knowledge.differing.T))
    return np.where(one == other, 1, np.where(differ, -1, 0)).astype(np.int8)


def gilded(items: Items, now: Standing, answered: Iterable[Answered], row: int, /, *, labeler: str) -> Answered:
    """The mark that makes an item gold: it is alike the anchor of its group, or, if it is that, another sure member.

    Raises
    ------
    InvalidInputError
        If the item is in no group or alone in it, or gold already.
    """
    item, group = items.id[row], int(now.label[row])
    if any(event.page == GOLD and event.items == (item,) for event in answered):
        raise InvalidInputError("this item is gold already")
    members = now.members(group) if group >= 0 else np.zeros(0, dtype=np.int64)
    sure = [int(member) for member in members[now.source[members] > 0] if member != row]
    anchor = int(now.anchor[group]) if group >= 0 else row
    template = anchor if anchor != row else next(iter(sure), row)
    if template == row:
        raise InvalidInputError(
            "a gold item needs another one of its kind to be compared with; answer some pages first"
        )
    return Answered(labeler=labeler, page=GOLD, template=items.id[template], items=(item,), relations=(1,))


def with_gold(
    question: Question, gold: Gold, labeler: str, held: Bool[ndarray, " n"], /, *, size: int, rng: np.random.Generator
) -> Question:
    """A page with one gold tile in a random place, for one of its own if it is full; the page itself if none fits.

    A gold tile fits if its relation to the template is known and this person wasn't asked for it; those that they were
    asked about least come first.
    """
    if gold.knowledge is None:
        return question
    rows = gold.rows[~held[gold.rows] & ~np.isin(gold.rows, [question.template, *question.items.tolist()])]
    known_ = relations(gold.knowledge, np.full(len(rows), question.template), rows) != 0
    mine = gold.asked.get(labeler, frozenset())
    often = np.array([sum(item == row for _, item in mine) for row in rows.tolist()], dtype=np.int64)
    new = np.array([(question.template, row) not in mine for row in rows.tolist()], dtype=bool)
    rows, often = rows[known_ & new], often[known_ & new]
    if not len(rows):
        return question
    chosen = int(rng.choice(rows[often == often.min()]))
    items = question.items.tolist()
    if len(items) >= size:
        items.pop(int(rng.integers(len(items))))
    items.insert(int(rng.integers(len(items) + 1)), chosen)
    return Question(question.template, np.array(items, dtype=np.int64), question.mode)
