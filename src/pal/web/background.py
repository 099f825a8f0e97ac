"""A project served from a thread of this process: for programs that label by themselves, for tests and examples."""

import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from pal.errors import StoreError
from pal.project import Project
from pal.store.accounts import Accounts
from pal.store.tables import SqlLog
from pal.web.app import create_app

_STEP = 0.02


@contextmanager
def served(project: Project, /, *, accounts: bool = True) -> Iterator[str]:
    """Serve a project on a free port of this computer; gives the link that signs its owner in, once.

    Raises
    ------
    StoreError
        If the server doesn't start.
    """
    token = secrets.token_urlsafe(24)
    known = Accounts(project.store) if accounts and isinstance(project.store, SqlLog) else None
    app = create_app(project, token=token, accounts=known)
    with socket.create_server(("127.0.0.1", 0)) as bound:
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a small reply waits for no acknowledgement
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="pal-server", daemon=True)
        thread.start()
        try:
            while not server.started:
                if not thread.is_alive():
                    raise StoreError("the server didn't start; its own message says why")
                time.sleep(_STEP)
            yield f"http://127.0.0.1:{bound.getsockname()[1]}/?token={token}"
        finally:
            server.should_exit = True
            thread.join()
