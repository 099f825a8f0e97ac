"""``pal annotate``: open the project, say what was found, serve the page."""

import gc
import secrets
import socket
import sys
import threading
import time
import webbrowser
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import typer

from pal.cli.bars import bars, say, setter
from pal.errors import InvalidInputError, require_extra
from pal.items import Items, Kind, Skipped

if TYPE_CHECKING:
    from pal.project import Project
    from pal.project.learning import Apart

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ANY = ("0.0.0.0", "::")  # noqa: S104  named to be refused without an address
_NAMED_FILES, _REASONS = 3, 20

WORDS: dict[Kind, str] = {"image": "pictures", "text": "texts", "audio": "sounds", "vector": "embeddings"}
"""What people call items of a kind."""
_TURN = 0.001


@dataclass(frozen=True)
class Serving:
    """How to serve."""

    host: str
    port: int
    rule: str | None
    browser: bool
    address: str | None = None
    target: float | None = None
    classes: tuple[str, ...] = ()


def serve(source: str, directory: Path | None, how: Serving, **options: Any) -> None:
    """Open a project and serve it until interrupted; what was encoded and answered until then is kept."""
    try:
        _serve(source, directory, how, **options)
    except KeyboardInterrupt:
        typer.echo("pal: stopped; the same command goes on from here", err=True)
        raise typer.Exit(130) from None


def _serve(source: str, directory: Path | None, how: Serving, **options: Any) -> None:
    _require_packages()
    if how.host not in LOOPBACK:
        from pal.cli.invite import require_accounts
        from pal.project.opening import default_directory

        require_accounts(directory or default_directory(source), options.get("store"), how.host)
    allowed_hosts(how)
    with listen(how.host, how.port) as bound, _learning() as learning, bars() as shown:
        from pal.project import Project

        scanning = shown.add_task("reading files", total=None)
        encoding = shown.add_task("encoding", total=None, visible=False)
        total: list[int] = []

        def opened(items: Items) -> None:
            shown.remove_task(scanning)
            total.append(len(items))
            shown.update(
                encoding, total=len(items), visible=items.vectors is None, description=f"encoding {WORDS[items.kind]}"
            )
            for line in found(items):
                say(shown, line)

        def encoded(done: int) -> None:
            shown.update(encoding, completed=done, visible=done < total[0])
            if done >= total[0]:
                shown.stop()  # it would be drawn ten times a second for as long as the server runs
                for line in broken(projects[0]) if projects else []:
                    say(shown, line)

        projects: list[Project] = []
        with Project.create_or_open(
            source,
            directory,
            learning=learning,
            wait=False,
            scanned=setter(shown, scanning),
            opened=opened,
            encoded=encoded,
            **options,
        ) as project:
            projects.append(project)
            for line in where(project):
                say(shown, line)
            if project.items.vectors is not None or not project.features.working:
                shown.stop()
            _run(project, bound, how, partial(say, shown))


def _require_packages() -> None:
    """Say at once what is missing; to import it takes its time, and something else comes first."""
    for package in ("fastapi", "uvicorn"):
        if find_spec(package) is None:
            raise require_extra(package, "annotate")


def _learning() -> "Apart":
    """The child that learns, started before what it doesn't need is imported here: it takes longer to get ready."""
    from pal.project.learning import Apart

    return Apart()


