"""Reports: how far and how accurate, and the map with pages made of a selection on it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from pal.project import Page, Project, mapping, report
from pal.web import roles, shapes


def reports(project: Project) -> APIRouter:
    """Routes of the progress screen and of the map."""
    router = APIRouter(prefix="/api", tags=["reports"])

    @router.get("/report")
    def how_far(labeler: roles.Caller, target: Annotated[float, Query(gt=0, lt=1)] = 0.98) -> dict[str, Any]:
        """Labels by source, audited accuracy, what is left until ``target``, and what each person did."""
        now = report.report(project.items, project.now(), labeler, target=target)
        found: dict[str, Any] = shapes.shown(now)
        return found | {"me": labeler}

    @router.get("/map")
    def points() -> dict[str, Any]:
        """All items in two dimensions."""
        found: dict[str, Any] = shapes.shown(mapping.map_of(project.items, project.now()))
        return found

    @router.post("/ask")
    def ask(sent: shapes.AskIn) -> dict[str, Any]:
        """Lease a page made of some items."""
        page = project.ask(sent.items)
        return {"page": shapes.page(page)} if isinstance(page, Page) else {"done": page.reason}

    return router
