"""A folder of pictures, of sounds or of texts."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from pal.datasets.scan import File, list_files, load_kept, look_at, save_kept
from pal.datasets.texts import read_text
from pal.errors import InvalidInputError
from pal.items import Items, Skipped, unique_rows
from pal.media.kinds import FileKind, stem_and_ending

WORDS: dict[FileKind, str] = {"image": "picture", "audio": "sound", "text": "text"}
KINDS: tuple[FileKind, ...] = ("image", "audio", "text")


def folder(
    root: Path,
    /,
    *,
    kind: FileKind | None = None,
    progress: Callable[[int, int], None] | None = None,
    cache: Path | None = None,
) -> Items:
    """Pictures, sounds or texts in a folder and the folders in it, by relative path.

    Without ``kind`` it is what most files are, where what goes with another file doesn't count: a text beside a picture
    or sound of the same name is its caption, and a sound goes with a picture whose name it begins with. Every file is
    read once to hash it, by another process; ``cache`` keeps what was found, so that files that haven't changed aren't
    read again. Hidden files and PAL's own ``*.pal`` directories are left alone; links that lead out of the folder are
    skipped. ``progress`` is called with the number of files looked at so far, and of all.

    Raises
    ------
    InvalidInputError
        If there is no such folder, or not two different items in it.
    """
    if not root.is_dir():
        raise InvalidInputError(
            f"no such folder: {root}; give a folder of pictures, sounds or texts, a table, embeddings, or --demo"
        )
    files, skipped = list_files(root)
    if kind is None:
        kind = _main_kind(files, (skip.name for skip in skipped if skip.name.lower().endswith(".svg")))
    mine = [file for file in files if file.kind == kind]
    before = load_kept(cache)
    looked, kept = look_at(root, mine, before, progress=progress)
    if cache is not None and kept != before:
        save_kept(kept, cache)
    skipped += [Skipped(file.name, f"{_other(file.kind)} among {WORDS[kind]}s") for file in files if file.kind != kind]
    skipped += [Skipped(f.name, seen.why or "") for f, seen in zip(mine, looked, strict=True) if seen.id is None]
    good = [(file.name, seen.id) for file, seen in zip(mine, looked, strict=True) if seen.id is not None]
    texts: dict[str, str] = {}
    if kind == "text":
        texts = _texts(root, [name for name, _ in good], skipped)
        good = [(name, item) for name, item in good if name in texts]
    if not good:
        raise InvalidInputError(_nothing(root, len(files), skipped, kind))
    names, ids = [name for name, _ in good], [item for _, item in good]
    rows, copies = unique_rows(ids, names)
    if len(rows) < 2:
        raise InvalidInputError(f"{root} has only one {WORDS[kind]} ({names[0]}); at least 2 different ones are needed")
    order = rows.tolist()
    return Items(
        str(root),
        kind,
        tuple(ids[i] for i in order),
        tuple(names[i] for i in order),
        tuple(root / names[i] for i in order),
        tuple(texts[names[i]] for i in order) if kind == "text" else None,
        copies=copies,
        skipped=tuple(skipped),
    )


def _main_kind(files: Sequence[File], drawings: Iterable[str] = ()) -> FileKind:
    """What most files are but those that go with another; the first of KINDS if there are none."""
    stems = {one: {stem_and_ending(file.name)[0] for file in files if file.kind == one} for one in KINDS}
    named = stems["image"] | stems["audio"]
    pictures = stems["image"] | {stem_and_ending(name)[0] for name in drawings}
    counts = Counter(
        file.kind
        for file in files
        if not (file.kind == "audio" and pictures.intersection(_beginnings(file.name)))
        and not (file.kind == "text" and stem_and_ending(file.name)[0] in named)
    )
    return max(KINDS, key=lambda one: counts[one])


def _beginnings(name: str) -> Iterator[str]:
    """Of "a/frog_desc_de.ogg": "a/frog_desc_de", "a/frog_desc", "a/frog"."""
    stem = stem_and_ending(name)[0]
    while stem:
        yield stem
        at = max(stem.rfind("_"), stem.rfind("-"))
        stem = stem[:at] if at > stem.rfind("/") else ""


def _texts(root: Path, names: Sequence[str], skipped: list[Skipped]) -> dict[str, str]:
    texts = {}
    for name in names:
        try:
            texts[name] = read_text(root / name)
        except InvalidInputError as error:
            skipped.append(Skipped(name, str(error)))
    return texts


def _other(kind: FileKind) -> str:
    return f"a {WORDS[kind]}"


def _nothing(root: Path, count: int, skipped: list[Skipped], kind: FileKind) -> str:
    if not count and not skipped:
        return f"{root} is empty; give a folder with pictures, sounds or texts in it"
    first = skipped[0]
    return (
        f"{root} has no {WORDS[kind]} that can be read: {len(skipped)} file(s) skipped, "
        f"the first is {first.name}: {first.why}"
    )
