"""``pal train``: an encoder from what a project knows."""

from pathlib import Path

import typer

from pal.cli.bars import bar
from pal.cli.report import existing
from pal.errors import require_extra


def train(source: str | None, directory: Path | None, *, epochs: int, loss: str, device: str, seed: int) -> None:
    """Train on the current knowledge, with a bar of epochs."""
    try:
        from pal.project.retrain import retrain
        from pal.training import Settings
    except ImportError as error:
        raise require_extra(error.name or "torch", "train") from None
    settings = Settings(epochs=epochs, device=device, seed=seed)
    with existing(source, directory) as project, bar("training", total=epochs) as progress:
        left = retrain(project, settings=settings, loss=loss, on_epoch=lambda record: progress(int(record["epoch"])))
    typer.echo(f"loss {left.first_loss:.3g} in the first epoch, {left.last_loss:.3g} in the last")
    typer.echo(f"{left.path}: the project uses it from the next start on")
