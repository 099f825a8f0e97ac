"""Learning: the model of a project, made in this process or in a child that no request waits for.

Definition. A :class:`Learning` is given features, and then states of knowledge of them. :class:`Here` works in the
thread that calls. :class:`Apart` asks a child process, ``python -m pal.project.fitting``, which gives way to this one:
so neither the interpreter's lock nor the processor is taken from those who answer. Both make the same model.
"""

import contextlib
import os
import subprocess
import sys
import threading
from functools import cache
from typing import Any, NamedTuple, Protocol, Self

from jaxtyping import Float
from numpy import ndarray
from scipy.sparse import csr_array

from pal import errors, learner
from pal.beliefs import Beliefs
from pal.encoders.reduction import Reduction, fit_reduction, identity_reduction
from pal.knowledge import Knowledge
from pal.learner import Core, Model, Prepared
from pal.project.wire import receive, send


class Ready(NamedTuple):
    """Features ready to learn from: how they are made of the raw ones, and what is kept of them."""

    reduction: Reduction
    prepared: Prepared


class Learning(Protocol):
    """Makes models of features and knowledge; one thread uses it."""

    def prepare(self, raw: Float[ndarray, "n d"], /, *, reduce: bool, seed: int) -> Ready:
        """Make features ready, from now on those of :meth:`learn`; principal components of them if ``reduce``."""
        ...

    def learn(self, knowledge: Knowledge, /) -> Model:
        """Model of the features made ready last, by a state of knowledge."""
        ...

    def close(self) -> None:
        """End what is being worked at; any thread may call."""
        ...


class Here:
    """In the thread that calls."""

    def __init__(self) -> None:
        self._prepared: Prepared | None = None

    def prepare(self, raw: Float[ndarray, "n d"], /, *, reduce: bool, seed: int) -> Ready:
        """Make features ready."""
        reduction = fit_reduction(raw, seed=seed) if reduce else identity_reduction(raw.shape[1])
        self._prepared = learner.prepare(reduction(raw) if reduce else raw, seed=seed)
        return Ready(reduction, self._prepared)

    def learn(self, knowledge: Knowledge, /) -> Model:
        """Model by a state of knowledge."""
        assert self._prepared is not None  # noqa: S101
        return learner.learn(self._prepared, knowledge)

    def close(self) -> None:
        """Nothing to end."""


class Ended(Exception):  # noqa: N818  an outcome, not a fault
    """The child was ended on purpose."""


class Apart:
    """In a child process, started at once: it gets ready while the caller does other things.

    A child that ends by itself (the system may be out of memory) is started once more, and given again what it had.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._features: tuple[ndarray, bool, int] | None = None
        self._prepared: Prepared | None = None
        self._affinity: csr_array | None = None
        self._carried: csr_array | None = None
        self._process = _start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def prepare(self, raw: Float[ndarray, "n d"], /, *, reduce: bool, seed: int) -> Ready:
        """Make features ready.

        Raises
        ------
        Ended
            If :meth:`close` was called meanwhile.
        """
        self._features = raw, reduce, seed
        _, arrays = self._ask({"op": "prepare", "reduce": reduce, "seed": seed}, {"raw": raw})
        reduction = Reduction(arrays["mean"], arrays["components"]) if reduce else identity_reduction(raw.shape[1])
        self._prepared = Prepared(learner.checked(reduction(raw) if reduce else raw), seed=seed)
        r = len(self._prepared.rows)
        self._affinity = _sparse("near", arrays, (r, r))
        self._carried = _sparse("carried", arrays, (len(raw), r)) if r < len(raw) else None
        return Ready(reduction, self._prepared)

    def learn(self, knowledge: Knowledge, /) -> Model:
        """Model by a state of knowledge; raises as :meth:`prepare`."""
        prepared = self._prepared
        assert prepared is not None  # noqa: S101
        assert self._affinity is not None  # noqa: S101
        said = knowledge.ballots.all()
        about, arrays = self._ask({"op": "learn", "n_items": knowledge.n_items}, said._asdict())
        rows = arrays.pop("rows", None)
        beliefs: dict[str, Any] = about["beliefs"] | arrays
        embed = cache(lambda: prepared.embed(beliefs["probability"][: len(prepared.rows)]))
        if rows is None or self._carried is None:
            return Model(embed, Beliefs(**beliefs), self._affinity)
        affinity = self._affinity.copy()
        affinity.resize((len(rows), len(rows)))
        model = Model(lambda: embed()[rows], Beliefs(**beliefs), affinity)
        return Core(rows, model, self._carried).of_all(embed)

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._closed = True
            _end(self._process)

    def _ask(self, about: dict[str, Any], arrays: dict[str, ndarray]) -> tuple[dict[str, Any], dict[str, ndarray]]:
        try:
            reply, found = self._exchange(about, arrays)
        except (OSError, EOFError, ValueError):  # of a closed pipe, and of half a reply
            self._start_again()
            reply, found = self._again(about, arrays)
        if "why" in reply:
            raise getattr(errors, reply["kind"], RuntimeError)(reply["why"])
        return reply, found

    def _again(self, about: dict[str, Any], arrays: dict[str, ndarray]) -> tuple[dict[str, Any], dict[str, ndarray]]:
        """Ask a new child, which has no features yet."""
        try:
            if about["op"] != "prepare" and self._features is not None:
                raw, reduce, seed = self._features
                self._exchange({"op": "prepare", "reduce": reduce, "seed": seed}, {"raw": raw})
            return self._exchange(about, arrays)
        except (OSError, EOFError, ValueError):
            if self._closed:
                raise Ended from None
            raise RuntimeError("the process that learns ended twice; is there enough memory? start pal again") from None

    def _exchange(self, about: dict[str, Any], arrays: dict[str, ndarray]) -> tuple[dict[str, Any], dict[str, ndarray]]:
        to, back = self._process.stdin, self._process.stdout
        assert to is not None  # noqa: S101
        assert back is not None  # noqa: S101
        send(to, about, arrays)
        return receive(back)

    def _start_again(self) -> None:
        with self._lock:
            if self._closed:
                raise Ended
            _end(self._process)
            self._process = _start()


def parts(name: str, matrix: csr_array, /) -> dict[str, ndarray]:
    """Arrays of a sparse matrix, to send."""
    return {f"{name}.{part}": getattr(matrix, part) for part in ("data", "indices", "indptr")}


def _sparse(name: str, arrays: dict[str, ndarray], shape: tuple[int, int]) -> csr_array:
    """What :func:`parts` took apart."""
    return csr_array(tuple(arrays[f"{name}.{part}"] for part in ("data", "indices", "indptr")), shape=shape)


def _start() -> "subprocess.Popen[bytes]":
    # A session of its own: Ctrl+C in the terminal is for this process, which ends the child itself, and Linux shares
    # the processors among sessions first, of which the child's gives way.
    return subprocess.Popen(
        [sys.executable, "-m", "pal.project.fitting"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what was never sent
            pipe.close()  # type: ignore[union-attr]
