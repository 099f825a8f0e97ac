"""Review: what is worth another look, and one item with every answer behind it."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path

from pal.items import Items
from pal.project import Project, auditing, item, review
from pal.project.snapshot import Snapshot
from pal.web import replies, roles, shapes
from pal.web.description import gives

_LIMIT = 40


def looks(project: Project) -> APIRouter:
    """Routes that show pairs and items to look at again; answers to them go the way of all events."""
    router = APIRouter(prefix="/api", tags=["review"])

    @router.get("/review", **gives(replies.Review))
    def overview() -> dict[str, Any]:
        """Contradictions, disagreements between people, doubtful items, those nobody could tell, and a random audit."""
        return project.present.once("review", partial(_overview, project.items))

    @router.get("/items/{of}", **gives(replies.Item))
    def one(labeler: roles.Caller, of: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]) -> dict[str, Any]:
        """An item's label, where it comes from, and every answer behind it."""
        if of not in project.items:
            raise HTTPException(404, "no item has this id in this project")
        found: dict[str, Any] = shapes.shown(item.item_info(project.items, project.now(), project.items.row[of]))
        return found | {"me": labeler}

    return router


def _overview(items: Items, now: Snapshot) -> dict[str, Any]:
    return {
        "contradictions": shapes.shown(review.contradictions(items, now, limit=_LIMIT)),
        "n_contradictions": len(now.knowledge.contradictions),
        "disagreements": shapes.shown(review.disagreements(items, now, limit=_LIMIT)),
        "doubtful": shapes.shown(review.doubtful(items, now, limit=_LIMIT)),
        "untold": shapes.shown(review.untold(items, now, limit=_LIMIT)),
        "audit": shapes.shown(auditing.audit_queue(items, now, limit=_LIMIT)),
        "n_predicted": len(review.predicted(items, now)),
    }
