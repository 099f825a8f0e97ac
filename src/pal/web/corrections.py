"""Corrections: how a person names, places, merges and splits groups; all of it answers or names in the log."""

from typing import Any

from fastapi import APIRouter

from pal.project import Project
from pal.web import replies, roles, shapes
from pal.web.description import gives
from pal.web.events import written


def corrections(project: Project) -> APIRouter:
    """Routes that correct the groups."""
    router = APIRouter(prefix="/api/groups", tags=["groups"])

    @router.post("/rename", **gives(replies.Written))
    def rename(labeler: roles.Caller, sent: shapes.RenameIn) -> dict[str, Any]:
        """Name a group."""
        return written(project, project.rename(sent.anchor, sent.name, labeler))

    @router.post("/place", **gives(replies.Written))
    def place(labeler: roles.Caller, sent: shapes.PlaceIn) -> dict[str, Any]:
        """Put a group under a parent."""
        return written(project, project.place(sent.anchor, sent.parent, labeler))

    @router.post("/merge", **gives(replies.Written))
    def merge(labeler: roles.Caller, sent: shapes.MergeIn) -> dict[str, Any]:
        """Say that two groups are one kind."""
        return written(project, project.merge(sent.a, sent.b, labeler))

    @router.post("/split", **gives(replies.Written))
    def split(labeler: roles.Caller, sent: shapes.SplitIn) -> dict[str, Any]:
        """Say that some items are another kind than the rest of their group; only these move."""
        made = project.split(sent.items, labeler)
        if sent.name:
            made += project.rename(sent.items[0], sent.name, labeler)
        return written(project, made)

    return router
