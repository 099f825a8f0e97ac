"""Real servers, for benchmarks and tests: ``pal annotate`` in processes of their own, and people who talk HTTP.

A :class:`Browser` speaks as the page's own code does: JSON there and back over one kept-alive connection, a cookie, and
a retry of whatever failed, with the same ids.
"""

import http.client
import importlib
import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

# Seconds until a wait is taken for a hang; a busy machine may need many of them.
_PATIENCE = 240.0


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """``pal annotate`` in a process of its own, that can be killed and started again on the same port."""

    directory: Path
    arguments: tuple[str, ...] = ("--demo",)
    store: str | None = None
    port: int = field(default_factory=free_port)
    said: list[str] = field(default_factory=list)
    process: "subprocess.Popen[str] | None" = None

    def start(self) -> str:
        """Start, and return the address with its one-time token."""
        words = [sys.executable, "-m", "pal", "annotate", *self.arguments, "--project", str(self.directory)]
        words += ["--no-browser", "--port", str(self.port)] + ([] if self.store is None else ["--store", self.store])
        # Wide, or the address is broken over two lines.
        environment = os.environ | {"PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", "COLUMNS": "250", "NO_COLOR": "1"}
        self.process = subprocess.Popen(
            words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._listen, args=(self.process, lines), daemon=True).start()
        while True:
            try:
                line = lines.get(timeout=_PATIENCE)
            except queue.Empty:
                raise TimeoutError(f"no address within {_PATIENCE:.0f} s; it said:\n" + "".join(self.said)) from None
            if line is None:
                raise RuntimeError("the server ended before it printed an address:\n" + "".join(self.said))
            if found := re.search(r"http://\S+token=[\w-]+", line):
                return found.group()

    def _listen(self, process: "subprocess.Popen[str]", lines: "queue.Queue[str | None]") -> None:
        assert process.stdout is not None
        with process.stdout as said:
            for line in said:
                self.said.append(line)
                lines.put(line)
        lines.put(None)

    def processor_seconds(self) -> float:
        """Processor time of the server's own process so far, without its children; NaN where the system doesn't say."""
        stat = Path(f"/proc/{0 if self.process is None else self.process.pid}/stat")
        if not stat.exists():
            return float("nan")
        used = stat.read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as Ctrl+C would."""
        self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(timeout=_PATIENCE)


@dataclass(frozen=True)
class Reply:
    """What a request got: its status, its JSON, the seconds it took here, and those that the server says it took."""

    status: int
    said: Any
    seconds: float
    served: float = float("nan")


class Unreachable(Exception):  # noqa: N818  an outcome that the callers wait out
    """The server can't be reached, or broke off."""


class Browser:
    """One person's connection; not thread-safe."""

    def __init__(self, address: str, *, timeout: float = 60.0) -> None:
        parts = urlsplit(address)
        assert parts.hostname is not None
        self.base = f"http://{parts.netloc}"
        self.cookie = ""
        self._place = (parts.hostname, parts.port or 80)
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None

    def sign_in(self, address: str) -> None:
        """Redeem the address that the terminal printed."""
        parts = urlsplit(address)
        self.request("GET", f"/?{parts.query}")
        if not self.cookie:
            raise RuntimeError("the address gave no cookie; was it opened before?")

    def join(self, invitation: str) -> None:
        """Redeem an invitation."""
        reply = self.request("POST", "/api/join", {"invite": invitation})
        if reply.status != 200:
            raise RuntimeError(f"the invitation was refused: {reply.said}")

    def request(self, method: str, place: str, sent: Any = None) -> Reply:
        """One request; raises Unreachable if no whole reply came."""
        headers = {"cookie": self.cookie} if self.cookie else {}
        body = None
        if sent is not None:
            headers |= {"content-type": "application/json", "origin": self.base}
            body = json.dumps(sent).encode()
        start = time.perf_counter()
        got, data = self._exchange(method, place, body, headers)
        seconds = time.perf_counter() - start
        if set_cookie := got.getheader("set-cookie"):
            self.cookie = set_cookie.partition(";")[0]
        is_json = (got.getheader("content-type") or "").startswith("application/json")
        took = re.search(r"dur=([\d.]+)", got.getheader("server-timing") or "")
        served = float("nan") if took is None else float(took[1]) / 1000.0
        return Reply(got.status, json.loads(data) if is_json else data, seconds, served)

    def _exchange(
        self, method: str, place: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        while True:
            kept = self._connection is not None
            if self._connection is None:
                self._connection = http.client.HTTPConnection(*self._place, timeout=self._timeout)
            try:
                self._connection.request(method, place, body, headers)
                got = self._connection.getresponse()
                return got, got.read()
            except (OSError, http.client.HTTPException) as error:
                self.close()
                # A kept connection that the server closed while it lay idle is opened anew, as browsers do.
                if not (kept and isinstance(error, ConnectionError)):
                    raise Unreachable(f"{type(error).__name__}: {error}") from None

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def invited(server: Server, address: str, names: list[str], *, role: str = "annotator") -> list[Browser]:
    """A signed-in browser for each name, through accounts as ``pal invite`` makes them."""
    from pal.project.opening import open_store
    from pal.store.accounts import Accounts
    from pal.store.tables import SqlLog
    from pal.web.invitations import Invitations
    from pal.web.sessions import INVITE_KEY, load_secret

    browsers = []
    with closing(open_store(server.directory, server.store)) as log:
        assert isinstance(log, SqlLog)
        signer = Invitations(load_secret(server.directory / INVITE_KEY))
        for name in names:
            account, word = Accounts(log).invite(name, role)
            browser = Browser(address)
            browser.join(signer.sign(account.key, word))
            browsers.append(browser)
    return browsers


def clumps(file: Path, n_items: int, n_classes: int, *, n_features: int = 8, seed: int = 0) -> None:
    """Write embeddings of so many items, in round clumps of unequal size that touch a little."""
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.full(n_classes, 5.0))
    y = rng.choice(n_classes, n_items, p=share)
    centre = rng.normal(size=(n_classes, n_features)) * 3.0
    x = centre[y] + rng.normal(size=(n_items, n_features))
    np.savez(file, x=x.astype(np.float32), y=y)


@contextmanager
def postgres() -> Iterator[str]:
    """Address of an empty database on a PostgreSQL server of its own, with every write on disk before it is told."""
    with importlib.import_module("tests.store.postgres").cluster(fsync=True) as database:
        yield database()
