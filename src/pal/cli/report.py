"""``pal status`` and ``pal export``: look at a project that may be in use."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pal.errors import InvalidInputError
from pal.project import Project
from pal.project.opening import default_directory, directory_of, stored_source

if TYPE_CHECKING:
    from pal.project.snapshot import Snapshot


def existing(source: str | None, directory: Path | None, store: str | None = None, /, *, wait: bool = True) -> Project:
    """Open the project of a source, of its own folder, or of ``directory``, for looking; ``wait`` for its first model.

    Raises
    ------
    InvalidInputError
        If there is none.
    """
    if source is None and directory is None:
        raise InvalidInputError("which project? give its source or its folder, or --demo")
    if directory is None:
        assert source is not None  # noqa: S101
        directory = directory_of(source)
    return Project.create_or_open(stored_source(directory, store), directory, store=store, read_only=True, wait=wait)


def report(source: str | None, directory: Path | None, store: str | None, *, as_json: bool) -> None:
    """Say how far a project is."""
    with existing(source, directory, store, wait=False) as project:
        encoded = project.features.enough
        if encoded:
            project.begin()
            project.settle()
        now, groups, found = project.progress(), project.groups(), project.now()
    if as_json:
        typer.echo(json.dumps(asdict(now), indent=1))
        return
    typer.echo(f"{project.directory}: {now.n_items:,} items of {project.items.source}")
    typer.echo(f"labels: {now.told:,} told, {now.deduced:,} deduced, {now.predicted:,} predicted")
    typer.echo(f"{now.pages:,} pages, {now.answers:,} answers in {now.seconds / 60:.0f} minutes; {now.flagged} flagged")
    if not encoded:
        place = (
            "" if project.directory == default_directory(project.items.source) else f" --project {project.directory}"
        )
        typer.echo(f"nothing is predicted here yet; go on with: pal annotate {project.items.source}{place}")
    typer.echo(f"{now.n_groups} groups:" if groups else "no groups yet")
    for group in groups:
        counts = f"{group.told} told, {group.deduced} deduced, {group.predicted} predicted"
        typer.echo(f"  {group.name or f'? like {project.items.name[project.items.row[group.anchor]]}'}: {counts}")
    _say_people(found)


def _say_people(found: "Snapshot") -> None:
    """A line for each person, and how far they agree."""
    from pal.agreement import answers_alpha
    from pal.project.report import people

    listed = people(found)
    if len(listed) < 2:
        return
    typer.echo(f"{len(listed)} people:")
    for one in listed:
        agreed = "" if one.agreement is None else f", agrees with others on {one.agreement:.0%} of {one.compared:,}"
        counts = f"{one.pages:,} pages, {one.answers:,} answers, {one.unsure:,} unsure, {one.seconds:.1f} s a tile"
        rates = "" if one.sensitivity is None else f", finds {one.sensitivity:.0%} of the alike"
        rates += "" if one.specificity is None else f" and {one.specificity:.0%} of the unlike"
        typer.echo(f"  {one.labeler}: {counts}{agreed}{rates}")
    alpha, pairs = answers_alpha(found.answers, found.knowledge.n_items)
    if alpha is not None:
        typer.echo(f"agreement: Krippendorff's alpha {alpha:.3f} on {pairs:,} pairs that two or more judged")


def write_export(
    source: str | None,
    directory: Path | None,
    store: str | None,
    out: Path,
    formats: Sequence[str] | None,
    *,
    copy: bool,
) -> None:
    """Write a project's results."""
    from pal.export import FORMATS, export

    with existing(source, directory, store) as project:
        files = export(project, out, formats=formats or FORMATS, pictures="copy" if copy else "link")
    beside = [file for file in files if file.parent == out]
    for file in beside:
        typer.echo(file)
    for folder, count in Counter(file.relative_to(out).parts[0] for file in files if file.parent != out).items():
        typer.echo(f"{out / folder}: {count:,} files")
