"""The command line: thin, and light to import. What is wrong with a request is one sentence and exit code 2."""

import os
import sys
from collections.abc import MutableMapping

from pal.errors import PalError, require_extra

_THREADS = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")
"""What OpenBLAS reads, before NumPy is imported."""


def main() -> None:
    """Run ``pal``."""
    share_processors(os.environ)
    try:
        from pal.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich", "click"):
            raise
        _fail(require_extra(error.name, "annotate"))
    try:
        app()
    except PalError as error:
        _fail(error)


def share_processors(environ: MutableMapping[str, str], /) -> None:
    """Let linear algebra take half of the processors, where nothing else was asked for.

    OpenBLAS takes all. Its threads wait for each other by turning in circles: where one of them has no processor,
    because a server or another program has it, a factorisation takes fifteen times as long.
    """
    if not any(name in environ for name in _THREADS):
        environ["OPENBLAS_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // 2))


def _fail(error: Exception) -> None:
    print(f"pal: {error}", file=sys.stderr)  # noqa: T201
    sys.exit(2)
