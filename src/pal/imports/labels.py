"""Labels become events: stars and templates that differ, under a labeler of their own."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pal.errors import InvalidInputError
from pal.imports.said import Said
from pal.items import Items
from pal.project.ledger import IMPORT, Ledger
from pal.store import Answered, Event, Named, Placed, Retracted, Store

_TILES = 1_000
"""Answers in one event."""

_APART, _FEW = 10, 5_000
"""Answers that tell templates apart: at most ten for each item, and five thousand in any case."""

_SPACE = uuid.UUID("7c0ab6e4-6a1c-4c8e-9f2f-6d1d6a5b9f10")


@dataclass(frozen=True)
class Imported:
    """What an import did.

    ``unknown`` are the things that are no item here, ``unclear`` the items that were given several classes: both are
    left out. ``apart`` pairs of classes were told apart, of ``pairs``. ``new`` events weren't in the log before.
    """

    items: int
    classes: int
    answers: int
    apart: int
    pairs: int
    unknown: tuple[str, ...]
    unclear: tuple[str, ...]
    new: int


def import_labels(store: Store, items: Items, said: Iterable[Said], /, *, labeler: str) -> Imported:
    """Write labels to the log, all or none; O(N + C) events of up to a thousand answers.

    Importing the same again changes nothing, unless it was undone.

    Raises
    ------
    InvalidInputError
        If no label is about an item of this project, or a name won't do.
    """
    ledger = Ledger(items, store.read_after(0))
    listed = list(said)
    label_of, parents, unknown, unclear = _by_item(items, listed)
    if not label_of and not unclear:
        raise InvalidInputError(
            f"none of the {len(listed):,} labels names an item of {items.source} by id, name or text, "
            f"like {items.name[0][:60]!r}; are they of another source?"
        )
    members: dict[str, list[str]] = {}
    for row in sorted(label_of):
        members.setdefault(label_of[row], []).append(items.id[row])
    # The largest first, so that what is told apart matters most.
    order = sorted(members, key=lambda label: (-len(members[label]), label))
    templates = {label: members[label][0] for label in order}
    sheets = [(templates[label], members[label][1:], 1) for label in order]
    apart = _apart([templates[label] for label in order], len(label_of))
    events: list[Event] = []
    make = _Maker(labeler, _generation(ledger, labeler))
    for template, others, relation in (*sheets, *apart):
        events += make.answers(template, others, relation)
    for label in order:
        events.append(make.named(templates[label], label))
        if parents.get(label):
            events.append(make.placed(templates[label], parents[label]))
    for event in events:
        ledger.check(event)
    store.append(events)
    return Imported(
        items=len(label_of),
        classes=len(order),
        answers=sum(len(event.items) for event in events if isinstance(event, Answered)),
        apart=sum(len(others) for _, others, _ in apart),
        pairs=len(order) * (len(order) - 1) // 2,
        unknown=unknown,
        unclear=tuple(items.name[row] for row in unclear),
        new=sum(event.id not in ledger.events for event in events),
    )


def undo_import(store: Store, items: Items, /, *, labeler: str) -> int:
    """Retract everything that an import said and that still counts; returns the number of events."""
    ledger = Ledger(items, store.read_after(0))
    mine = [
        event
        for event in ledger.events.values()
        if event.labeler == labeler and not isinstance(event, Retracted) and event.id not in ledger.retracted
    ]
    store.append([Retracted(labeler=labeler, event=event.id) for event in mine])
    return len(mine)


def _by_item(
    items: Items, said: Sequence[Said]
) -> tuple[dict[int, str], dict[str, str], tuple[str, ...], tuple[int, ...]]:
    """Class of each row, parent of each class, what is unknown, and rows with several classes."""
    rows = _Rows(items)
    label_of: dict[int, str] = {}
    parents: dict[str, str] = {}
    unknown: list[str] = []
    unclear: dict[int, None] = {}
    for one in said:
        row = rows.find(one.names)
        if row is None:
            unknown.append(one.names[1] if len(one.names) > 1 and _is_id(one.names[0]) else "".join(one.names[:1]))
            continue
        if label_of.setdefault(row, one.label) != one.label:
            unclear[row] = None
        if one.parent:
            parents.setdefault(one.label, one.parent)
    return (
        {row: label for row, label in label_of.items() if row not in unclear},
        parents,
        tuple(unknown),
        tuple(unclear),
    )


class _Rows:
    """Finds items by id, name, name of a copy, text, or a file name that only one item has."""

    def __init__(self, items: Items) -> None:
        named = list(zip(items.name, range(len(items)), strict=True))
        named += [(name, items.row[item]) for item, names in items.copies.items() for name in names]
        self._exact: list[Mapping[str, int]] = [items.row, dict(reversed(named))]
        texts = items.text or ()
        self._exact.append(_single([(text, row) for row, text in enumerate(texts)]))
        self._loose = _single([(name.rsplit("/", 1)[-1], row) for name, row in named])

    def find(self, names: Sequence[str]) -> int | None:
        """Row of the first name that is known."""
        for name in names:
            for index in self._exact:
                if name in index:
                    return index[name]
        return next((self._loose[end] for name in names if (end := name.rsplit("/", 1)[-1]) in self._loose), None)


def _single(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Names that only one row has."""
    rows: dict[str, set[int]] = {}
    for name, row in pairs:
        rows.setdefault(name, set()).add(row)
    return {name: next(iter(found)) for name, found in rows.items() if len(found) == 1}


def _apart(templates: Sequence[str], n_items: int) -> list[tuple[str, Sequence[str], int]]:
    """Templates that differ, each from those before it, until there are enough answers."""
    left = max(_APART * n_items, _FEW)
    sheets: list[tuple[str, Sequence[str], int]] = []
    for number, template in enumerate(templates):
        before = templates[: min(number, left)]
        left -= len(before)
        if before:
            sheets.append((template, before, -1))
    return sheets


def _generation(ledger: Ledger, labeler: str) -> int:
    """How often this labeler's events were taken back: what is imported after that is new again."""
    return sum(isinstance(event, Retracted) and event.labeler == labeler for event in ledger.events.values())


@dataclass(frozen=True)
class _Maker:
    """Makes events whose ids follow from what they say, so that saying it twice is saying it once."""

    labeler: str
    generation: int

    def answers(self, template: str, others: Sequence[str], relation: int) -> list[Event]:
        sheets = [tuple(others[start : start + _TILES]) for start in range(0, len(others), _TILES)]
        return [
            Answered(
                id=self._id(template, str(relation), *sheet),
                labeler=self.labeler,
                page=IMPORT,
                template=template,
                items=sheet,
                relations=(relation,) * len(sheet),
            )
            for sheet in sheets
        ]

    def named(self, item: str, name: str) -> Event:
        return Named(id=self._id("named", item, name), labeler=self.labeler, item=item, name=name)

    def placed(self, item: str, parent: str) -> Event:
        return Placed(id=self._id("placed", item, parent), labeler=self.labeler, item=item, parent=parent)

    def _id(self, *words: str) -> str:
        return uuid.uuid5(_SPACE, "\0".join((self.labeler, str(self.generation), *words))).hex


def _is_id(name: str) -> bool:
    return len(name) == 64 and not name.strip("0123456789abcdef")
