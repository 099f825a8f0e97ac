"""The report: how far a project is, how accurate, what is left for this person, and what each person did.

Definition. The *target* is a share of right labels. Told and deduced labels count as right. Of P predicted labels a
share p is right: as audited, or, before ten items were audited, as the model believes (and the report says so). A page
of M tiles settles M labels, the most doubtful first; pages are left until no more are wrong than the target allows
(:func:`pal.audit.n_to_ask`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from types import MappingProxyType

import numpy as np

from pal.agreement import answers_alpha
from pal.audit import audit, n_to_ask, n_to_audit
from pal.cost import Cost, fit_cost, n_clicks
from pal.items import Items
from pal.project.auditing import AuditInfo, audited
from pal.project.gold import Measured, gold_of
from pal.project.ledger import is_page
from pal.project.review import predicted
from pal.project.snapshot import Snapshot
from pal.store import Answered
from pal.votes import pair_key

ENOUGH = 10
"""Audited items from which on the audit speaks, and not the model."""


@dataclass(frozen=True)
class PersonInfo:
    """What one person did.

    ``agreement`` is the share of their votes that go with the others', of ``compared``; ``gold`` the share of
    ``gold_asked`` answers about gold tiles that are right. ``sensitivity`` and ``specificity`` are how probably, as the
    model believes, they find a tile of the template's kind alike, and another one unlike.
    """

    labeler: str
    pages: int
    answers: int
    unsure: int
    seconds: float
    agreement: float | None
    compared: int
    gold: float | None = None
    gold_asked: int = 0
    sensitivity: float | None = None
    specificity: float | None = None


@dataclass(frozen=True)
class Left:
    """What is left until the target: pages, minutes at ``seconds`` a page, and whether these are the person's own."""

    pages: int
    minutes: float
    seconds: float
    own: bool
    audited: bool


@dataclass(frozen=True)
class Report:
    """Counts of labels by source; the audit of the predicted; the accuracy of all labels; what is left; the people.

    ``alpha`` is Krippendorff's, on the ``judged`` pairs that two people or more judged; None where none could differ.
    """

    n_items: int
    told: int
    deduced: int
    predicted: int
    flagged: int
    audit: AuditInfo
    low: float
    high: float
    target: float
    to_audit: int
    left: Left
    verdict: str
    people: tuple[PersonInfo, ...]
    alpha: float | None
    judged: int


def report(items: Items, now: Snapshot, labeler: str, /, *, target: float) -> Report:
    """Report to one person; O(answers)."""
    stands = now.standing
    told, deduced = (int((stands.source[stands.label >= 0] == s).sum()) for s in (2, 1))
    guessed, n = len(items) - told - deduced, len(items)
    found = audited(now)
    low, high = ((told + deduced + share * guessed) / n for share in (found.low, found.high))
    left = what_is_left(items, now, labeler, found, target=target)
    alpha, judged = answers_alpha(now.answers, now.knowledge.n_items)
    return Report(
        n_items=n,
        told=told,
        deduced=deduced,
        predicted=guessed,
        flagged=len(now.flags),
        audit=found,
        low=low,
        high=high,
        target=target,
        to_audit=_to_audit(found, guessed, n, target),
        left=left,
        verdict="reached" if low >= target else "missed" if high < target else "open",
        people=tuple(people(now, gold_of(items, now).people)),
        alpha=alpha,
        judged=judged,
    )


def what_is_left(items: Items, now: Snapshot, labeler: str, found: AuditInfo, /, *, target: float) -> Left:
    """Pages and minutes until the target, at this person's own speed."""
    pages = [event for event in now.answered if is_page(event) and not event.note and event.items]
    mine = [event for event in pages if event.labeler == labeler]
    cost, n_tiles, share = _speed(mine)
    rows = predicted(items, now)
    guessed = len(items) - int(((now.standing.label >= 0) & (now.standing.source > 0)).sum())
    speaks = found.asked >= ENOUGH
    doubt = 1.0 - now.standing.confidence[rows]
    left = 0
    if len(rows) and doubt.any():
        # Laplace's rule: a short audit without an error doesn't make every label right.
        wrong = (found.asked - found.right + 1) / (found.asked + 2) if speaks else float(doubt.mean())
        asked = n_to_ask(doubt, wrong, (1.0 - target) * len(items) / guessed)
        left = ceil(asked / len(rows) * guessed / n_tiles)
    seconds = cost.expected(round(n_tiles), share)
    return Left(left, left * seconds / 60.0, seconds, bool(mine), speaks)


