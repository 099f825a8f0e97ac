"""Reports: how far and how accurate, and the map with pages made of a selection on it."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query

from pal.project import Page, Project, mapping, report
from pal.project.snapshot import Snapshot
from pal.web import replies, roles, shapes
from pal.web.description import gives


def reports(project: Project) -> APIRouter:
    """Routes of the progress screen and of the map."""
    router = APIRouter(prefix="/api", tags=["reports"])

    @router.get("/report", **gives(replies.Report))
    def how_far(labeler: roles.Caller, target: Annotated[float | None, Query(gt=0, lt=1)] = None) -> dict[str, Any]:
        """Labels by source, audited accuracy, what is left until ``target``, and what each person did."""
        target = project.settings().target if target is None else target
        make = partial(_report, project, labeler, target)
        return project.present.once(f"report {target} {labeler}", make)

    @router.get("/map", **gives(replies.Map))
    def points() -> dict[str, Any]:
        """All items in two dimensions."""
        where = project.present.once_fitted("places", partial(mapping.places, project.items))
        return project.present.once("map", lambda now: _map(project, now, where))

    @router.post("/ask", **gives(replies.Asked))
    def ask(sent: shapes.AskIn) -> dict[str, Any]:
        """Lease a page made of some items."""
        page = project.ask(sent.items)
        return {"page": shapes.page(page)} if isinstance(page, Page) else {"done": page.reason}

    return router


def _report(project: Project, labeler: str, target: float, now: Snapshot) -> dict[str, Any]:
    found: dict[str, Any] = shapes.shown(report.report(project.items, now, labeler, target=target))
    return found | {"me": labeler}


def _map(project: Project, now: Snapshot, where: mapping.Places) -> dict[str, Any]:
    found: dict[str, Any] = shapes.shown(mapping.map_of(project.items, now, where))
    return found
