"""Corrections: how a person names, places, merges and splits groups; all of it answers or names in the log."""

from typing import Any

from fastapi import APIRouter

from pal.project import Project
from pal.web import shapes
from pal.web.events import written


def corrections(project: Project, *, labeler: str) -> APIRouter:
    """Routes that correct the groups."""
    router = APIRouter(prefix="/api/groups", tags=["groups"])

    @router.post("/rename")
    def rename(sent: shapes.RenameIn) -> dict[str, Any]:
        """Name a group."""
        return written(project, project.rename(sent.anchor, sent.name, labeler))

    @router.post("/place")
    def place(sent: shapes.PlaceIn) -> dict[str, Any]:
        """Put a group under a parent."""
        return written(project, project.place(sent.anchor, sent.parent, labeler))

    @router.post("/merge")
    def merge(sent: shapes.MergeIn) -> dict[str, Any]:
        """Say that two groups are one kind."""
        return written(project, project.merge(sent.a, sent.b, labeler))

    @router.post("/split")
    def split(sent: shapes.SplitIn) -> dict[str, Any]:
        """Say that some items are another kind than the rest of their group; only these move."""
        reply = written(project, project.split(sent.items, labeler))
        if sent.name:
            project.rename(sent.items[0], sent.name, labeler)
        return reply

    return router
