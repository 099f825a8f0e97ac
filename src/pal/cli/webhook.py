"""``pal webhook``: addresses to tell what happens; typed here and nowhere else."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pal.project.opening import open_store, project_of
from pal.store.tables import SqlLog

if TYPE_CHECKING:
    from pal.store.webhooks import Webhooks


def add(directory: Path, store: str | None, url: str, kinds: Sequence[str] | None) -> None:
    """Add an address and print its secret."""
    from pal.store.webhooks import KINDS

    with _webhooks(directory, store) as hooks:
        made = hooks.add(url, tuple(kinds or KINDS))
    typer.echo(made.secret)
    typer.echo(f"{made.url} hears {', '.join(made.kinds)}, signed with this secret; it isn't shown again", err=True)


def show(directory: Path, store: str | None) -> None:
    """List the addresses."""
    with _webhooks(directory, store) as hooks:
        listed = hooks.all()
        if not listed:
            typer.echo("no address hears anything; pal webhook add adds one", err=True)
        for hook in listed:
            typer.echo(f"{hook.url}  {','.join(hook.kinds)}  {hook.said or 'not tried yet'}")


def remove(directory: Path, store: str | None, url: str) -> None:
    """Take an address away."""
    with _webhooks(directory, store) as hooks:
        hooks.remove(url)
    typer.echo(f"{url} hears no more")


@contextmanager
def _webhooks(directory: Path, store: str | None) -> Iterator["Webhooks"]:
    from pal.store.webhooks import Webhooks

    directory = project_of(directory)
    with closing(open_store(directory, store)) as log:
        assert isinstance(log, SqlLog)  # noqa: S101
        yield Webhooks(log)
