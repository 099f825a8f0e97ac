"""Opening a project: where it lies, whether it is this source's, and that only one process writes to it."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pal.errors import InvalidInputError, StoreError, require_extra
from pal.items import Items
from pal.project.leases import Leases
from pal.store import Store

LOG = "log.sqlite"
STORE = "store.txt"
SUFFIX = ".pal"
"""How the folder of a project ends, beside its source."""

_SKETCH = 64
_LEASE_SECONDS = 180.0


def default_directory(source: str | Path, /) -> Path:
    """Directory of a source's project: ``SOURCE.pal`` beside it."""
    path = Path(source)
    path = path if path.name else path.resolve()
    return path.parent / f"{path.name}{SUFFIX}"


def directory_of(source: str | Path, /) -> Path:
    """Directory of the project that is meant by its source or by its own folder; it need not be there."""
    path = Path(source)
    return path if is_project(path) or path.suffix == SUFFIX else default_directory(source)


def project_of(source: str | Path, /) -> Path:
    """Directory of the project that is meant by its source or by its own folder.

    Raises
    ------
    InvalidInputError
        If there is none.
    """
    return _started(directory_of(source))


def _started(directory: Path) -> Path:
    if not is_project(directory):
        raise InvalidInputError(f"no project in {directory}; start one with: pal annotate SOURCE")
    return directory


def open_store(directory: Path, address: str | None = None, /) -> Store:
    """Open the log of a project directory, made if missing; with ``address``, the one in that PostgreSQL database.

    Raises
    ------
    InvalidInputError
        If the address can't be read, or is missing for a directory whose log is in a database.
    StoreError
        If the directory can't be written, has a log of its own beside the address, or the log can't be opened.
    MissingExtraError
        If SQLAlchemy or psycopg isn't installed.
    """
    try:
        from pal.store.postgres import PostgresStore, public
        from pal.store.sql import SqlStore
    except ImportError:
        raise require_extra("SQLAlchemy", "annotate") from None
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"can't make the project directory {directory}: {error.strerror}; give one you can write to with --project"
        ) from None
    note = directory / STORE
    if address is None and note.is_file():
        raise InvalidInputError(
            f"the log of {directory} is in {note.read_text(encoding='utf-8').strip()}; "
            "give its address with --store or PAL_STORE"
        )
    if address is None:
        return SqlStore(directory / LOG)
    shown = public(address)
    if (directory / LOG).is_file():
        raise StoreError(f"{directory} has a log of its own, {LOG}, beside {shown}; give another --project")
    if note.is_file() and (before := note.read_text(encoding="utf-8").strip()) != shown:
        raise StoreError(f"the log of {directory} is in {before}, got {shown}; give another --project")
    store = PostgresStore(address)
    note.write_text(f"{shown}\n", encoding="utf-8")
    return store


def is_project(directory: Path, /) -> bool:
    """Whether a directory is a project's."""
    return (directory / LOG).is_file() or (directory / STORE).is_file()


def stored_leases(store: Store, /) -> Leases | None:
    """Leases in the database, where several servers may share it; None where one process keeps its own."""
    from pal.store.postgres import PostgresStore

    if not isinstance(store, PostgresStore):
        return None
    from pal.store.leases import StoredLeases

    return StoredLeases(store, _LEASE_SECONDS)


def remembered(directory: Path, key: str, address: str | None = None, /) -> str | None:
    """What the project in a directory was opened with before; None for a new one."""
    if address is None and not is_project(directory):
        return None
    with contextlib.closing(open_store(directory, address)) as store:
        return store.get_meta(key)


def claim(store: Store, items: Items, /) -> None:
    """Mark a new store as this source's, or check that it is.

    A store keeps the 64 smallest ids of its source: a fair sample of them, whatever was added or removed since.

    Raises
    ------
    StoreError
        If more than half of them aren't among ``items``.
    """
    sketch = store.get_meta("sketch")
    if sketch is None:
        store.set_meta("source", str(Path(items.source).resolve()) if Path(items.source).exists() else items.source)
        store.set_meta("sketch", json.dumps(sorted(items.id)[:_SKETCH]))
        return
    ids: list[str] = json.loads(sketch)
    found = sum(item in items for item in ids)
    if 2 * found < len(ids):
        raise StoreError(
            f"the store belongs to another data set ({store.get_meta('source')}), got {items.source}; "
            "give another --project"
        )
    if found < len(ids) or len(ids) < _SKETCH:
        store.set_meta("sketch", json.dumps(sorted(items.id)[:_SKETCH]))


def stored_source(directory: Path, address: str | None = None, /) -> str:
    """Source of the project in a directory.

    Raises
    ------
    InvalidInputError
        If there is no project.
    """
    if address is None:
        _started(directory)
    source = remembered(directory, "source", address)
    if source is None:
        raise StoreError(f"the project in {directory} was never finished; start it again with: pal annotate SOURCE")
    return source


@contextlib.contextmanager
def one_writer(directory: Path, /) -> Iterator[None]:
    """Hold the project for this process; the operating system lets go of it when the process ends, however it does.

    Raises
    ------
    StoreError
        If another process holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("a+b") as file:
        try:
            _lock(file)
        except OSError:
            raise StoreError(
                f"another pal is annotating with {directory}; use its page, stop it, or give another --project"
            ) from None
        yield


def _lock(file: IO[bytes]) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
