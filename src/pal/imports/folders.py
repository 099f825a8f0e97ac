"""Labels as folders of pictures: the name of the outermost folder is the class.

A picture is known by its content, so it may have moved or been renamed since; folders whose names begin with "_", like
the one of an export for pictures of no known class, are left out.
"""

import hashlib
from pathlib import Path

from pal.imports.said import Said


def read_folders(folder: Path, /) -> list[Said]:
    """Read the folders of a folder; O(bytes)."""
    said = []
    for home in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(("_", "."))):
        for file in sorted(path for path in home.rglob("*") if path.is_file() and not path.name.startswith(".")):
            inside = file.relative_to(home).as_posix()
            # An export writes pictures that came inside a source as PNG, under their names.
            names = (_digest(file), inside, f"{home.name}/{inside}", inside.removesuffix(".png"))
            said.append(Said(names, home.name))
    return said


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
