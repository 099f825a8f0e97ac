"""Errors a caller may want to catch.

Every message says, in one sentence, what was expected, what came, and what to do.
"""


class PalError(Exception):
    """Base of all errors PAL raises on purpose."""


class InvalidInputError(PalError, ValueError):
    """An argument, a file or an option has the wrong shape, value or name."""


class MissingExtraError(PalError, ImportError):
    """An optional dependency is not installed."""


class StoreError(PalError):
    """The log can't be opened, or belongs to something else."""


class TrainingError(PalError):
    """Training can't go on: the loss isn't finite, or the memory is full. The last checkpoint is kept."""


def require_extra(module: str, extra: str) -> MissingExtraError:
    """Build the error for a missing optional dependency (module, extra that brings it)."""
    return MissingExtraError(f"{module} is not installed; run: pip install 'pal-learn[{extra}]'", name=module)
