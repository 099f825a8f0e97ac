"""Backups: one file with the whole log, its notes and its accounts, taken while others go on writing.

Of an SQLite store it is an SQLite file, of a PostgreSQL one lines of JSON: a head, one line an event, and their number
at the end, so that a file that was cut short is found out. Either can be restored to either database, with the
positions of the log as they were. Leases are left out, and so is what can be made again: features and thumbnails.
"""

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pal.errors import InvalidInputError, StoreError
from pal.store.events import Event, from_dict, to_dict, to_json
from pal.store.sql import SqlStore, copy_sqlite
from pal.store.tables import ACCOUNTS, EVENTS, META, SqlLog

FORMAT = 1
_SQLITE = b"SQLite format 3\0"
_CHUNK = 5_000


@dataclass(frozen=True)
class Contents:
    """What a backup holds: events with their positions, notes, and accounts without their invitations."""

    log: Sequence[tuple[int, Event]]
    notes: Mapping[str, str]
    accounts: Sequence[Mapping[str, Any]]


def write_backup(store: SqlLog, to: Path, /) -> int:
    """Back a store up to a new file; returns the number of bytes.

    Raises
    ------
    InvalidInputError
        If the file is there already.
    StoreError
        If it can't be written; then there is none.
    """
    if to.exists():
        raise InvalidInputError(f"{to} is there already; give another name with --to")
    if isinstance(store, SqlStore):
        copy_sqlite(store.path, to)
    else:
        _write_lines(contents(store), to)
    return to.stat().st_size


def read_backup(file: Path, /) -> Contents:
    """Read and check a backup; one of an older version is brought up to date on the way, and stays as it is.

    Raises
    ------
    InvalidInputError
        If the file isn't a whole backup.
    """
    try:
        with file.open("rb") as opened:
            head = opened.read(len(_SQLITE))
    except OSError as error:
        raise InvalidInputError(f"can't read {file}: {error.strerror}; give a file of pal backup") from None
    if head != _SQLITE:
        return _read_lines(file)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "log.sqlite"
        copy_sqlite(file, copy)
        with closing(sqlite3.connect(copy)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if not {"events", "meta"} <= tables:
            raise InvalidInputError(f"{file} is a database, but no backup of a project; give a file of pal backup")
        with closing(SqlStore(copy)) as store:
            return contents(store)


def contents(store: SqlLog, /) -> Contents:
    """Everything in a store that a backup holds, at one moment of it."""
    # Notes first, the log after: events written in between are in it, which harms nothing.
    with store.reading() as connection:
        notes = {row.key: row.value for row in connection.execute(sa.select(META))}
        accounts = [
            {"name": row.name, "key": row.key, "role": row.role}
            for row in connection.execute(sa.select(ACCOUNTS).order_by(ACCOUNTS.c.name))
        ]
    return Contents(store.read_after(0), notes, accounts)


def load(store: SqlLog, held: Contents, /) -> None:
    """Fill an empty store, all or nothing.

    Raises
    ------
    StoreError
        If the store isn't empty.
    """
    with store.writing() as connection:
        notes = sa.select(sa.func.count()).select_from(META).where(META.c.key != "schema")
        full = connection.execute(sa.select(sa.func.count()).select_from(EVENTS)).scalar_one()
        if full or connection.execute(notes).scalar_one():
            raise StoreError("the store to restore to holds a project already; give an empty one")
        rows = [{"position": position, "id": event.id, "body": to_json(event)} for position, event in held.log]
        for start in range(0, len(rows), _CHUNK):
            connection.execute(sa.insert(EVENTS), rows[start : start + _CHUNK])
        kept = [{"key": key, "value": value} for key, value in held.notes.items() if key != "schema"]
        for table, values in ((META, kept), (ACCOUNTS, list(held.accounts))):
            if values:
                connection.execute(sa.insert(table), values)
        if rows and connection.dialect.name == "postgresql":  # SQLite goes on from the largest by itself
            connection.execute(
                sa.text("SELECT setval(pg_get_serial_sequence('events', 'position'), :last)"), {"last": held.log[-1][0]}
            )


def _write_lines(held: Contents, to: Path) -> None:
    half = to.with_name(f"{to.name}.half")
    try:
        with half.open("w", encoding="utf-8") as file:
            for line in _lines(held):
                file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
            file.flush()
            os.fsync(file.fileno())
        half.replace(to)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise StoreError(f"can't write {to}: {error.strerror}; give another place with --to") from None


def _lines(held: Contents) -> Iterator[dict[str, Any]]:
    yield {"pal_backup": FORMAT, "notes": held.notes, "accounts": held.accounts}
    for position, event in held.log:
        yield {"position": position, "event": to_dict(event)}
    yield {"events": len(held.log)}


def _read_lines(file: Path) -> Contents:
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").removesuffix("\n").split("\n")]
        head, *body, end = lines
        if head["pal_backup"] != FORMAT or end != {"events": len(body)}:
            raise ValueError
        log = [(int(line["position"]), from_dict(line["event"])) for line in body]
        notes = {str(key): str(value) for key, value in head["notes"].items()}
        accounts = [{key: str(account[key]) for key in ("name", "key", "role")} for account in head["accounts"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InvalidInputError(f"{file} is no whole backup; give a file of pal backup") from None
    return Contents(log, notes, accounts)
