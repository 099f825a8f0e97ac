"""``pal predict``: classify new items with an exported classifier."""

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pal.cli.bars import bar
from pal.errors import StoreError

if TYPE_CHECKING:
    from pal.datasets import Reading


def predict(model: Path, source: str, out: Path | None, reading: "Reading") -> None:
    """Write path, id, class and confidence of each new item as CSV."""
    from pal.datasets import open_source
    from pal.export.classifier import load_classifier
    from pal.export.predicting import predictions
    from pal.export.tables import harmless

    classifier = load_classifier(model)
    with bar("reading files") as progress:
        items = open_source(source, reading=reading, progress=progress)
    with bar("encoding", total=len(items)) as progress:
        rows, skipped = predictions(classifier, items, home=model.parent, progress=progress)
    for skip in (*items.skipped, *skipped):
        typer.echo(f"skipped {skip.name}: {skip.why}", err=True)
    try:
        with open(sys.stdout.fileno() if out is None else out, "w", newline="", closefd=out is not None) as file:
            writer = csv.writer(file)
            writer.writerow(("path", "id", "class", "confidence"))
            writer.writerows([harmless(cell) for cell in row] for row in rows)
    except OSError as error:
        raise StoreError(f"can't write {out}: {error.strerror}; give another --out") from None
