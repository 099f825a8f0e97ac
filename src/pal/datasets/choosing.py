"""Which columns of a table are labelled: by what was asked for, by their names, by what is in them.

A column holds pictures or sounds (paths of files, or the files themselves), vectors, numbers, texts, or something else.
"""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any, Literal, NamedTuple

from pal.datasets.table import Columns
from pal.errors import InvalidInputError
from pal.items import Kind
from pal.media import kind_of

ColumnKind = Literal["image", "audio", "vector", "number", "text", "other"]

NAMES = ("name", "id", "key")
TEXTS = ("text", "sentence", "content", "document", "body", "review")
FILES = ("path", "file", "filename", "file_name", "image", "picture", "img", "audio", "sound")
VECTORS = ("embedding", "embeddings", "vector", "features")
LABELS = ("y", "label", "class")

_SAMPLE = 200
_SOUNDS = (b"RIFF", b"fLaC", b"OggS", b"ID3", b"FORM", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")
_LONGEST_PATH = 1000


class Choice(NamedTuple):
    """What is labelled: the column that a person looks at or listens to, if any, and those of the vectors, if any."""

    kind: Kind
    content: str | None
    vectors: tuple[str, ...]


def choose(
    columns: Columns, wanted: Sequence[str], source: str, /, hints: Mapping[str, ColumnKind] | None = None
) -> Choice:
    """Choose columns of a table.

    Raises
    ------
    InvalidInputError
        If a column that is asked for isn't there, or it isn't plain which ones are meant.
    """
    if columns and not any(len(column) for column in columns.values()):
        raise InvalidInputError(f"{source} has no rows below its column names; give a table with two or more")
    kinds = {name: (hints or {}).get(name) or column_kind(column) for name, column in columns.items()}
    if wanted:
        return _wanted(kinds, wanted, source)
    vectors = [name for name, kind in kinds.items() if kind == "vector"]
    content = _content(kinds)
    if content is not None:
        beside = [name for name in vectors if name.lower() in VECTORS]
        return Choice(kinds[content], content, tuple(beside[:1]))  # type: ignore[arg-type]
    if len(vectors) == 1:
        return Choice("vector", None, tuple(vectors))
    numbered = _numbered(kinds)
    if not vectors and len(numbered) > 1:
        return Choice("vector", None, tuple(numbered))
    raise InvalidInputError(
        f"can't tell which column of {source} is to be labelled; choose with --column from {_listed(kinds)}"
    )


def column_kind(column: Sequence[Any], /) -> ColumnKind:
    """What a column holds, by its first values."""
    values = [value for value in (_plain(one) for one in islice(column, _SAMPLE)) if value is not None and value != ""]
    kinds = {_value_kind(value) for value in values}
    if len(kinds) == 1:
        return kinds.pop()
    return "text" if kinds and kinds <= {"text", "number", "image", "audio"} else "other"


def _wanted(kinds: Mapping[str, ColumnKind], wanted: Sequence[str], source: str) -> Choice:
    chosen: list[str] = []
    for pattern in wanted:
        found = [pattern] if pattern in kinds else [name for name in kinds if fnmatchcase(name, pattern)]
        if not found:
            raise InvalidInputError(f"no column {pattern!r} in {source}; it has {_listed(kinds)}")
        chosen += [name for name in found if name not in chosen]
    shown = [name for name in chosen if kinds[name] in ("image", "audio", "text")]
    rest = tuple(name for name in chosen if kinds[name] in ("vector", "number"))
    if len(shown) > 1:
        raise InvalidInputError(
            f"--column got {' and '.join(shown)} of {source}; give one of texts or files, and besides only vectors"
        )
    if len(shown) + len(rest) < len(chosen):
        odd = next(name for name in chosen if kinds[name] == "other")
        raise InvalidInputError(f"column {odd!r} of {source} holds neither texts nor files nor numbers; give another")
    if not shown:
        return Choice("vector", None, rest)
    return Choice(kinds[shown[0]], shown[0], rest)  # type: ignore[arg-type]


def _content(kinds: Mapping[str, ColumnKind]) -> str | None:
    """The column that people look at, if that is plain."""
    by_name = {name.strip().lower(): name for name in reversed(list(kinds))}
    known = [by_name[word] for word in (*FILES, *TEXTS) if word in by_name]
    files = [name for name in kinds if kinds[name] in ("image", "audio")]
    texts = [name for name in kinds if kinds[name] == "text" and name.strip().lower() not in (*NAMES, *LABELS)]
    named = [name for name in known if name in files] or [name for name in known if name in texts and not files]
    if named:
        return named[0]
    if len(files) == 1:
        return files[0]
    return texts[0] if len(texts) == 1 and not files and "vector" not in kinds.values() else None


def _numbered(kinds: Mapping[str, ColumnKind]) -> list[str]:
    """Columns of numbers whose names differ in a number only, if they are one family."""
    families: dict[str, list[str]] = {}
    for name, kind in kinds.items():
        if kind == "number" and (match := re.fullmatch(r"(.*?)\d+", name.strip())):
            families.setdefault(match[1], []).append(name)
    return next(iter(families.values())) if len(families) == 1 else []


def _value_kind(value: Any) -> ColumnKind:
    if isinstance(value, dict) and isinstance(value.get("bytes"), bytes):
        return _file_kind(value["bytes"])
    if isinstance(value, bytes):
        return _file_kind(value)
    if isinstance(value, bool):
        return "other"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list | tuple):
        numbers = [one for one in value if one is not None]
        return "vector" if numbers and all(isinstance(one, int | float) for one in numbers) else "other"
    if not isinstance(value, str):
        return "other"
    if len(value) < _LONGEST_PATH and "\n" not in value and (kind := kind_of(value.strip())) in ("image", "audio"):
        return kind
    return "number" if _is_number(value) else "text"


def _file_kind(data: bytes) -> ColumnKind:
    return "audio" if data.startswith(_SOUNDS) and data[8:12] != b"WEBP" else "image"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _plain(value: Any) -> Any:
    return value.as_py() if hasattr(value, "as_py") else value


def _listed(kinds: Mapping[str, ColumnKind]) -> str:
    shown = [f"{name} ({kind})" for name, kind in islice(kinds.items(), 12)]
    return ", ".join(shown) + (f" and {len(kinds) - 12} more" if len(kinds) > 12 else "")
