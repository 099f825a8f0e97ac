"""Groups: what the answers and the model put together, and what speaks against a merge."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path

from pal.project import Project, review
from pal.web import replies, shapes
from pal.web.description import gives

_SAME, _AGAINST = 12, 12


def groups(project: Project) -> APIRouter:
    """Routes that show the groups."""
    router = APIRouter(prefix="/api/groups", tags=["groups"])

    @router.get("", **gives(replies.Groups))
    def all_groups() -> dict[str, Any]:
        """Every group, with its counts."""
        return {
            "groups": [shapes.group(info, project.items) for info in project.groups()],
            "progress": shapes.progress(project.progress()),
        }

    @router.get("/same", **gives(replies.Pairs))
    def possibly_same() -> dict[str, Any]:
        """Pairs of groups that may be one kind, the likeliest first."""
        return {"pairs": shapes.shown(review.possibly_same(project.items, project.now(), limit=_SAME))}

    @router.get("/against", **gives(replies.Against))
    def against(a: shapes.ItemId, b: shapes.ItemId) -> dict[str, Any]:
        """Answers that a merge of the groups of two items would contradict."""
        unknown = next((item for item in (a, b) if item not in project.items), None)
        if unknown is not None:
            raise HTTPException(404, "no item has this id in this project")
        row = project.items.row
        pairs, count = review.against(project.items, project.now(), row[a], row[b], limit=_AGAINST)
        return {"pairs": shapes.shown(pairs), "count": count}

    @router.get("/{anchor}/members", **gives(replies.Members))
    def members(anchor: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]) -> dict[str, Any]:
        """Every member of a group, and where its label comes from."""
        return {"members": [shapes.member(info) for info in project.members(anchor)]}

    return router
