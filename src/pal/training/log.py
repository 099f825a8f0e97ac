"""The log of a run: one line of JSON an epoch, and its plot."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pal.errors import InvalidInputError, require_extra

NAME = "log.jsonl"
Record = Mapping[str, float]


def write(folder: Path, records: Sequence[Record], /) -> None:
    """Write the log anew, as when a run is resumed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME).write_text("".join(json.dumps(dict(record)) + "\n" for record in records), encoding="utf-8")


def append(folder: Path, record: Record, /) -> None:
    """Add a line."""
    with (folder / NAME).open("a", encoding="utf-8") as file:
        file.write(json.dumps(dict(record)) + "\n")


def read(folder: Path, /) -> list[dict[str, float]]:
    """Lines of a log.

    Raises
    ------
    InvalidInputError
        If there is none, or a line isn't JSON.
    """
    path = folder / NAME
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"can't read the log {path}: {error}; train first") from None


def plot(folder: Path, /, path: Path | None = None) -> Path:
    """Draw loss and probe accuracy over epochs, by default to ``folder/log.png``.

    Raises
    ------
    InvalidInputError
        If there is no log.
    MissingExtraError
        If matplotlib isn't installed.
    """
    records = read(folder)
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise require_extra("matplotlib", "experiments") from None
    figure = Figure(figsize=(5.0, 3.0), layout="constrained")
    axis = figure.add_subplot()
    epochs = [record["epoch"] for record in records]
    axis.plot(epochs, [record["loss"] for record in records], color="C0")
    axis.set(xlabel="Epoch", ylabel="Loss")
    probed = [record for record in records if "probe" in record]
    if probed:
        other = axis.twinx()
        other.plot([r["epoch"] for r in probed], [r["probe"] for r in probed], color="C1")
        other.set(ylabel="Accuracy of a linear probe", ylim=(0, 1))
    path = folder / "log.png" if path is None else path
    figure.savefig(path, dpi=150)
    return path
