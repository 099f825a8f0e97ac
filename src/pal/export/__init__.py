"""Exports: labels, pictures, embedding, classifier and log of a project, pinned by a manifest.

One format a file; :func:`export` writes those asked for and the manifest.
"""

import json
import shutil
import time
from collections.abc import Callable, Collection
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pal.datasets.files import hash_file
from pal.errors import InvalidInputError, StoreError
from pal.export.arrays import write_embeddings
from pal.export.classifier import Classifier, fit_classifier
from pal.export.encoder import own_encoder, write_encoder
from pal.export.huggingface import write_dataset
from pal.export.label_studio import write_label_studio
from pal.export.log import write_log, write_pairs
from pal.export.pictures import write_pictures
from pal.export.rows import Row, classes_of, rows_of
from pal.export.tables import write_csv, write_jsonl, write_parquet
from pal.project import Project
from pal.project.snapshot import Snapshot

__all__ = ["FORMATS", "ON_DEMAND", "Row", "export", "rows_of"]

FORMATS = (
    "csv", "jsonl", "parquet", "images", "huggingface", "labelstudio", "embeddings", "classifier", "log", "pairs"
)  # fmt: skip
"""What is written unless it is said."""

ON_DEMAND = ("encoder",)
"""What is written only when it is asked for: it takes torch, and an encoder that was trained for the project."""


def export(
    project: Project,
    out: Path,
    /,
    *,
    formats: Collection[str] = FORMATS,
    pictures: Literal["link", "copy"] = "link",
    dataset: Literal["link", "copy"] | None = None,
) -> list[Path]:
    """Write a project's results to the folder ``out``, and return the files, the manifest last.

    Parameters
    ----------
    project
        The project; its model is brought up to date first.
    out
        Folder to write to; it must be empty or new.
    formats
        Some of :data:`FORMATS` and :data:`ON_DEMAND`; "images" and "classifier" are left out where there are no
        pictures or no groups.
    pictures
        Whether the picture folder holds links to the source or copies.
    dataset
        Whether the Hugging Face dataset names files of the source or holds their content; as ``pictures`` by default.

    Raises
    ------
    InvalidInputError
        If a format is unknown, ``out`` isn't empty, some items have no features yet, or the project has no encoder of
        its own and "encoder" is asked for.
    StoreError
        If ``out`` can't be written.
    """
    known = (*FORMATS, *ON_DEMAND)
    unknown = sorted(set(formats) - set(known))
    if unknown:
        raise InvalidInputError(f"unknown format {', '.join(unknown)}; choose from {', '.join(known)}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InvalidInputError(f"{out} isn't an empty folder; give a new one with --out")
    if "encoder" in formats:
        own_encoder(project)  # before anything is written
    now = project.snapshot()
    missing = len(project.items) - len(now.published.rows)
    if missing:
        raise InvalidInputError(
            f"{missing} of {len(project.items)} items have no features yet; run pal annotate until they are encoded"
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        return _write(project, now, out, formats, pictures, dataset or pictures)
    except OSError as error:
        raise StoreError(f"can't write the export to {out}: {error.strerror or error}; give another --out") from None


def _write(
    project: Project,
    now: Snapshot,
    out: Path,
    formats: Collection[str],
    pictures: Literal["link", "copy"],
    dataset: Literal["link", "copy"],
) -> list[Path]:
    rows = rows_of(project.items, now)
    class_of, names = classes_of(now)
    labels = np.array([*class_of, -1])[now.standing.label]
    classifier = fit_classifier(now, labels, names, encoder=project.features.encoder)
    writers: dict[str, Callable[[], list[Path]]] = {
        "csv": lambda: [write_csv(rows, out / "labels.csv")],
        "jsonl": lambda: [write_jsonl(rows, out / "labels.jsonl")],
        "parquet": lambda: [write_parquet(rows, out / "labels.parquet")],
        "images": lambda: write_pictures(rows, project.items, out / "images", how=pictures),
        "huggingface": lambda: write_dataset(rows, project.items, names, out / "dataset", how=dataset),
        "labelstudio": lambda: write_label_studio(rows, project.items, names, out),
        "embeddings": lambda: write_embeddings(project.items, now, classifier, out),
        "classifier": lambda: [] if classifier is None else _write_classifier(project, classifier, out),
        "log": lambda: [write_log(project.store.read_after(0), now.position, out / "log.jsonl")],
        "pairs": lambda: [write_pairs(now.answered, out / "pairs.csv")],
        "encoder": lambda: write_encoder(own_encoder(project), out),
    }
    files = [file for name in writers if name in formats for file in writers[name]()]
    manifest = out / "manifest.json"
    manifest.write_text(json.dumps(_manifest(project, now, rows, files, out), indent=1, ensure_ascii=False) + "\n")
    return [*files, manifest]


def _write_classifier(project: Project, classifier: Classifier, out: Path) -> list[Path]:
    """The classifier, and the files of the encoder it needs if that is this project's own."""
    files = [classifier.save(out / "classifier.safetensors")]
    files += [Path(shutil.copy(file, out / file.name)) for file in project.features.files]
    return files


def _manifest(project: Project, now: Snapshot, rows: list[Row], files: list[Path], out: Path) -> dict[str, Any]:
    items = project.items
    return {
        "position": now.position,
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "source": items.source,
        "kind": items.kind,
        "n_items": len(items),
        "n_copies": sum(map(len, items.copies.values())),
        "skipped": [list(skip) for skip in items.skipped],
        "encoder": project.features.encoder,
        "classes": {str(i): name for i, name in sorted({(r.class_id, r.class_name) for r in rows if r.class_id >= 0})},
        "files": {file.relative_to(out).as_posix(): hash_file(file) for file in files if not file.is_symlink()},
        "versions": {name: version(name) for name in ("pal-learn", "numpy", "scipy", "scikit-learn")},
    }
