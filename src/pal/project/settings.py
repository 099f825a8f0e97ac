"""What an administrator sets for everybody: the rule, names to choose from, how people are checked, the target."""

import json
import math
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

from pal.errors import InvalidInputError
from pal.store import Store

NOTE = "settings"
"""Note in the store."""

RULE = "Two things are the same kind if you would give them the same name. When you can't tell, say unsure."

_MAX_RULE = 500
_MAX_CLASSES, _MAX_NAME = 1000, 200
_FRESH = 2.0
"""Seconds for which settings are taken as read: another server may change them."""


@dataclass(frozen=True)
class Settings:
    """Settings of a project.

    Parameters
    ----------
    rule
        One sentence on what "the same kind" means here; shown on every page.
    gold
        Share of pages that carry a tile whose answer is known, where there are gold items.
    second
        Largest share of answers that are asked of a second person; 0 asks nothing twice.
    target
        Share of right labels that is aimed at.
    classes
        Names that are offered when a group is named; none are needed.
    """

    rule: str = RULE
    gold: float = 0.2
    second: float = 0.1
    target: float = 0.98
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        words = " ".join(self.rule.split()) if isinstance(self.rule, str) else ""
        if not words or len(words) > _MAX_RULE or not words.isprintable():
            raise InvalidInputError(
                f"the rule must be a sentence of 1 to {_MAX_RULE} characters, got {self.rule!r:.80}"
            )
        object.__setattr__(self, "rule", words)
        names = [" ".join(name.split()) if isinstance(name, str) else "" for name in self.classes]
        if len(names) > _MAX_CLASSES or any(not name.isprintable() or not 0 < len(name) <= _MAX_NAME for name in names):
            raise InvalidInputError(
                f"expected at most {_MAX_CLASSES:,} names of 1 to {_MAX_NAME} characters, got {names!r:.80}"
            )
        object.__setattr__(self, "classes", tuple(dict.fromkeys(names)))
        for name in ("gold", "second"):
            share = getattr(self, name)
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
                raise InvalidInputError(f"{name} must be a share between 0 and 1, got {share!r}; 0 turns it off")
        if isinstance(self.target, bool) or not isinstance(self.target, int | float) or not 0 < self.target < 1:
            raise InvalidInputError(f"target must be a share above 0 and below 1, got {self.target!r}; 0.98 suits many")


def read_settings(store: Store, /) -> Settings:
    """Read the settings; what isn't set is as it is by default."""
    found: dict[str, Any] = json.loads(store.get_meta(NOTE) or "{}")
    known = {field.name for field in fields(Settings)}
    return Settings(**{name: value for name, value in found.items() if name in known})


def write_settings(store: Store, settings: Settings, /) -> None:
    """Write the settings."""
    store.set_meta(NOTE, json.dumps(asdict(settings), ensure_ascii=False))


class Current:
    """Settings as they were a moment ago, for those who ask at every page."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._clock = store, clock
        self._lock = threading.Lock()
        self._found, self._read = Settings(), -math.inf

    def __call__(self) -> Settings:
        """The settings."""
        with self._lock:
            if self._clock() - self._read > _FRESH:
                self._found, self._read = read_settings(self._store), self._clock()
            return self._found

    def set(self, settings: Settings) -> None:
        """Change the settings, here at once."""
        with self._lock:
            write_settings(self._store, settings)
            self._found, self._read = settings, self._clock()
