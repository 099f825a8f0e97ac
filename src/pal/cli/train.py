"""``pal train``: an encoder from what a project knows."""

from pathlib import Path

import typer

from pal.cli.bars import bar
from pal.cli.report import existing
from pal.errors import require_extra


def train(
    source: str | None,
    directory: Path | None,
    *,
    network: str,
    side: int | None,
    batch_size: int | None,
    epochs: int,
    loss: str,
    graph: str,
    device: str,
    seed: int,
) -> None:
    """Train on the current knowledge, with a bar of epochs."""
    try:
        from pal.project.retrain import retrain, settings_for
    except ImportError as error:
        raise require_extra(error.name or "torch", "train") from None
    given = {} if batch_size is None else {"batch_size": batch_size}
    with existing(source, directory) as project, bar("training", total=epochs) as progress:
        settings = settings_for(project, network=network, epochs=epochs, device=device, seed=seed, **given)
        left = retrain(
            project,
            network=network,
            side=side,
            settings=settings,
            loss=loss,
            graph=graph,
            on_epoch=lambda record: progress(int(record["epoch"])),
        )
    typer.echo(f"loss {left.first_loss:.3g} in the first epoch, {left.last_loss:.3g} in the last")
    typer.echo(f"{left.path}: the project uses it from the next start on")
