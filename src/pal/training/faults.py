"""What stops a run, each in one sentence that says what to do and where the last checkpoint is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from pal.errors import PalError, TrainingError
from pal.training.checkpoint import NAME
from pal.training.settings import Settings

# How allocators of processors and graphics cards say that there is no room.
_FULL = ("out of memory", "can't allocate memory", "alloc_failed")


def kept(folder: Path | None, /) -> str:
    """What an error says of the checkpoint."""
    path = None if folder is None else folder / NAME
    return f"; the last checkpoint is {path}" if path is not None and path.is_file() else ""


def no_number(loss: float, step: int, epoch: int, settings: Settings, folder: Path | None, /) -> TrainingError:
    """The loss of a step is NaN or infinite."""
    return TrainingError(
        f"the loss is {loss} at step {step} (epoch {epoch}); "
        f"lower the learning rate ({settings.learning_rate}) or set clip{kept(folder)}"
    )


def no_pair(step: int, folder: Path | None, /) -> TrainingError:
    """A batch holds no two alike rows."""
    return TrainingError(
        f"the batch of step {step} holds no pair of alike items; take larger batches, more mates or "
        f"two views with the identity graph{kept(folder)}"
    )


def check_weights(module: nn.Module, step: int, settings: Settings, folder: Path | None, /) -> None:
    """Check that every weight is a number, before a checkpoint takes the place of a good one.

    Raises
    ------
    TrainingError
        If one isn't.
    """
    if not all(torch.isfinite(value).all() for value in module.state_dict().values() if value.is_floating_point()):
        raise TrainingError(
            f"weights are NaN or infinite after step {step}; "
            f"lower the learning rate ({settings.learning_rate}) or set clip{kept(folder)}"
        )


@contextmanager
def full_memory(settings: Settings, folder: Path | None, /) -> Iterator[None]:
    """Say in one sentence that the memory is full.

    Raises
    ------
    TrainingError
        If it is.
    """
    try:
        yield
    except PalError:
        raise
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and not any(
            words in str(error).lower() for words in _FULL
        ):
            raise
        raise TrainingError(
            f"out of memory with {settings.batch_size} items of {settings.n_views} views a batch; "
            f"take a smaller batch_size{kept(folder)}"
        ) from error
