"""The fold: from the log to what counts now.

Definition. An event counts if no retraction names it. Of events with one id, the first counts. Answers are a set, so
their order doesn't matter; of several names (parents) given to an item, the last one in the log counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain, repeat

import numpy as np
from numpy import ndarray

from pal.answers import Answers
from pal.store.events import Answered, Event, Flagged, Named, Placed, Retracted


@dataclass(frozen=True, eq=False)
class Folded:
    """What counts, in the order of the log.

    Parameters
    ----------
    answered
        Answers that count.
    names, parents
        The last event that counts for each item named or placed.
    flagged
        Flags that count, by item.
    events
        Every event by id, also the retracted ones.
    retracted
        Ids of the events that no longer count.
    """

    answered: tuple[Answered, ...] = ()
    names: Mapping[str, Named] = field(default_factory=dict)
    parents: Mapping[str, Placed] = field(default_factory=dict)
    flagged: Mapping[str, Flagged] = field(default_factory=dict)
    events: Mapping[str, Event] = field(default_factory=dict)
    retracted: frozenset[str] = frozenset()

    def counts(self, event: Event) -> bool:
        """Whether an event of this log counts."""
        return event.id not in self.retracted


def fold(events: Iterable[Event], /) -> Folded:
    """Fold a log; O(number of events). Retractions of retractions, or of nothing, have no effect."""
    by_id: dict[str, Event] = {}
    for event in events:
        by_id.setdefault(event.id, event)
    named_by_retractions = {event.event for event in by_id.values() if isinstance(event, Retracted)}
    gone = frozenset(i for i in named_by_retractions if i in by_id and not isinstance(by_id[i], Retracted))
    live = [event for event in by_id.values() if event.id not in gone]
    return Folded(
        tuple(event for event in live if isinstance(event, Answered)),
        {event.item: event for event in live if isinstance(event, Named)},
        {event.item: event for event in live if isinstance(event, Placed)},
        {event.item: event for event in live if isinstance(event, Flagged)},
        by_id,
        gone,
    )


def to_answers(
    answered: Iterable[Answered], /, row: Mapping[str, int], *, labelers: dict[str, int] | None = None, first: int = 0
) -> Answers:
    """Answers as columns; ``row`` maps item ids to row numbers. Answers about other items are left out.

    Labelers get numbers as they appear, kept in ``labelers`` if given; questions are numbered from ``first``.
    """
    answered = list(answered)
    labelers = {} if labelers is None else labelers
    length = np.array([len(event.items) for event in answered], dtype=np.int64)

    def column(values: Iterable[float], dtype: type = np.int64) -> ndarray:
        return np.fromiter(values, dtype=dtype, count=len(answered))

    def every(values: Iterable[int], dtype: type = np.int64) -> ndarray:
        return np.fromiter(values, dtype=dtype, count=int(length.sum()))

    # Chains and maps, not generators: a log has a million tiles, and no line of Python runs for each.
    at = column(row.get(event.template, -1) for event in answered)
    template = at.repeat(length)
    item = every(map(row.get, chain.from_iterable(event.items for event in answered), repeat(-1)))
    relation = every(chain.from_iterable(event.relations for event in answered), np.int8)
    known = (template >= 0) & (item >= 0)
    for number in np.flatnonzero(at >= 0).tolist():
        labelers.setdefault(answered[number].labeler, len(labelers))
    who = column(labelers.get(event.labeler, -1) for event in answered).repeat(length)
    question = np.arange(first, first + len(answered)).repeat(length)
    time = column((event.time for event in answered), np.float64).repeat(length)
    return Answers(*(values[known] for values in (template, item, relation, who, question, time)))
