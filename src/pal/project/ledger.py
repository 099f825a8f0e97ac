"""The ledger: the fold of a log over the items of one project, kept up to date event by event.

It equals :func:`pal.store.fold.fold` of the same events followed by :func:`pal.knowledge.known`, whatever came when.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

from pal.answers import Answers, Growing
from pal.errors import InvalidInputError
from pal.items import Items
from pal.knowledge import known
from pal.store import Answered, Event, Flagged, Named, Placed, Retracted
from pal.store.events import KINDS
from pal.store.fold import to_answers
from pal.votes import pair_key

CORRECTIONS = ("merge", "split")
"""What ``page`` says of answers that were given on the groups screen."""

CHECKS = ("check", "audit")
"""What ``page`` says of answers to one pair; "audit" of those about an item drawn at random."""


IMPORT = "import"
"""What ``page`` says of answers that came with labels from elsewhere."""

GOLD = "gold"
"""What ``page`` says of answers by which an administrator says what is right, to measure others."""


def is_page(event: Answered, /) -> bool:
    """Whether an answer is a page of tiles, and no correction, check, import or gold."""
    return event.page not in (*CORRECTIONS, *CHECKS, IMPORT, GOLD)


@dataclass(frozen=True)
class Tally:
    """Pages, tiles answered on them (not "cannot tell"), and the seconds they took; and gold marks."""

    pages: int = 0
    answers: int = 0
    seconds: float = 0.0
    gold: int = 0

    def plus(self, event: Event, sign: int) -> "Tally":
        """Tally with an event more, or less."""
        if isinstance(event, Answered) and event.page == GOLD:
            return replace(self, gold=self.gold + sign)
        if not (isinstance(event, Answered) and is_page(event)):
            return self
        told = len(event.relations) - event.relations.count(0)
        # Seconds come and go: what is left of none is none.
        seconds = self.seconds + sign * event.seconds if self.pages + sign else 0.0
        return Tally(self.pages + sign, self.answers + sign * told, seconds, self.gold)


class Ledger:
    """What counts now, and what it implies. Not thread-safe; the project locks."""

    def __init__(self, items: Items, log: Iterable[tuple[int, Event]] = ()) -> None:
        self.items = items
        self.position = 0
        self.events: dict[str, Event] = {}
        self.retracted: set[str] = set()
        self.missing: set[str] = set()
        # What counts, by kind, in the order of the log.
        self._live: dict[type[Event], dict[str, Event]] = {kind: {} for kind in KINDS.values()}
        self._unclear: dict[str, Answered] = {}
        self._deliberate: dict[str, Answered] = {}
        self._tally = Tally()
        self._columns = Growing()
        self._n_answered = 0
        self._labelers: dict[str, int] = {}
        self.knowledge = known(len(items))
        self._extend(log)

    def add(self, position: int, event: Event) -> None:
        """Take in one event; one that is known has no effect."""
        self.position = max(self.position, position)
        if event.id in self.events:
            return
        self.events[event.id] = event
        if isinstance(event, Retracted):
            self._retract(event.event)
        elif event.id not in self.retracted:
            self._count(event)
            if isinstance(event, Answered):
                self.knowledge = self.knowledge.add(self._take_in([event]))

    def check(self, event: Event, batch: Iterable[Event] = ()) -> None:
        """Refuse an event that names items or events that aren't there; ``batch`` is written before it.

        Raises
        ------
        InvalidInputError
            With the reason in one sentence.
        """
        if isinstance(event, Retracted):
            target = self.events.get(event.event) or next((e for e in batch if e.id == event.event), None)
            if target is None:
                raise InvalidInputError(f"can't retract {event.event[:40]}: the log has no such event")
            if isinstance(target, Retracted):
                raise InvalidInputError("a retraction can't be retracted; answer again instead")
            if target.labeler != event.labeler:
                raise InvalidInputError(f"only {target.labeler} can retract this event, not {event.labeler}")
            return
        named = (event.template, *event.items) if isinstance(event, Answered) else (event.item,)
        unknown = next((item for item in named if item not in self.items), None)
        if unknown is not None:
            raise InvalidInputError(f"no item {unknown[:12]}… in this project; is the page from another one?")

    @property
    def answers(self) -> Answers:
        """All answers that count."""
        return self._columns.answers

    @property
    def answered(self) -> list[Answered]:
        """Pages and corrections that count."""
        return [event for event in self._live[Answered].values() if isinstance(event, Answered)]

    def unclear(self, labeler: str, /) -> set[int]:
        """Templates that somebody called unclear."""
        row = self.items.row
        return {row[e.template] for e in self._unclear.values() if e.labeler == labeler and e.template in row}

    def deliberate(self) -> Int64[ndarray, " d"]:
        """Keys of the pairs related by something else than a page: a merge, a check, an import; O(those events)."""
        row, n = self.items.row, len(self.items)
        pairs = [
            (row[event.template], row[item])
            for event in self._deliberate.values()
            if event.template in row
            for item in event.items
            if item in row
        ]
        return np.unique(pair_key(n, *np.array(pairs, dtype=np.int64).reshape(-1, 2).T))

    @property
    def labelers(self) -> set[str]:
        """Everybody who ever answered."""
        return set(self._labelers)

    @property
    def names(self) -> list[Named]:
        """Names given, in order."""
        return [e for e in self._live[Named].values() if isinstance(e, Named) and e.item in self.items]

    @property
    def parents(self) -> list[Placed]:
        """Parents given, in order."""
        return [e for e in self._live[Placed].values() if isinstance(e, Placed) and e.item in self.items]

    @property
    def flags(self) -> list[Flagged]:
        """Flags that count."""
        return [e for e in self._live[Flagged].values() if isinstance(e, Flagged) and e.item in self.items]

    @property
    def tally(self) -> "Tally":
        """Pages that count, kept up to date as they come."""
        return self._tally

    def last_of(self, labeler: str) -> list[Event]:
        """Latest event of a labeler that counts; for a correction, all the events that made it."""
        last = next((e for e in reversed(self.events.values()) if e.labeler == labeler and self._counts(e)), None)
        if last is None:
            return []
        if not (isinstance(last, Answered) and last.page in CORRECTIONS):
            return [last]
        same = [e for e in self.answered if (e.labeler, e.page, e.time) == (labeler, last.page, last.time)]
        return list[Event](same)

    def _extend(self, log: Iterable[tuple[int, Event]]) -> None:
        """Take in a whole log with one fold of the answers at its end."""
        for position, event in log:
            self.position = max(self.position, position)
            self.events.setdefault(event.id, event)
        gone = {e.event for e in self.events.values() if isinstance(e, Retracted)}
        self.retracted = {i for i in gone if not isinstance(self.events.get(i), Retracted)}
        for event in self.events.values():
            if not isinstance(event, Retracted) and event.id not in self.retracted:
                self._live[type(event)][event.id] = event
        self._unclear = {event.id: event for event in self.answered if event.note == "unclear"}
        self._deliberate = {event.id: event for event in self.answered if not is_page(event)}
        pages = [event for event in self.answered if is_page(event)]
        told = sum(len(event.relations) - event.relations.count(0) for event in pages)
        self._tally = Tally(len(pages), told, sum(event.seconds for event in pages))
        self._start_again()

    def _counts(self, event: Event) -> bool:
        return event.id in self._live[type(event)]

    def _count(self, event: Event) -> None:
        self._live[type(event)][event.id] = event
        self._tally = self._tally.plus(event, 1)
        if isinstance(event, Answered) and event.note == "unclear":
            self._unclear[event.id] = event
        if isinstance(event, Answered) and not is_page(event):
            self._deliberate[event.id] = event

    def _retract(self, target: str) -> None:
        event = self.events.get(target)
        if isinstance(event, Retracted):
            return
        self.retracted.add(target)
        if event is not None and self._live[type(event)].pop(target, None) is not None:
            self._tally = self._tally.plus(event, -1)
            self._unclear.pop(target, None)
            self._deliberate.pop(target, None)
            if isinstance(event, Answered):
                self._start_again()

    def _start_again(self) -> None:
        """Fold all answers that count anew: a retraction may undo what others rest on."""
        self._columns, self._n_answered = Growing(), 0
        self.knowledge = known(len(self.items), self._take_in(self.answered))

    def _take_in(self, answered: list[Answered]) -> Answers:
        row = self.items.row
        columns = to_answers(answered, row, labelers=self._labelers, first=self._n_answered)
        self._n_answered += len(answered)
        if len(columns) < sum(len(event.items) for event in answered):
            self.missing.update(i for event in answered for i in (event.template, *event.items) if i not in row)
        self._columns.add(columns)
        return columns
