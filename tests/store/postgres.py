"""A real PostgreSQL for tests: a cluster of its own, in a temporary directory, on a unix socket only."""

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest


def binaries():
    """Directory of initdb and pg_ctl; None if PostgreSQL isn't installed."""
    on_path = shutil.which("initdb")
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    places += [Path(on_path).parent] if on_path else []
    return next((place for place in places if (place / "initdb").exists()), None)


def as_postgres():
    """Words before a command so that it isn't run by root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


@contextmanager
def cluster(*, fsync=False):
    """Run a server; yields a function that makes an empty database and returns its address."""
    place = binaries()
    if place is None:
        pytest.skip("PostgreSQL isn't installed: apt-get install postgresql")
    home = Path(tempfile.mkdtemp(prefix="pal-pg-"))  # short: a socket's path has at most 107 characters
    if os.geteuid() == 0:
        shutil.chown(home, "postgres", "postgres")
    home.chmod(0o755 if os.geteuid() == 0 else 0o700)

    def run(*words):
        done = subprocess.run([*as_postgres(), *map(str, words)], capture_output=True, text=True, cwd=home)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    control = [place / "pg_ctl", "--pgdata", home / "data", "--wait", "--timeout=180"]
    options = f"-k {home} -c listen_addresses='' -c fsync={'on' if fsync else 'off'} -c max_connections=50"
    try:
        run(place / "initdb", "--pgdata", home / "data", "--username=postgres", "--auth=trust", "--encoding=UTF8")
        subprocess.run(  # not captured: the server would keep the pipes open
            [*as_postgres(), *map(str, [*control, "--log", home / "log", "--options", options, "start"])],
            check=True, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

        def database():
            name = f"test_{uuid.uuid4().hex[:12]}"
            run(place / "psql", "-h", home, "-U", "postgres", "-c", f"CREATE DATABASE {name}")
            return f"postgresql://postgres@/{name}?host={quote(str(home), safe='')}"

        yield database
    finally:
        if (home / "data" / "postmaster.pid").exists():
            run(*control, "--mode=immediate", "stop")
        shutil.rmtree(home)
