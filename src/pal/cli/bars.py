"""Progress bars on standard error, so that what a command says can still be piped."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


def bars() -> Progress:
    """A set of bars; start and stop it, or use it as a context."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


class Setter(Protocol):
    """Sets a bar to a number of things done, of so many where that is known only now."""

    def __call__(self, done: int, total: int | None = None, /) -> None:
        """Set the bar."""
        ...


@contextmanager
def bar(title: str, *, total: int | None = None) -> Iterator[Setter]:
    """One bar; yields a function to call with the number of things done."""
    with bars() as shown:
        yield setter(shown, shown.add_task(title, total=total))


def setter(shown: Progress, task: TaskID) -> Setter:
    """Function that sets a bar to a number of things done."""
    return lambda done, total=None: shown.update(task, completed=done, total=total)


def say(shown: Progress, line: str, /) -> None:
    """Say a line; in a terminal above the bars, in one piece whatever its width, so that an address can be clicked."""
    if shown.console.is_terminal and sys.stdout.isatty():
        shown.console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)
    else:
        typer.echo(line)
