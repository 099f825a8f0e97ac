"""The random audit of a project: what to ask next, and what was found.

Definition. Predicted items are asked about in an order drawn once for all, each beside the anchor of its group, so that
those asked so far are a random sample. An item found different is asked about once more, beside another item told to
be of that group, drawn at random, and is *wrong* if that answer isn't "same" either: who overlooks one tile in twelve
would otherwise find a twelfth of all labels wrong, however right they are, while two slips about one item are rare.
Only what is audited tells how accurate the predictions are.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from pal.audit import audit
from pal.items import Items
from pal.project.review import PairInfo, beside, predicted, with_anchor
from pal.project.snapshot import Snapshot


@dataclass(frozen=True)
class AuditInfo:
    """Accuracy of the predictions: ``right`` of ``asked`` random items, its interval, and items nobody could tell."""

    right: int
    asked: int
    unsure: int
    low: float
    high: float


def audited(now: Snapshot, /) -> AuditInfo:
    """The audit so far; until it is asked about again, an item found different is wrong."""
    said = list(_found(now).values())
    found = audit(len(said) - said.count(0), said.count(-1))
    return AuditInfo(said.count(1), found.n_audited, said.count(0), 1.0 - found.high, 1.0 - found.low)


def audit_queue(items: Items, now: Snapshot, /, *, limit: int) -> list[PairInfo]:
    """Pairs to ask about: those found different once, then predicted items, in the order drawn once for all."""
    asked = _answers(now)
    looks = [_second_look(items, now, said[0][0], item) for item, said in asked.items() if _denied_once(said)]
    pairs = [look for look in looks if look is not None][:limit]
    rows = [i for i in predicted(items, now).tolist() if items.id[i] not in asked]
    rows.sort(key=lambda i: _drawn(items.id[i]))
    return pairs + [with_anchor(items, now, i) for i in rows[: limit - len(pairs)]]


def _second_look(items: Items, now: Snapshot, template: str, item: str) -> PairInfo | None:
    """The item beside another one told to be of the template's group; None if there is no other."""
    stands, row = now.standing, items.row
    group = stands.label[row[template]]
    known = np.flatnonzero((stands.label == group) & (stands.source > 0))  # none of what has no group is known
    others = {items.id[i] for i in known.tolist()} - {template, item, *now.flags}
    if not others or item in now.flags:
        return None
    return beside(items, now, row[min(others, key=lambda other: _drawn(item, other))], row[item])


def _answers(now: Snapshot) -> dict[str, list[tuple[str, int]]]:
    """What audits say of each item, first to last: beside which other one, and the relation."""
    said: dict[str, list[tuple[str, int]]] = {}
    for event in now.answered:
        if event.page == "audit":
            for item, relation in zip(event.items, event.relations, strict=True):
                said.setdefault(item, []).append((event.template, relation))
    return said


def _found(now: Snapshot) -> dict[str, int]:
    """+1 right, −1 wrong, 0 nobody could tell, by item: the first answer counts, or the one that looked again."""
    return {item: said[0][1] if said[0][1] >= 0 else _again(said) or -1 for item, said in _answers(now).items()}


def _again(said: list[tuple[str, int]]) -> int | None:
    """What was said beside another item than at first; None if nobody looked again."""
    return next((relation for template, relation in said if template != said[0][0]), None)


def _denied_once(said: list[tuple[str, int]]) -> bool:
    return said[0][1] < 0 and _again(said) is None


def _drawn(*ids: str) -> bytes:
    """A number for these items that nothing else depends on."""
    return hashlib.sha256("".join(("audit", *ids)).encode()).digest()