def people(now: Snapshot, measured: Mapping[str, Measured] = MappingProxyType({}), /) -> list[PersonInfo]:
    """What each person did, the busiest first."""
    events: dict[str, list[Answered]] = {}
    for event in now.answered:
        events.setdefault(event.labeler, []).append(event)
    agreeing, rates = agreement(now), _rates(now)
    infos = []
    for labeler, theirs in events.items():
        pages = [event for event in theirs if is_page(event)]
        timed = [event.seconds / len(event.items) for event in pages if event.items and not event.note]
        relations = [r for event in theirs if not event.note for r in event.relations]
        agree, compared = agreeing.get(labeler, (0, 0))
        right, asked = measured.get(labeler, (0, 0))
        infos.append(
            PersonInfo(
                labeler,
                len(pages),
                len(relations) - relations.count(0),
                relations.count(0),
                float(np.median(timed)) if timed else 0.0,
                agree / compared if compared else None,
                compared,
                right / asked if asked else None,
                asked,
                *rates.get(labeler, (None, None)),
            )
        )
    return sorted(infos, key=lambda info: (-info.answers, info.labeler))


def _rates(now: Snapshot) -> dict[str, tuple[float, float]]:
    """Sensitivity and specificity of each person that the last model knows of."""
    beliefs = now.published.model.beliefs
    columns = (beliefs.labeler.tolist(), beliefs.sensitivity.tolist(), beliefs.specificity.tolist())
    return {
        now.labelers[number]: (alike, unlike)
        for number, alike, unlike in zip(*columns, strict=True)
        if number in now.labelers
    }


def _speed(mine: list[Answered]) -> tuple[Cost, float, float]:
    """Cost of a page, its tiles, and the share of alike ones; the preset where there is no page yet."""
    tiles = np.array([len(event.items) for event in mine], dtype=np.float64)
    clicks = np.array([n_clicks(np.array(event.relations), event.mode) for event in mine], dtype=np.float64)
    cost = fit_cost(tiles, clicks, np.array([event.seconds for event in mine], dtype=np.float64))
    alike = sum(event.relations.count(1) for event in mine)
    return (cost, float(np.median(tiles)), alike / tiles.sum()) if mine else (cost, 15.0, 0.3)


def _to_audit(found: AuditInfo, guessed: int, n: int, target: float) -> int:
    """Audit items still to ask before the target can be shown, if all of these are right."""
    error = (1.0 - target) * n / guessed if guessed else 1.0
    if error >= 1.0:
        return 0
    wrong = found.asked - found.right
    more = max(0, n_to_audit(error) - found.asked)
    while more < guessed and audit(found.asked + more, wrong).high > error:
        more += max(1, more // 20)
    return min(more, guessed)


def agreement(now: Snapshot, /) -> dict[str, tuple[int, int]]:
    """On how many pairs each person agrees with the net of the others, of how many that others voted on too."""
    answers = now.answers
    voted = np.flatnonzero(answers.relation)
    if not len(voted):
        return {}
    n = now.knowledge.n_items
    _, pairs = np.unique(pair_key(n, answers.template[voted], answers.item[voted]), return_inverse=True)
    who = answers.labeler[voted]
    mine, slot = np.unique(np.stack([pairs, who]), axis=1, return_inverse=True)
    own = np.bincount(slot.reshape(-1), weights=answers.relation[voted])
    others = np.bincount(pairs, weights=answers.relation[voted])[mine[0]] - own
    both = (own != 0) & (others != 0)
    agree = both & (np.sign(own) == np.sign(others))
    found = {}
    for number in np.unique(who).tolist():
        theirs = mine[1] == number
        found[now.labelers[number]] = (int(agree[theirs].sum()), int(both[theirs].sum()))
    return found
