"""Events: answers on their way into the log."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from pal.project import Project
from pal.store.events import Event
from pal.web import replies, roles, shapes
from pal.web.description import gives


def events(project: Project) -> APIRouter:
    """Routes that write to the log; when they reply, what they accepted is on disk."""
    router = APIRouter(prefix="/api", tags=["events"])

    @router.post("/events", **gives(replies.Accepted))
    def record(by: roles.By, sent: shapes.EventsIn) -> JSONResponse:
        """Write events, all or none; an event that is there already is accepted again, so a retry is harmless."""
        made = [shapes.to_event(event, by.name) for event in sent.events]
        for event in made:
            roles.check(event, by)
        recorded = project.record(made)
        progress = shapes.progress(project.progress())
        return JSONResponse({"accepted": list(recorded.accepted), "progress": progress})

    @router.post("/flag", **gives(replies.Written))
    def flag(labeler: roles.Caller, sent: shapes.FlagIn) -> dict[str, Any]:
        """Take an item out of the questions."""
        return written(project, project.flag(sent.item, sent.reason, labeler))

    @router.post("/undo", **gives(replies.Written))
    def undo(labeler: roles.Caller) -> dict[str, Any]:
        """Retract the caller's latest event."""
        return written(project, project.undo(labeler))

    return router


def written(project: Project, made: Event | Sequence[Event] | None) -> dict[str, Any]:
    """Reply to a request that made events."""
    listed = [] if made is None else list(made) if isinstance(made, Sequence) else [made]
    return {"events": [event.id for event in listed], "progress": shapes.progress(project.progress())}
