"""A folder of pictures."""

import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from pal.datasets.files import hash_file, open_picture
from pal.errors import InvalidInputError
from pal.items import Items, Skipped, unique_rows

SUFFIXES = frozenset(
    [".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"]
)
"""Endings of the files that are opened; others are counted as skipped."""


def folder(root: Path, /, *, progress: Callable[[int], None] | None = None) -> Items:
    """Pictures in a folder and the folders in it, by relative path; reads every file once to hash it.

    Hidden files and PAL's own ``*.pal`` directories are left alone; links that lead out of the folder are skipped.
    ``progress`` is called with the number of files looked at so far.

    Raises
    ------
    InvalidInputError
        If there is no such folder, or no two different pictures in it.
    """
    if not root.is_dir():
        raise InvalidInputError(f"no such folder: {root}; give a folder of pictures, an .npz or .npy file, or --demo")
    home = root.resolve()
    names, ids, skipped = [], [], []
    count = 0
    for count, file in enumerate(_files(root), start=1):
        name = file.relative_to(root).as_posix()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow's, on files that are skipped with a reason anyway
                ids.append(_look_at(file, home))
            names.append(name)
        except InvalidInputError as error:
            skipped.append(Skipped(name, str(error)))
        if progress is not None:
            progress(count)
    if not names:
        raise InvalidInputError(_nothing(root, count, skipped))
    rows, copies = unique_rows(ids, names)
    if len(rows) < 2:
        raise InvalidInputError(f"{root} has only one picture ({names[0]}); at least 2 different ones are needed")
    kept = [int(i) for i in rows]
    return Items(
        str(root),
        "image",
        tuple(ids[i] for i in kept),
        tuple(names[i] for i in kept),
        tuple(root / names[i] for i in kept),
        copies=copies,
        skipped=tuple(skipped),
    )


def _files(root: Path) -> Iterator[Path]:
    for directory, below, files in os.walk(root):
        below[:] = sorted(d for d in below if not d.startswith(".") and not d.endswith(".pal"))
        yield from (Path(directory, file) for file in sorted(files) if not file.startswith("."))


def _look_at(file: Path, home: Path) -> str:
    """Id of a picture; raises InvalidInputError with the reason if it is none."""
    if file.suffix.lower() not in SUFFIXES:
        raise InvalidInputError(f"not a picture ({file.suffix.lower() or 'no ending'})")
    if not file.resolve().is_relative_to(home):
        raise InvalidInputError("a link that leads out of the folder")
    if not file.is_file():
        raise InvalidInputError("not a file")
    open_picture(file).close()
    try:
        return hash_file(file)
    except OSError as error:
        raise InvalidInputError(f"not readable: {error.strerror or error}") from None


def _nothing(root: Path, count: int, skipped: list[Skipped]) -> str:
    if not count:
        return f"{root} is empty; give a folder with pictures in it"
    first = skipped[0]
    return f"{root} has no picture that can be read: {count} file(s) skipped, the first is {first.name}: {first.why}"
