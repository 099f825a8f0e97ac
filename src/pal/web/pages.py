"""Pages: the screens, the next page to answer, leases and progress."""

from collections.abc import Callable
from typing import Annotated, Any

import anyio
import anyio.to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.templating import Jinja2Templates

from pal.project import Page, Project
from pal.web import replies, roles, shapes
from pal.web.description import gives
from pal.web.team import welcomed

_CHOOSING = 4
"""Pages chosen at once: threads they may take of those that serve requests."""

SCREENS = (
    ("annotate", "/", "Label"),
    ("groups", "/groups", "Groups"),
    ("review", "/review", "Review"),
    ("map", "/map", "Map"),
    ("progress", "/progress", "Progress"),
    ("export", "/export", "Export"),
    ("team", "/team", "Team"),
)
"""Screens in the order of the navigation: template, address, name."""


def screens(templates: Jinja2Templates, project: Project) -> APIRouter:
    """Routes of the screens, as HTML."""
    router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

    @router.get("/")
    def annotate(request: Request) -> HTMLResponse:
        rule, seen = project.settings().rule, welcomed(project, roles.account(request))
        return templates.TemplateResponse(request, "annotate.html", {"screen": "annotate", "rule": rule, "seen": seen})

    def beside(name: str, heading: str) -> Callable[[Request], HTMLResponse]:
        def show(request: Request) -> HTMLResponse:
            return templates.TemplateResponse(request, f"{name}.html", {"screen": name, "heading": heading})

        return show

    for name, address, heading in (*SCREENS[1:], ("item", "/item", "Item")):
        router.get(address)(beside(name, heading))
    return router


def pages(project: Project) -> APIRouter:
    """Routes of the pages to answer, as JSON."""
    router = APIRouter(prefix="/api", tags=["pages"])
    choosing = anyio.CapacityLimiter(_CHOOSING)

    @router.get("/page", **gives(replies.NextPage))
    async def next_page(labeler: roles.Caller, hold: Annotated[str, Query(max_length=4000)] = "") -> Response:
        """The next page; its items are on none of the pages in ``hold`` nor on anybody else's."""
        held = [page for page in hold.split(",") if page]

        def choose() -> Response:
            page = project.page(labeler, hold=held)
            answer = {"page": shapes.page(page)} if isinstance(page, Page) else {"done": page.reason}
            # Plain values already: made into JSON here, not looked through on the thread that all requests share.
            return JSONResponse(answer | {"progress": shapes.progress(project.progress())})

        # Pages are chosen one after another: those that wait must not take all the threads that answers need.
        return await anyio.to_thread.run_sync(choose, limiter=choosing)

    @router.post("/renew", **gives(replies.Renewed))
    def renew(sent: shapes.PagesIn) -> dict[str, Any]:
        """Keep the leases of pages that are still open."""
        project.renew(sent.pages)
        return {"renewed": sent.pages}

    @router.post("/release", **gives(replies.Released))
    def release(sent: shapes.PagesIn) -> dict[str, Any]:
        """Give back pages that nobody will answer; a page that was answered is given back by itself."""
        project.release(sent.pages)
        return {"released": sent.pages}

    @router.get("/progress", **gives(replies.Progress))
    def progress() -> dict[str, Any]:
        """How far the project is."""
        return shapes.progress(project.progress())

    return router
