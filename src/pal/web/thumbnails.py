"""Pictures in three sizes and sounds, by item id, encoded anew; never a path, never the file itself."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Query
from starlette.responses import Response

from pal.errors import InvalidInputError
from pal.media import pool
from pal.project import Project

Size = Literal["96", "256", "768"]

_PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/webp": {}}, "description": "The picture."}}
_SIGNATURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}


def thumbnails(project: Project) -> APIRouter:
    """Routes of the pictures and of the sounds."""
    router = APIRouter(tags=["thumbnails"])

    @router.get("/thumbnails/{item}", response_class=Response, responses=_PICTURE)
    def thumbnail(
        item: Annotated[str, Path(pattern="^[0-9a-f]{64}$")], size: Annotated[Size, Query()] = "256"
    ) -> Response:
        """A small picture of an item."""
        if item not in project.items:
            raise HTTPException(404, "no item has this id in this project")
        picture = project.thumbnail(item, int(size))
        kind = next((kind for start, kind in _SIGNATURES.items() if picture.startswith(start)), None)
        if kind is None:
            raise HTTPException(415, "this item has no picture")
        # The id is the content's hash, so what it names never changes.
        return Response(picture, media_type=kind, headers={"cache-control": "private, max-age=31536000, immutable"})

    @router.get("/sounds/{item}", response_class=Response)
    def sound(item: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]) -> Response:
        """The first half minute of a sound, as FLAC."""
        if item not in project.items:
            raise HTTPException(404, "no item has this id in this project")
        file = project.items.file(project.items.row[item]) if project.items.kind == "audio" else None
        if file is None:
            raise HTTPException(415, "this item has no sound")
        try:
            data = pool().play(file)
        except InvalidInputError as error:
            raise HTTPException(415, str(error)) from None
        return Response(
            data, media_type="audio/flac", headers={"cache-control": "private, max-age=31536000, immutable"}
        )

    return router
