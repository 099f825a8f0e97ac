"""Yielding: a process that computes lets those go first that people wait for, as far as the system knows how.

Linux picks who runs by sessions first, then by niceness, and lets whoever runs finish a slice of a few milliseconds,
unless who wakes up has a shorter one. An answer wakes somebody ten times on its way to the disk and back, and waits for
a slice each time where all processors compute. Whoever has run more than its share waits for a slice, too.
"""

import ctypes
import os
import platform
from contextlib import suppress
from pathlib import Path

_NICENESS = 10
"""A tenth of a processor that others want, too: models come all the same."""

_SLICE = 10_000_000
"""Nanoseconds: longer than everybody else's, and not for long."""

_SESSION = Path("/proc/self/autogroup")
_THREADS = Path("/proc/self/task")
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
"""Number of the call, which no library of Python's and few of C's have."""


class _Attributes(ctypes.Structure):
    """``struct sched_attr`` of sched_setattr(2), in its first version; policy 0 is the usual one."""

    _fields_ = [
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    ]


def give_way() -> None:
    """Go after other processes of the session, and after whoever wakes up."""
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, 0, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    with suppress(OSError):
        for thread in _THREADS.iterdir():
            _set_slice(int(thread.name))


def give_way_to_other_sessions() -> None:
    """Go after other sessions, as a database on this machine is one; no effect where Linux doesn't go by sessions."""
    with suppress(OSError, AttributeError):
        if os.getsid(0) == os.getpid():  # and no other process is in it
            _SESSION.write_text(str(_NICENESS))


def _set_slice(thread: int) -> None:
    """Take a long slice, so that everybody else's is shorter; no effect before Linux 6.12, or if it is refused."""
    number = _SCHED_SETATTR.get(platform.machine())
    if number is not None:
        nice = os.getpriority(os.PRIO_PROCESS, thread)
        attributes = _Attributes(ctypes.sizeof(_Attributes), 0, 0, nice, 0, _SLICE)
        ctypes.CDLL(None).syscall(number, thread, ctypes.byref(attributes), 0)