def listen(host: str, port: int, /) -> socket.socket:
    """Take the port before anything slow is done.

    Raises
    ------
    InvalidInputError
        If the port is in use, or the host isn't this computer's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio doesn't send small replies at once: each would wait 40 ms for an acknowledgement.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(128)
    except OSError as error:
        bound.close()
        raise InvalidInputError(
            f"port {port} on {host} is in use or not allowed ({error.strerror}); give another with --port"
        ) from None
    return bound


def allowed_hosts(how: Serving, /) -> tuple[str, ...]:
    """Names under which the server may be addressed; others would open it to any site that knows its number.

    Raises
    ------
    InvalidInputError
        If it isn't known under which name others reach it, or the address is none.
    """
    names = ["127.0.0.1", "localhost", "[::1]"]
    if how.address is not None:
        parts = urlsplit(how.address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInputError(f"--address must be like https://pal.example.org, got {how.address}")
        names.append(f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname)
    elif how.host in _ANY:
        raise InvalidInputError(f"--host {how.host} needs --address, the one people open, like https://pal.example.org")
    if how.host not in (*LOOPBACK, *_ANY):
        names.append(f"[{how.host}]" if ":" in how.host else how.host)
    return tuple(names)


def found(items: Items, /) -> list[str]:
    """What was found in a source, in a few lines."""
    copies = sum(map(len, items.copies.values()))
    grouped = f", {copies:,} exact {'copy' if copies == 1 else 'copies'} grouped" if copies else ""
    mixed = any(" among " in skip.why for skip in items.skipped)
    return [
        f"{len(items):,} items in {items.source}{grouped} ({WORDS[items.kind]})",
        *_listed("skipped", items.skipped),
        *(["a project has one kind of files: choose with --kind image, audio or text"] if mixed else []),
    ]


def where(project: "Project", /) -> list[str]:
    """Where the features come from, and where everything is kept."""
    features = [] if project.items.vectors is not None else [f"encoder: {project.features.encoder}"]
    from pal.project.opening import LOG, STORE

    note = project.directory / STORE
    store = note.read_text(encoding="utf-8").strip() if note.is_file() else str(project.directory / LOG)
    return [*features, f"project: {project.directory}", f"store: {store}"]


def broken(project: "Project", /) -> list[str]:
    """What turned out to be broken while it was encoded, in a few lines."""
    items = project.items
    found = project.features.broken.items()
    return _listed("can't be read", [Skipped(items.name[items.row[i]], why) for i, why in found if i in items])


def _listed(word: str, skipped: Sequence[Skipped]) -> list[str]:
    reasons = Counter(skip.why for skip in skipped)
    lines = [f"{len(skipped):,} {word}:"] if reasons else []
    for why, count in reasons.most_common(_REASONS):
        names = [skip.name for skip in skipped if skip.why == why][:_NAMED_FILES]
        more = f" and {count - len(names):,} more" if count > len(names) else ""
        lines.append(f"  {count:,} × {why}: {', '.join(names)}{more}")
    if len(reasons) > _REASONS:
        lines.append(f"  and {len(reasons) - _REASONS:,} more reasons")
    return lines


def _run(project: "Project", bound: socket.socket, how: Serving, tell: Callable[[str], None]) -> None:
    import uvicorn

    from pal.cli.invite import ADDRESS
    from pal.store.accounts import Accounts
    from pal.store.tables import SqlLog
    from pal.store.webhooks import Webhooks
    from pal.web.announcing import Announcer
    from pal.web.app import create_app

    assert isinstance(project.store, SqlLog)  # noqa: S101
    token = secrets.token_urlsafe(24)
    host = f"[{how.host}]" if ":" in how.host else how.host
    base = (how.address or f"http://{host}:{bound.getsockname()[1]}").rstrip("/")
    address = f"{base}/?token={token}"
    project.store.set_meta(ADDRESS, base)
    rule = {} if how.rule is None else {"rule": how.rule}
    if how.classes:
        project.settings.set(replace(project.settings(), classes=how.classes))
    if how.target is not None:
        project.settings.set(replace(project.settings(), target=how.target))
    announcer = Announcer(project, Webhooks(project.store))
    project.listen(announcer.recorded)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(
                project,
                token=token,
                allowed_hosts=allowed_hosts(how),
                accounts=Accounts(project.store),
                announcer=announcer,
                **rule,
            ),
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
        )
    )
    tell("")
    tell(f"open {address}")
    tell("stop with Ctrl+C; run the same command to go on")
    failed: list[Exception] = []
    threading.Thread(target=_begin, args=(project, server, failed), daemon=True).start()
    if how.browser:
        threading.Thread(target=_browse, args=(server, address), daemon=True).start()
    try:
        # Requests and the trainer share the interpreter: a request that waits for its turn gets it after 1 ms, not 5.
        sys.setswitchinterval(_TURN)
        gc.freeze()  # what was made so far stays, and needn't be looked at again
        server.run(sockets=[bound])
    finally:
        announcer.stop()
    if failed:
        raise failed[0]


def _begin(project: "Project", server: Any, failed: list[Exception]) -> None:
    """Wait for the first model, and end the server if there can't be one."""
    try:
        project.begin()
    except Exception as error:  # noqa: BLE001  raised again by who serves
        failed.append(error)
        server.should_exit = True


def _browse(server: Any, address: str) -> None:
    """Open the browser once the server answers."""
    while not server.started and not server.should_exit:
        time.sleep(0.05)
    webbrowser.open(address)
