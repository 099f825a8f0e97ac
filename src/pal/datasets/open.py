"""One front door: what SOURCE on the command line means."""

from collections.abc import Callable
from pathlib import Path

from pal.datasets.archive import ENDING, archive
from pal.datasets.digits import digits
from pal.datasets.folder import folder
from pal.datasets.reading import Reading
from pal.datasets.rows import rows_of_table
from pal.datasets.saved import is_saved, saved_dataset
from pal.datasets.table import SUFFIXES, read_table
from pal.datasets.vectors import vectors
from pal.errors import InvalidInputError
from pal.items import Items

DEMO = "digits"

_MEMORY = ".npz", ".npy"


def open_source(
    source: str | Path,
    /,
    *,
    reading: Reading = Reading(),  # noqa: B008  frozen
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Items:
    """Items of a source.

    Parameters
    ----------
    source
        A folder of pictures, sounds or texts, or a zip file of them; a table (.csv, .jsonl, .parquet) of texts, paths
        or vectors; a dataset saved by Hugging Face's ``save_to_disk``; embeddings (.npz, .npy); or "digits", the demo.
    reading
        What of it to take, where that isn't plain.
    cache
        File that keeps what was seen of files, so that those that haven't changed aren't read again; an archive is
        unpacked beside it.
    progress
        Called with the number of files looked at so far, and of all.

    Raises
    ------
    InvalidInputError
        If the source doesn't exist, isn't of these kinds, or holds nothing that can be labelled.
    """
    path = Path(source)
    if str(source) == DEMO and not path.exists():
        return digits()
    ending = "" if path.is_dir() else path.suffix.lower()
    if reading.kind is not None and not path.is_dir() and ending != ENDING:
        raise InvalidInputError(f"--kind is for folders, got {path}; leave it out")
    if ending in _MEMORY:
        return vectors(path, reading=reading, cache=cache, progress=progress)
    if reading.table is not None:
        raise InvalidInputError(f"--table goes beside embeddings (.npz or .npy), got {path}; leave it out")
    if ending in SUFFIXES:
        return rows_of_table(
            read_table(path), source=str(path), home=path.parent, reading=reading, cache=cache, progress=progress
        )
    if path.is_file() and ending != ENDING:
        raise InvalidInputError(
            "expected a folder of pictures, sounds or texts, or a file ending in "
            f"{', '.join((*SUFFIXES, *_MEMORY, ENDING))}, got {path}"
        )
    if is_saved(path):
        return saved_dataset(path, reading=reading, cache=cache, progress=progress)
    if reading.columns or reading.ids:
        raise InvalidInputError(f"--column and --ids are for tables, got {path}; leave them out")
    if ending == ENDING:
        return archive(path, kind=reading.kind, cache=cache, progress=progress)
    return folder(path, kind=reading.kind, progress=progress, cache=cache)
