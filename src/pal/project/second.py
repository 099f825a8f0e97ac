"""Second votes: answers in doubt, asked again of somebody else.

Definition. Let e be the probability that this person says "alike" of two kinds, or "unlike" of one kind, whichever they
said (1 − specificity and 1 − sensitivity, :mod:`pal.evidence`), and s the probability, by the answers about other
items, that the tile's label is wrong (``surprise`` of the beliefs; one half if unknown). An answer is then wrong with
the odds

    doubt / (1 − doubt) = e / (1 − e) · s / (1 − s).

Asked again is what one person alone said and is in doubt, but not of who couldn't tell. At most a share σ of all
answers is second votes.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy import ndarray

from pal.answers import Answers, Question
from pal.beliefs import EXPECTED_ERROR, Beliefs
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

    ``answers`` and ``doubt`` go together; ``silent`` are those that said "cannot tell", and ``who`` names labelers by
    number. ``given`` counts second votes so far.
    """

    answers: Answers
    silent: Answers
    doubt: Float[ndarray, " d"]
    who: dict[int, str]
    given: int


def doubtful(now: Snapshot, /) -> Doubtful:
    """Answers in doubt, by the last model; O(answers log answers)."""
    asked = np.array([is_page(event) or event.page == IMPORT for event in now.answered], dtype=bool)
    answers = now.answers
    answers = answers.take(asked[answers.question] & (answers.relation != 0)) if len(answers) else answers
    alone, given = _alone(now.knowledge.n_items, answers)
    answers = answers.take(alone)
    beliefs = now.published.model.beliefs
    surprise = beliefs.surprise
    s = np.full(len(answers), 0.5) if surprise is None else np.clip(surprise[answers.item], 1e-3, 1 - 1e-3)
    e = _error(answers, beliefs)
    doubt = e * s / (e * s + (1.0 - e) * (1.0 - s))
    order = np.argsort(-doubt, kind="stable")
    order = order[doubt[order] >= LEAST]
    return Doubtful(answers.take(order), now.answers.silent, doubt[order], now.labelers, given)


def second_page(
    found: Doubtful, labeler: str, held: Bool[ndarray, " n"], done: frozenset[int], /, *, size: int
) -> Question | None:
    """The page that takes most doubt away: what others said in doubt about one template; None if there is too little.

    ``done`` are keys of pairs asked again since; held items are left out, and what this labeler said, or couldn't tell.
    """
    answers = found.answers
    mine = [number for number, name in found.who.items() if name == labeler]
    open_ = ~held[answers.item] & ~held[answers.template] & ~np.isin(answers.labeler, mine)
    silent = found.silent.take(np.isin(found.silent.labeler, mine))
    done = done | set(pair_key(len(held), silent.template, silent.item).tolist())
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


def _error(answers: Answers, beliefs: Beliefs) -> Float[ndarray, " a"]:
    """Probability that whoever gave an answer gives the same one wrongly; the expected one of people still unknown."""
    error = np.full(len(answers), EXPECTED_ERROR)
    at = np.searchsorted(beliefs.labeler, answers.labeler)
    known = np.isin(answers.labeler, beliefs.labeler)
    at, alike = at[known], answers.relation[known] > 0
    error[known] = 1.0 - np.where(alike, beliefs.specificity[at], beliefs.sensitivity[at])
    return error
