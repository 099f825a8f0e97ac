"""Progress bars on standard error, so that what a command says can still be piped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

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


@contextmanager
def bar(title: str, *, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """One bar; yields a function to call with the number of things done."""
    with bars() as shown:
        yield setter(shown, shown.add_task(title, total=total))


def setter(shown: Progress, task: TaskID) -> Callable[[int], None]:
    """Function that sets a bar to a number of things done."""
    return lambda done: shown.update(task, completed=done)
