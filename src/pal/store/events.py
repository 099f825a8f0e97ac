"""Events: what may be written to the log.

Definition. Five kinds, never changed and never deleted:

- ``Answered``: relations of some items to a template, +1 alike, −1 unlike, 0 cannot tell. A page; also a merge (one
  alike) and the answers of a split. A page skipped or called unclear has relations 0 and says so in ``note``.
- ``Retracted``: an earlier event no longer counts. A retraction can't be retracted.
- ``Named``: the group that holds ``item`` is called ``name``; the later name of a group wins.
- ``Placed``: the group that holds ``item`` lies under ``parent``.
- ``Flagged``: ``item`` is broken or unsuitable, and not asked about any more.

Items are named by content hash. The client makes ``id``, so sending an event twice is harmless.
"""

import json
import math
import time as _time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, get_args

from pal.answers import Mode
from pal.errors import InvalidInputError

Reason = Literal["broken", "unsuitable"]

_MAX_TEXT = 1_000
_MAX_TILES = 10_000


def new_id() -> str:
    """Make an id for an event or a page."""
    return uuid.uuid4().hex


@dataclass(frozen=True, kw_only=True)
class _Common:
    """``id`` (unique), ``labeler`` (who) and ``time`` (seconds since the epoch) of an event."""

    kind: ClassVar[str]
    labeler: str
    id: str = field(default_factory=new_id)
    time: float = field(default_factory=_time.time)

    def __post_init__(self) -> None:
        for name in ("id", "labeler"):
            _text(self, name)
        if not isinstance(self.time, int | float) or not math.isfinite(self.time):
            raise InvalidInputError(f"time must be seconds since the epoch, got {self.time!r}; send a finite number")


