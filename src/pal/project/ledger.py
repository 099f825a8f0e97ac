"""The ledger: the fold of a log over the items of one project, kept up to date event by event.

It equals :func:`pal.store.fold.fold` of the same events followed by :func:`pal.knowledge.known`, whatever came when.
"""

from collections.abc import Iterable

from pal.answers import Answers, concatenate
from pal.errors import InvalidInputError
from pal.items import Items
from pal.knowledge import known
from pal.store import Answered, Event, Flagged, Named, Placed, Retracted
from pal.store.fold import to_answers

CORRECTIONS = ("merge", "split")
"""What ``page`` says of answers that were given on the groups screen."""

CHECKS = ("check", "audit")
"""What ``page`` says of answers to one pair; "audit" of those about an item drawn at random."""


def is_page(event: Answered, /) -> bool:
    """Whether an answer is a page of tiles, and no correction or check."""
    return event.page not in (*CORRECTIONS, *CHECKS)


class Ledger:
    """What counts now, and what it implies. Not thread-safe; the project locks."""

    def __init__(self, items: Items, log: Iterable[tuple[int, Event]] = ()) -> None:
        self.items = items
        self.position = 0
        self.events: dict[str, Event] = {}
        self.retracted: set[str] = set()
        self.missing: set[str] = set()
        self._live: dict[str, Event] = {}
        self._parts: list[Answers] = []
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
            self._live[event.id] = event
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
        if len(self._parts) != 1:
            self._parts = [concatenate(self._parts)]
        return self._parts[0]

    @property
    def answered(self) -> list[Answered]:
        """Pages and corrections that count."""
        return [event for event in self._live.values() if isinstance(event, Answered)]

    @property
    def names(self) -> list[Named]:
        """Names given, in order."""
        return [event for event in self._live.values() if isinstance(event, Named) and event.item in self.items]

    @property
    def parents(self) -> list[Placed]:
        """Parents given, in order."""
        return [event for event in self._live.values() if isinstance(event, Placed) and event.item in self.items]

    @property
    def flags(self) -> list[Flagged]:
        """Flags that count."""
        return [event for event in self._live.values() if isinstance(event, Flagged) and event.item in self.items]

    def last_of(self, labeler: str) -> list[Event]:
        """Latest event of a labeler that counts; for a correction, all the events that made it."""
        mine = [event for event in self._live.values() if event.labeler == labeler]
        if not mine:
            return []
        last = mine[-1]
        if not (isinstance(last, Answered) and last.page in CORRECTIONS):
            return [last]
        return [e for e in mine if isinstance(e, Answered) and (e.page, e.time) == (last.page, last.time)]

    def _extend(self, log: Iterable[tuple[int, Event]]) -> None:
        """Take in a whole log with one fold of the answers at its end."""
        for position, event in log:
            self.position = max(self.position, position)
            self.events.setdefault(event.id, event)
        gone = {e.event for e in self.events.values() if isinstance(e, Retracted)}
        self.retracted = {i for i in gone if not isinstance(self.events.get(i), Retracted)}
        for event in self.events.values():
            if not isinstance(event, Retracted) and event.id not in self.retracted:
                self._live[event.id] = event
        self._start_again()

    def _retract(self, target: str) -> None:
        if isinstance(self.events.get(target), Retracted):
            return
        self.retracted.add(target)
        if isinstance(self._live.pop(target, None), Answered):
            self._start_again()

    def _start_again(self) -> None:
        """Fold all answers that count anew: a retraction may undo what others rest on."""
        self._parts, self._n_answered = [], 0
        self.knowledge = known(len(self.items), self._take_in(self.answered))

    def _take_in(self, answered: list[Answered]) -> Answers:
        row = self.items.row
        for event in answered:
            self.missing.update(i for i in (event.template, *event.items) if i not in row)
        columns = to_answers(answered, row, labelers=self._labelers, first=self._n_answered)
        self._n_answered += len(answered)
        self._parts.append(columns)
        return columns
