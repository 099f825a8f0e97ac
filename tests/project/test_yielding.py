"""Giving way: what the system knows of a process that computes."""

import ctypes
import os
import platform
import subprocess
import sys

import pytest

CODE = """
import ctypes, os, threading
from pal.project.yielding import _Attributes, give_way, give_way_to_other_sessions

beside = threading.Event()
threading.Thread(target=beside.wait).start()
before = os.getpriority(os.PRIO_PROCESS, 0)
give_way()
give_way_to_other_sessions()
for thread in sorted(map(int, os.listdir("/proc/self/task"))):
    found = _Attributes(ctypes.sizeof(_Attributes))
    ctypes.CDLL(None).syscall(NUMBER, thread, ctypes.byref(found), ctypes.sizeof(found), 0)
    print(found.policy, found.nice - max(before, 0), found.runtime)
beside.set()
"""
GETATTR = {"x86_64": 315, "aarch64": 275}.get(platform.machine())


def release():
    """Version of the kernel."""
    return tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])


@pytest.mark.skipif(sys.platform != "linux" or GETATTR is None, reason="it is Linux that is asked")
def test_every_thread_goes_after_whoever_wakes_up():
    code = CODE.replace("NUMBER", str(GETATTR))
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, start_new_session=True
    )
    main, other = (tuple(map(int, line.split())) for line in said.stdout.splitlines())
    assert main[:2] == (0, max(10 - max(os.getpriority(os.PRIO_PROCESS, 0), 0), 0))
    if release() >= (6, 12):
        assert main[2] == other[2] == 10_000_000


def test_a_system_that_knows_nothing_of_it_is_left_alone(monkeypatch):
    from pal.project import yielding

    asked = []
    monkeypatch.setattr(yielding, "_THREADS", yielding.Path("/nowhere/at/all"))
    monkeypatch.setattr(yielding, "_SESSION", yielding.Path("/nowhere/at/all"))
    monkeypatch.setattr(yielding.os, "setpriority", lambda *given: asked.append(given))
    monkeypatch.setattr(ctypes, "CDLL", lambda *given: asked.append(given))
    yielding.give_way()
    yielding.give_way_to_other_sessions()
    monkeypatch.setattr(yielding.platform, "machine", lambda: "another")
    yielding._set_slice(os.getpid())
    assert len(asked) == 1
