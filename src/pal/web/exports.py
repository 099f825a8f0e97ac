"""Exports: written beside the log, shown with their manifest, and downloaded as one zip."""

import io
import json
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Annotated, Any, cast

from fastapi import APIRouter, HTTPException
from fastapi import Path as InPath
from starlette.responses import StreamingResponse

from pal.errors import InvalidInputError
from pal.project import Project
from pal.store.events import new_id
from pal.web import replies, shapes
from pal.web.description import gives

_KEPT = 2
_CHUNK = 1 << 16
_ZIP: dict[int | str, dict[str, Any]] = {200: {"content": {"application/zip": {}}, "description": "The zip."}}
_TEXT = {".csv", ".json", ".jsonl"}


def exports(project: Project, done: Callable[[dict[str, Any]], None] = lambda _: None) -> APIRouter:
    """Routes of the exports; ``done`` hears of each that was written, and returns at once."""
    router = APIRouter(tags=["export"])
    folder = project.directory / "exports"
    one_at_a_time = threading.Lock()

    @router.get("/api/export", **gives(replies.Formats))
    def formats() -> dict[str, Any]:
        """What can be written of this project."""
        from pal.export import FORMATS

        pictures = any(project.items.has_picture(i) for i in range(len(project.items)))
        return {"formats": [name for name in FORMATS if pictures or name != "images"]}

    @router.post("/api/export", **gives(replies.Export))
    def write(sent: shapes.ExportIn) -> dict[str, Any]:
        """Write an export; earlier ones but the last go."""
        from pal.export import FORMATS, export

        unknown = sorted(set(sent.formats) - set(FORMATS))
        if unknown:
            raise InvalidInputError(f"unknown format {unknown[0][:40]}; choose from {', '.join(FORMATS)}")
        with one_at_a_time:
            _forget(folder)
            name = new_id()
            export(project, folder / name, formats=sent.formats, dataset="copy")
            files = sorted(path for path in (folder / name).rglob("*") if path.is_file())
        manifest = json.loads((folder / name / "manifest.json").read_text())
        sizes = {"n_files": len(files), "n_bytes": sum(file.stat().st_size for file in files)}
        done({"export": name, "position": manifest["position"], "formats": sent.formats, **sizes})
        return {"id": name, "manifest": manifest, **sizes}

    @router.get("/exports/{name}.zip", response_class=StreamingResponse, responses=_ZIP)
    def download(name: Annotated[str, InPath(pattern="^[0-9a-f]{32}$")]) -> StreamingResponse:
        """An export as a zip, made while it is sent."""
        if not (folder / name / "manifest.json").is_file():
            raise HTTPException(404, "this export is gone; write it again")
        headers = {"content-disposition": f'attachment; filename="pal-export-{name[:8]}.zip"'}
        return StreamingResponse(zipped(folder / name), media_type="application/zip", headers=headers)

    return router


def zipped(folder: Path, /) -> Iterator[bytes]:
    """Zip a folder chunk by chunk; links are followed, and equal files give equal bytes."""
    pipe = _Pipe()
    with zipfile.ZipFile(cast(IO[bytes], pipe), "w") as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix())
            entry.compress_type = zipfile.ZIP_DEFLATED if file.suffix in _TEXT else zipfile.ZIP_STORED
            entry.external_attr = 0o644 << 16
            entry.file_size = file.stat().st_size  # a file over 2 GiB needs to say so first
            with file.open("rb") as source, archive.open(entry, "w") as target:
                while chunk := source.read(_CHUNK):
                    target.write(chunk)
                    yield pipe.take()
            yield pipe.take()
    yield pipe.take()


class _Pipe(io.RawIOBase):
    """What a zip file writes to: bytes wait here until they are sent."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._waiting += data
        return len(data)

    def take(self) -> bytes:
        data, self._waiting = bytes(self._waiting), bytearray()
        return data


def _forget(folder: Path) -> None:
    """Make room for one more export; a person may be downloading the last one still."""
    if not folder.is_dir():
        return
    for old in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)[: -(_KEPT - 1)]:
        shutil.rmtree(old)
