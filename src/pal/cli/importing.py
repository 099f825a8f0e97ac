"""``pal import``: labels from elsewhere as told answers, and back out."""

from contextlib import ExitStack, closing
from pathlib import Path

import typer

from pal.cli.bars import bar
from pal.errors import InvalidInputError

_SHOWN = 5


def import_file(
    source: str,
    labels: Path,
    directory: Path | None,
    store: str | None,
    *,
    name: str | None,
    predicted: bool,
    undo: bool,
) -> None:
    """Import labels into a project that nobody serves meanwhile, or undo it."""
    from pal.datasets import Reading, open_source
    from pal.imports import import_labels, read_labels, undo_import
    from pal.project.core import SEEN
    from pal.project.opening import claim, directory_of, is_project, one_writer, open_store, remembered, stored_source

    labeler = f"import {labels.resolve().name}" if name is None else name
    said = [] if undo else read_labels(labels, predicted=predicted)
    if directory is None:
        directory = directory_of(source)
    if is_project(directory):
        source = stored_source(directory, store)
    elif undo:
        raise InvalidInputError(f"no project in {directory}; there is nothing to undo")
    with ExitStack() as opened:
        reading = Reading().over(remembered(directory, "reading", store))
        with bar("reading files") as progress:
            items = open_source(source, reading=reading, cache=directory / SEEN, progress=progress)
        if store is None:
            opened.enter_context(one_writer(directory))
        log = opened.enter_context(closing(open_store(directory, store)))
        claim(log, items)
        if undo:
            typer.echo(f"{undo_import(log, items, labeler=labeler):,} events of {labeler!r} no longer count")
            return
        done = import_labels(log, items, said, labeler=labeler)
    there = "" if done.new else "; all of them were there already, nothing changed"
    typer.echo(f"{done.items:,} items in {done.classes:,} classes: {done.answers:,} answers by {labeler!r}{there}")
    if done.apart < done.pairs:
        typer.echo(f"{done.apart:,} of {done.pairs:,} pairs of classes told apart, the largest first")
    _say("unknown here", done.unknown)
    _say("given several classes, left out", done.unclear)


def _say(what: str, names: tuple[str, ...]) -> None:
    if names:
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        typer.echo(f"{len(names):,} {what}: {', '.join(name[:60] for name in names[:_SHOWN])}{more}")
