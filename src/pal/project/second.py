"""Second votes: answers in doubt, asked again of somebody else.

Definition. Of a person who answered n pairs that others or gold judged too, and w of them otherwise, the error is
e = (w + 1) / (n + 20): one in twenty until something is known. Let s be the probability, by the answers about other
items, that the tile's label is wrong (``surprise`` of the beliefs; one half if unknown). An answer is then wrong with
the odds

    doubt / (1 − doubt) = e / (1 − e) · s / (1 − s).

Asked again is what one person alone said and is in doubt. At most a share σ of all answers is second votes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy import ndarray

from pal.answers import Answers, Question
from pal.project.gold import Measured
from pal.project.ledger import IMPORT, is_page
from pal.project.snapshot import Snapshot
from pal.votes import pair_key

LEAST = 0.1
"""Answers less doubtful aren't asked again."""

_FEWEST = 4
"""A page of second votes has at least a fourth as many tiles as another."""


@dataclass(frozen=True, eq=False)
class Doubtful:
    """Answers that one person alone gave and that are in doubt, the most doubtful first.

    ``answers`` and ``doubt`` go together; ``who`` names labelers by number. ``given`` counts second votes so far.
    """

    answers: Answers
    doubt: Float[ndarray, " d"]
    who: tuple[str, ...]
    given: int


def doubtful(now: Snapshot, agreeing: Mapping[str, tuple[int, int]], gold: Mapping[str, Measured], /) -> Doubtful:
    """Answers in doubt; O(answers log answers).

    Parameters
    ----------
    now
        Everything.
    agreeing
        For each labeler, on how many pairs they agree with others, of how many.
    gold
        For each labeler, how they did on gold.
    """
    numbers, first = np.unique(now.answers.labeler, return_index=True)
    who = {int(n): now.answered[now.answers.question[r]].labeler for n, r in zip(numbers, first, strict=True)}
    names = tuple(who.get(number, "") for number in range(max(who, default=-1) + 1))
    asked = np.array([is_page(event) or event.page == IMPORT for event in now.answered], dtype=bool)
    answers = now.answers
    answers = answers.take(asked[answers.question] & (answers.relation != 0)) if len(answers) else answers
    alone, given = _alone(now.knowledge.n_items, answers)
    answers = answers.take(alone)
    error = np.array([_error(agreeing.get(name, (0, 0)), gold.get(name, Measured(0, 0))) for name in names])
    surprise = now.published.model.beliefs.surprise
    s = np.full(len(answers), 0.5) if surprise is None else np.clip(surprise[answers.item], 1e-3, 1 - 1e-3)
    e = error[answers.labeler] if len(answers) else np.zeros(0)
    doubt = e * s / (e * s + (1.0 - e) * (1.0 - s))
    order = np.argsort(-doubt, kind="stable")
    order = order[doubt[order] >= LEAST]
    return Doubtful(answers.take(order), doubt[order], names, given)


def second_page(
    found: Doubtful, labeler: str, held: Bool[ndarray, " n"], done: frozenset[int], /, *, size: int
) -> Question | None:
    """The page that takes most doubt away: what others said in doubt about one template; None if there is too little.

    ``done`` are keys of pairs asked again since; held items are left out, and what this labeler said.
    """
    answers = found.answers
    mine = np.array([name == labeler for name in found.who], dtype=bool)
    open_ = (
        ~held[answers.item] & ~held[answers.template] & ~mine[answers.labeler] if len(answers) else np.zeros(0, bool)
    )
    open_ &= ~np.isin(pair_key(len(held), answers.template, answers.item), list(done))
    rows = np.flatnonzero(open_)
    best: tuple[float, int, ndarray] | None = None
    for template in np.unique(answers.template[rows]).tolist():
        its = rows[answers.template[rows] == template]
        _, first = np.unique(answers.item[its], return_index=True)
        its = its[np.sort(first)][:size]
        worth = float(found.doubt[its].sum())
        if len(its) >= max(size // _FEWEST, 1) and (best is None or worth > best[0]):
            best = (worth, template, answers.item[its])
    return None if best is None else Question(best[1], best[2])


def _alone(n_items: int, answers: Answers) -> tuple[Int64[ndarray, " a"], int]:
    """Rows of votes on pairs that one person alone judged, one a pair; and how many second votes there are."""
    if not len(answers):
        return np.zeros(0, dtype=np.int64), 0
    key = pair_key(n_items, answers.template, answers.item)
    both = np.unique(np.stack([key, answers.labeler], axis=1), axis=0)
    _, voters = np.unique(both[:, 0], return_counts=True)
    _, last = np.unique(key[::-1], return_index=True)
    rows = len(key) - 1 - last  # sorted by key, as ``voters`` are
    return np.sort(rows[voters == 1]), int((voters - 1).sum())


def _error(agree: tuple[int, int], gold: Measured) -> float:
    right, asked = agree[0] + gold.right, agree[1] + gold.asked
    return (asked - right + 1) / (asked + 20)
