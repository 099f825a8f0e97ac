"""The application: routes behind the gate.

``create_app(project, token=…)`` serves one project. The routes are plain functions over the project's methods, run in
threads; the project is thread-safe, and neither a page nor an answer waits for the model.
"""

import hashlib
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.templating import Jinja2Templates
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from pal.errors import PalError, StoreError
from pal.project import Project
from pal.project.opening import STORE, SUFFIX
from pal.store.accounts import Account, Accounts
from pal.web.announcing import Announcer
from pal.web.corrections import corrections
from pal.web.description import SUMMARY, TAGS, TITLE, describe, errors, joining
from pal.web.events import events
from pal.web.exports import exports
from pal.web.gate import LOOPBACK, PERSON, Gate, Guests, wants_page
from pal.web.groups import groups
from pal.web.invitations import Invitations
from pal.web.pages import SCREENS, pages, screens
from pal.web.reports import reports
from pal.web.review import looks
from pal.web.roles import account, may
from pal.web.sessions import INVITE_KEY, SESSION_KEY, OneTimeToken, Sessions, load_secret
from pal.web.team import team, welcome
from pal.web.thumbnails import thumbnails
from pal.web.timing import Timing

HERE = Path(__file__).parent


def create_app(
    project: Project,
    *,
    token: str | None,
    allowed_hosts: Collection[str] = LOOPBACK,
    labeler: str = PERSON,
    rule: str | None = None,
    accounts: Accounts | None = None,
    announcer: Announcer | None = None,
) -> FastAPI:
    """Serve a project.

    Parameters
    ----------
    project
        What is labelled; the caller closes it.
    token
        Word in the address that the terminal prints; it signs in one browser, once. None: nobody is asked to sign in,
        for tests and for a caller that checks people itself.
    allowed_hosts
        Host names under which the application may be addressed, without port.
    labeler
        Name under which the answers of whoever opens the terminal's address are logged; an administrator.
    rule
        One sentence on what "the same kind" means here, shown on every page; None keeps the one that is set.
    accounts
        Other people who may sign in, by links that ``pal invite`` prints.
    announcer
        Tells webhooks of exports; None if there are none.
    """
    app = FastAPI(
        title=TITLE,
        version=version("pal-learn"),
        description=SUMMARY,
        openapi_tags=[{"name": name, "description": words} for name, words in TAGS.items()],
        responses=errors(),
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    describe(app)
    if rule is not None:
        project.settings.set(replace(project.settings(), rule=rule))
    key = _key(project)
    templates = _templates(project, key)
    invitations = Invitations(load_secret(project.directory / INVITE_KEY))
    for routes in (
        screens(templates, project),
        joining(),
        pages(project),
        events(project),
        groups(project),
        corrections(project),
        looks(project),
        reports(project),
        exports(project) if announcer is None else exports(project, announcer.exported),
        thumbnails(project),
        team(project, accounts, invitations, owner=labeler),
        welcome(project),
    ):
        app.include_router(routes)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    app.mount("/plotly", StaticFiles(packages=[("plotly", "package_data")]))
    app.add_exception_handler(PalError, _sorry)
    app.add_exception_handler(RequestValidationError, _misread)
    app.add_exception_handler(404, partial(_absent, templates))
    app.add_middleware(
        Gate,
        token=OneTimeToken(token),
        sessions=None if token is None else Sessions(load_secret(project.directory / SESSION_KEY)),
        allowed_hosts=allowed_hosts,
        cookie=f"pal-{key}",
        refuse=partial(_refused, templates),
        owner=Account(labeler, "", "administrator"),
        guests=None if accounts is None else Guests(accounts, invitations, partial(_join, templates)),
    )
    app.add_middleware(Timing)  # outermost
    return app


def _templates(project: Project, key: str) -> Jinja2Templates:
    """The screens, with what all of them show."""
    templates = Jinja2Templates(HERE / "templates")
    templates.env.globals |= {
        "project_key": key,
        "project_name": project.directory.name.removesuffix(SUFFIX) or project.directory.name,
        "kind": project.items.kind,
        "drawn": project.items.drawn,
        "screens": SCREENS,
        "classes": lambda: project.settings().classes,
        "may": may,
        "space": partial(_space, key),
    }
    return templates


def _key(project: Project) -> str:
    """Name of the project for cookies and for what the browser keeps: both outlive a project on the same port.

    Servers on one database have it in common, as they have the key of the cookies: a browser is at any of them.
    """
    shared = (project.directory / STORE).is_file()
    own = load_secret(project.directory / SESSION_KEY) if shared else str(project.directory.resolve()).encode()
    return hashlib.sha256(own).hexdigest()[:12]


def _space(key: str, request: Request) -> str:
    """Name of an account for what the browser keeps: two people may share one. Empty for the owner."""
    own = account(request).key
    return hashlib.sha256(f"{key} {own}".encode()).hexdigest()[:12] if own else ""


def _refused(templates: Jinja2Templates, request: Request, reason: str) -> Response:
    return templates.TemplateResponse(request, "refused.html", {"reason": reason}, status_code=403)


async def _absent(templates: Jinja2Templates, request: Request, error: Exception) -> Response:
    """A page for whoever mistyped an address; a sentence for a program."""
    if wants_page(request):
        return templates.TemplateResponse(request, "absent.html", {}, status_code=404)
    return JSONResponse({"detail": getattr(error, "detail", "there is no such address")}, status_code=404)


def _join(templates: Jinja2Templates, request: Request) -> Response:
    return templates.TemplateResponse(request, "join.html", {})


async def _sorry(_request: Request, error: Exception) -> Response:
    # A store in trouble may be well again in a moment, and the page tries again; bad input stays bad.
    return JSONResponse({"detail": str(error)}, status_code=503 if isinstance(error, StoreError) else 422)


async def _misread(_request: Request, error: Exception) -> Response:
    """One sentence; the list of what pydantic found repeats the input, which may be a megabyte."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return JSONResponse({"detail": f"{place}: {first['msg']}"}, status_code=422)
