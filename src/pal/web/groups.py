"""Groups: what the answers and the model put together, and how a person corrects it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path

from pal.project import Project
from pal.web import shapes
from pal.web.events import written


def groups(project: Project, *, labeler: str) -> APIRouter:
    """Routes of the groups."""
    router = APIRouter(prefix="/api/groups", tags=["groups"])

    @router.get("")
    def all_groups() -> dict[str, Any]:
        """Every group, with its counts."""
        return {
            "groups": [shapes.group(info, project.items) for info in project.groups()],
            "progress": shapes.progress(project.progress()),
        }

    @router.get("/{anchor}/members")
    def members(anchor: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]) -> dict[str, Any]:
        """Every member of a group, and where its label comes from."""
        return {"members": [shapes.member(info) for info in project.members(anchor)]}

    @router.post("/rename")
    def rename(sent: shapes.RenameIn) -> dict[str, Any]:
        """Name a group."""
        return written(project, project.rename(sent.anchor, sent.name, labeler))

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
