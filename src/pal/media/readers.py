"""Asking child processes to read files: one reader at a time talks to one child, which is replaced if it dies.

A child that takes longer than the limit is ended, and so is one that answers nonsense; the file it was at is then
called broken, and the next one gets a new child.
"""

import atexit
import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pal.errors import InvalidInputError, MissingExtraError
from pal.media.kinds import FileKind
from pal.media.worker import READY

if TYPE_CHECKING:
    from PIL.Image import Image

    from pal.media.sounds import Sound

SECONDS = 20.0
"""Longest time one file may take."""

LOOKS = 64
"""Files looked at in one request."""

_MAX_PART, _START = 1 << 30, 60.0


class Looked(NamedTuple):
    """What was seen of a file: its SHA-256, or why it can't be used."""

    id: str | None
    why: str | None


class Pool:
    """Some child processes, started when they are first needed. Any thread may call any method.

    Parameters
    ----------
    n_children
        How many read at the same time; by default as many as there are cores, at most 4.
    seconds
        Longest time one file may take.
    """

    def __init__(self, n_children: int | None = None, *, seconds: float = SECONDS) -> None:
        self.n_children = n_children or min(4, os.cpu_count() or 1)
        self._idle: queue.LifoQueue[_Child] = queue.LifoQueue()
        self._all = [_Child(seconds) for _ in range(self.n_children)]
        for child in self._all:
            self._idle.put(child)

    def look(self, files: Sequence[tuple[str, FileKind]], /) -> list[Looked]:
        """Hash files, and see whether they are what their names say."""
        try:
            reply, _ = self._ask({"op": "look", "paths": list(files)}, patience=len(files))
            return [Looked(*one) for one in reply["found"]]
        except InvalidInputError as error:
            if len(files) == 1:
                return [Looked(None, str(error))]
        half = len(files) // 2  # one of them ended the child: find it
        return [*self.look(files[:half]), *self.look(files[half:])]

    def picture(self, source: Path | bytes, /, *, side: int, thumbnail: int = 0) -> tuple["Image | None", bytes]:
        """A picture in RGB at most ``side`` large (None for 0), and as JPEG at most ``thumbnail`` large.

        Raises
        ------
        InvalidInputError
            With the reason in one sentence, if it can't be read within the limits.
        """
        reply, (pixels, drawn) = self._ask({"op": "picture", "side": side, "thumbnail": thumbnail}, source)
        if not side:
            return None, drawn
        from PIL import Image

        return Image.frombytes("RGB", tuple(reply["size"]), pixels), drawn

    def sound(self, source: Path | bytes, /) -> "Sound":
        """A sound as encoders take it; raises as :meth:`picture`."""
        from pal.media.sounds import Sound

        reply, (samples,) = self._ask({"op": "sound"}, source)
        return Sound(np.frombuffer(samples, dtype="<f4"), int(reply["rate"]))

    def play(self, source: Path | bytes, /) -> bytes:
        """A sound as FLAC, encoded anew; raises as :meth:`picture`."""
        return self._ask({"op": "play"}, source)[1][0]

    def close(self) -> None:
        """End the children; they are started again if they are needed."""
        for child in self._all:
            child.end()

    def _ask(
        self, request: dict[str, Any], source: Path | bytes | None = None, /, *, patience: int = 1
    ) -> tuple[dict[str, Any], list[bytes]]:
        data = source if isinstance(source, bytes) else b""
        if data:
            request["length"] = len(data)
        elif source is not None:
            assert isinstance(source, Path)  # noqa: S101
            request["path"] = str(source.absolute())  # the child stays where it was started
        with self._child() as child:
            reply, parts = child.ask(request, data, patience)
        if "why" in reply:
            raise (MissingExtraError if reply.get("missing") else InvalidInputError)(reply["why"])
        return reply, parts

    @contextlib.contextmanager
    def _child(self) -> Iterator["_Child"]:
        child = self._idle.get()
        try:
            yield child
        finally:
            self._idle.put(child)


class _Child:
    """One child process; one thread asks at a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._deadline = float("inf")
        self._late = False

    def ask(self, request: dict[str, Any], data: bytes, patience: int) -> tuple[dict[str, Any], list[bytes]]:
        try:
            process = self._started()
            assert process.stdin is not None  # noqa: S101
            assert process.stdout is not None  # noqa: S101
            self._deadline = time.monotonic() + self._seconds * patience
            process.stdin.write(json.dumps(request).encode() + b"\n" + data)
            process.stdin.flush()
            reply = json.loads(process.stdout.readline())
            return reply, [_exactly(process.stdout, length) for length in reply["parts"]]
        except (OSError, ValueError, KeyError, TypeError):
            why = f"takes longer than {self._seconds:.0f} s to read" if self._late else "ends whatever reads it"
            self.end()
            raise InvalidInputError(f"broken file: {why}") from None
        except BaseException:  # interrupted between question and answer: the next one would get this answer
            self.end()
            raise
        finally:
            self._deadline = float("inf")

    def end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # what was never sent
                pipe.close()  # type: ignore[union-attr]

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self.end()
            self._late = False
            # Its own session: Ctrl+C in the terminal is for this process, which ends the child itself.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pal.media.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
            self._deadline = time.monotonic() + _START
            threading.Thread(target=self._watch, args=(self._process,), daemon=True, name="pal-watch").start()
            assert self._process.stdout is not None  # noqa: S101
            if self._process.stdout.readline() != READY:
                raise ValueError("a child that doesn't start")
        return self._process

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        """End the child when a file takes too long."""
        while process.poll() is None:
            if time.monotonic() > self._deadline and self._process is process:
                self._late = True
                process.kill()
                return
            time.sleep(min(0.25, self._seconds / 4))


def _exactly(pipe: IO[bytes], length: int) -> bytes:
    if not 0 <= length <= _MAX_PART:
        raise ValueError("a part of impossible length")
    part = pipe.read(length)
    if len(part) != length:
        raise ValueError("a part that ends early")
    return part


@lru_cache(maxsize=1)
def pool() -> Pool:
    """The readers of this process, shared by all that read files."""
    made = Pool()
    atexit.register(made.close)
    return made
