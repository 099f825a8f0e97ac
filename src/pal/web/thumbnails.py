"""Thumbnails: pictures by item id, re-encoded, in three sizes; never a path, never the file itself."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Query
from starlette.responses import Response

from pal.project import Project

Size = Literal["96", "256", "768"]

_PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/webp": {}}, "description": "The picture."}}
_SIGNATURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}


def thumbnails(project: Project) -> APIRouter:
    """Route of the pictures."""
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

    return router