@dataclass(frozen=True, kw_only=True)
class Answered(_Common):
    """Relations of ``items`` to ``template``, as shown on ``page``; ``toggles`` are [item, seconds] in order."""

    kind: ClassVar[str] = "answered"
    page: str
    template: str
    items: tuple[str, ...]
    relations: tuple[int, ...]
    mode: Mode = "same"
    seconds: float = 0.0
    toggles: tuple[tuple[str, float], ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("page", "template"):
            _text(self, name)
        _text(self, "note", empty=True)
        items, relations = _tuple(self.items, "items"), _tuple(self.relations, "relations")
        if len(items) != len(relations) or not len(items) <= _MAX_TILES:
            raise InvalidInputError(
                f"an answer needs one relation for each item, got {len(items)} items and {len(relations)} relations"
            )
        if not all(type(r) is int and -1 <= r <= 1 for r in relations):
            raise InvalidInputError("relations must be -1, 0 or +1; use +1 alike, -1 unlike, 0 cannot tell")
        if not all(type(item) is str for item in items) or len(set(items)) != len(items) or self.template in items:
            raise InvalidInputError("a page must show each item once, and not its template; got a repeat")
        if self.mode not in get_args(Mode):
            raise InvalidInputError(f"mode must be 'same' or 'different', got {self.mode!r}")
        if not isinstance(self.seconds, int | float) or not 0 <= self.seconds < math.inf:
            raise InvalidInputError(f"seconds must be a length of time, got {self.seconds!r}; send 0 if unknown")
        object.__setattr__(self, "items", items)
        object.__setattr__(self, "relations", relations)
        object.__setattr__(self, "toggles", _toggles(self.toggles))


@dataclass(frozen=True, kw_only=True)
class Retracted(_Common):
    """The event ``event`` no longer counts."""

    kind: ClassVar[str] = "retracted"
    event: str

    def __post_init__(self) -> None:
        super().__post_init__()
        _text(self, "event")


@dataclass(frozen=True, kw_only=True)
class Named(_Common):
    """The group of ``item`` is called ``name``; an empty name takes the name away."""

    kind: ClassVar[str] = "named"
    item: str
    name: str

    def __post_init__(self) -> None:
        super().__post_init__()
        _text(self, "item")
        _text(self, "name", empty=True)


@dataclass(frozen=True, kw_only=True)
class Placed(_Common):
    """The group of ``item`` lies under ``parent``; an empty parent takes it out again."""

    kind: ClassVar[str] = "placed"
    item: str
    parent: str

    def __post_init__(self) -> None:
        super().__post_init__()
        _text(self, "item")
        _text(self, "parent", empty=True)


@dataclass(frozen=True, kw_only=True)
class Flagged(_Common):
    """``item`` isn't to be asked about: ``reason`` says why."""

    kind: ClassVar[str] = "flagged"
    item: str
    reason: Reason = "unsuitable"

    def __post_init__(self) -> None:
        super().__post_init__()
        _text(self, "item")
        if self.reason not in get_args(Reason):
            raise InvalidInputError(f"reason must be one of {', '.join(get_args(Reason))}, got {self.reason!r}")


Event = Answered | Retracted | Named | Placed | Flagged
KINDS: dict[str, type[Event]] = {kind.kind: kind for kind in get_args(Event)}
_FIELDS = {kind: {f.name for f in fields(kind)} for kind in KINDS.values()}


def to_dict(event: Event, /) -> dict[str, Any]:
    """Turn an event into plain values that JSON knows, with its ``kind``."""
    return {"kind": event.kind} | {f.name: getattr(event, f.name) for f in fields(event)}


def from_dict(values: Mapping[str, Any], /) -> Event:
    """Read an event back from plain values.

    Raises
    ------
    InvalidInputError
        If the kind is unknown, a field is missing or has the wrong type, or there are fields too many.
    """
    if not isinstance(values, Mapping):
        raise InvalidInputError(f"an event must be an object with fields, got {type(values).__name__}")
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InvalidInputError(f"unknown kind of event {kind!r}; expected one of {', '.join(KINDS)}")
    rest = {name: value for name, value in values.items() if name != "kind"}
    names = {f.name for f in fields(KINDS[kind])}
    if unknown := sorted(map(str, rest.keys() - names)):
        raise InvalidInputError(f"an event of kind {kind!r} has no field {', '.join(unknown)}; leave it out")
    try:
        return KINDS[kind](**rest)
    except TypeError as error:
        raise InvalidInputError(
            f"an event of kind {kind!r} lacks a field or has one of the wrong type: {error}"
        ) from None


def to_json(event: Event, /) -> str:
    """Serialise to one line of JSON."""
    return json.dumps(to_dict(event), ensure_ascii=False, separators=(",", ":"))


def from_json(line: str, /) -> Event:
    """Read one line of JSON back; see :func:`from_dict`."""
    return from_dict(json.loads(line))


def from_log(line: str, /) -> Event:
    """Read back what :func:`to_json` wrote to a log: it was checked then, so only its fields are now.

    A page takes a tenth of the time that :func:`from_json` takes, which is for events from elsewhere.
    """
    values = json.loads(line)
    kind = KINDS.get(values.pop("kind", None)) if isinstance(values, dict) else None
    if kind is None or values.keys() != _FIELDS[kind]:
        return from_json(line)  # an older release's, or broken: says what is wrong
    if kind is Answered:
        values["items"] = tuple(values["items"])
        values["relations"] = tuple(values["relations"])
        values["toggles"] = tuple(map(tuple, values["toggles"]))
    event: Event = object.__new__(kind)
    event.__dict__.update(values)
    return event


def _text(event: object, name: str, *, empty: bool = False) -> None:
    value = getattr(event, name)
    if not isinstance(value, str) or not (value or empty) or len(value) > _MAX_TEXT or "\0" in value:
        shown = value[:40] if isinstance(value, str) else value
        raise InvalidInputError(f"{name} must be a text of 1 to {_MAX_TEXT} characters, got {shown!r}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidInputError(f"{name} must be valid Unicode, got a lone surrogate; send proper UTF-8") from None


def _tuple(values: object, name: str) -> tuple[Any, ...]:
    if not isinstance(values, list | tuple):
        raise InvalidInputError(f"{name} must be a list, got {type(values).__name__}")
    return tuple(values)


def _toggles(toggles: object) -> tuple[tuple[str, float], ...]:
    pairs = _tuple(toggles, "toggles")
    for pair in pairs:
        good = isinstance(pair, list | tuple) and len(pair) == 2
        if not (good and isinstance(pair[0], str) and isinstance(pair[1], int | float) and math.isfinite(pair[1])):
            raise InvalidInputError(f"toggles must be pairs of an item and seconds, got {pair!r}")
    return tuple((item, float(seconds)) for item, seconds in pairs)
