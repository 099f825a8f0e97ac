"""``pal backup`` and ``pal restore``: the log in one file, and back."""

from contextlib import closing
from pathlib import Path

import typer

from pal.errors import InvalidInputError, StoreError
from pal.project.opening import STORE, is_project, open_store, project_of
from pal.store.tables import SqlLog


def backup(directory: Path, store: str | None, to: Path) -> None:
    """Write the log of a project to one file."""
    from pal.store.backup import write_backup

    directory = project_of(directory)
    with closing(_log(directory, store)) as log:
        size = write_backup(log, to)
        typer.echo(f"{to}: {len(log.read_after(0)):,} events, {size:,} bytes")


def restore(file: Path, directory: Path, store: str | None) -> None:
    """Start a project's folder, or a database, from a backup."""
    from pal.store.backup import load, read_backup

    if is_project(directory):
        raise InvalidInputError(f"{directory} has a project already; give another folder with --to")
    held = read_backup(file)
    with closing(_log(directory, store)) as log:
        try:
            load(log, held)
        except StoreError:
            # The folder was empty of projects before, and is again.
            (directory / STORE).unlink(missing_ok=True)
            raise
    source = held.notes.get("source", "SOURCE")
    typer.echo(f"{directory}: {len(held.log):,} events; go on with: pal annotate {source} --project {directory}")


def _log(directory: Path, store: str | None) -> SqlLog:
    log = open_store(directory, store)
    assert isinstance(log, SqlLog)  # noqa: S101
    return log
