"""One front door: what SOURCE on the command line means."""

from collections.abc import Callable
from pathlib import Path

from pal.datasets.digits import digits
from pal.datasets.folder import folder
from pal.datasets.vectors import vectors
from pal.errors import InvalidInputError
from pal.items import Items

DEMO = "digits"


def open_source(
    source: str | Path, /, *, table: Path | None = None, progress: Callable[[int], None] | None = None
) -> Items:
    """Items of a folder of pictures, of an .npz or .npy file of embeddings, or of the demo ("digits").

    Raises
    ------
    InvalidInputError
        If the source doesn't exist, isn't of these kinds, or holds nothing that can be labelled.
    """
    path = Path(source)
    if str(source) == DEMO and not path.exists():
        return digits()
    if path.suffix.lower() in (".npz", ".npy") and not path.is_dir():
        return vectors(path, table=table)
    if path.is_file():
        raise InvalidInputError(
            f"expected a folder of pictures or a file ending in .npz or .npy, got {path}; "
            "put pictures in a folder, save embeddings with np.savez(…, x=…)"
        )
    return folder(path, progress=progress)
