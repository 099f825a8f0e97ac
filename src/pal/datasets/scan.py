"""Looking at every file of a folder once: its kind, its hash, or why it is left out.

What was found is kept by path, size and time of change, so that a folder is not read again at each start. A file that
changed within the last two seconds before it was read isn't kept: it may change again without a new time.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from pal.errors import StoreError
from pal.items import Skipped
from pal.media import Looked, kind_of, pool
from pal.media.kinds import FileKind, stem_and_ending
from pal.media.readers import LOOKS

_SETTLED = 2e9  # nanoseconds


class File(NamedTuple):
    """A file of a folder: relative path, kind, size in bytes, time of change in nanoseconds."""

    name: str
    kind: FileKind
    size: int
    changed: int


Kept = dict[str, tuple[int, int, Looked]]
"""Size, time of change and what was seen, by relative path."""


def list_files(root: Path, /) -> tuple[list[File], list[Skipped]]:
    """Files of known kinds below a folder, by name, and what was left out.

    Hidden files, PAL's own ``*.pal`` directories and links to directories are not entered; links that lead out of the
    folder are skipped.
    """
    home = root.resolve()
    files: list[File] = []
    skipped: list[Skipped] = []
    for name, entry in _walk(root, "", skipped):
        kind = kind_of(name)
        if kind is None:
            skipped.append(Skipped(name, f"of no known kind ({stem_and_ending(name)[1].lower() or 'no ending'})"))
            continue
        why = _why_not(name, entry, home)
        if why is not None:
            skipped.append(Skipped(_printable(name), why))
            continue
        about = entry.stat()
        files.append(File(name, kind, about.st_size, about.st_mtime_ns))
    return files, skipped


def look_at(
    root: Path, files: list[File], kept: Kept, /, *, progress: Callable[[int, int], None] | None = None
) -> tuple[list[Looked], Kept]:
    """What is in each file: as it was kept if it hasn't changed since, else read by other processes.

    Returns what was seen, and what to keep now.
    """
    now = time.time_ns()
    looked: list[Looked | None] = [_known(file, kept) for file in files]
    left = [i for i, seen in enumerate(looked) if seen is None]
    done = len(files) - len(left)
    if progress is not None:
        progress(done, len(files))  # at once: what was kept says nothing of how long the rest will take
    readers, home = pool(), str(root.absolute())
    # Not more requests than readers are made ahead, so that Ctrl+C ends soon.
    with ThreadPoolExecutor(readers.n_children) as threads:
        waiting: list[tuple[list[int], Future[list[Looked]]]] = []
        batches = [left[start : start + LOOKS] for start in range(0, len(left), LOOKS)]
        for at, batch in enumerate(batches):
            asked = [(f"{home}/{files[i].name}", files[i].kind) for i in batch]
            waiting.append((batch, threads.submit(readers.look, asked)))
            while waiting and (len(waiting) > readers.n_children or at == len(batches) - 1):
                rows, found = waiting.pop(0)
                for i, seen in zip(rows, found.result(), strict=True):
                    looked[i] = seen
                done += len(rows)
                if progress is not None:
                    progress(done, len(files))
    everything = [seen for seen in looked if seen is not None]
    keep = {
        f.name: (f.size, f.changed, s) for f, s in zip(files, everything, strict=True) if f.changed + _SETTLED < now
    }
    return everything, keep


def load_kept(path: Path | None, /) -> Kept:
    """What was kept of an earlier look; nothing where there is none, or a torn one."""
    if path is None or not path.is_file():
        return {}
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return {name: (size, changed, Looked(item, why)) for name, size, changed, item, why in rows}
    except (OSError, ValueError, TypeError):
        return {}  # it only saves time: everything is looked at again


def save_kept(kept: Kept, path: Path, /) -> None:
    """Keep what was seen, in one step."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    lines = (json.dumps([name, size, changed, *seen]) for name, (size, changed, seen) in kept.items())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise StoreError(
            f"can't write to {path.parent}: {error.strerror}; give a directory you can write to with --project"
        ) from None


def _walk(root: Path, below: str, skipped: list[Skipped]) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    try:
        with os.scandir(root / below) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        skipped.append(Skipped(below or ".", f"not readable: {error.strerror or error}"))
        return
    directories = []
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if not entry.name.endswith(".pal"):
                directories.append(entry.name)
        elif entry.is_symlink() and entry.is_dir():
            skipped.append(Skipped(below + entry.name, "a link to a folder"))
        else:
            yield below + entry.name, entry
    for name in directories:
        yield from _walk(root, f"{below}{name}/", skipped)


def _why_not(name: str, entry: "os.DirEntry[str]", home: Path) -> str | None:
    if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(home):
        return "a link that leads out of the folder"
    if not entry.is_file():
        return "not a file"
    return None if _printable(name) == name else "a name that isn't UTF-8"


def _printable(name: str) -> str:
    return name.encode(errors="replace").decode()


def _known(file: File, kept: Kept) -> Looked | None:
    size, changed, seen = kept.get(file.name, (-1, -1, None))
    return seen if (size, changed) == (file.size, file.changed) else None
