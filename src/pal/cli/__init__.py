"""The command line: thin, and light to import. What is wrong with a request is one sentence and exit code 2."""

import sys

from pal.errors import PalError, require_extra


def main() -> None:
    """Run ``pal``."""
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


def _fail(error: Exception) -> None:
    print(f"pal: {error}", file=sys.stderr)  # noqa: T201
    sys.exit(2)
