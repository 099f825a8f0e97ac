"""The child process that learns: ``python -m pal.project.fitting``, asked over its standard input.

It gives way to other processes, for people wait for those; and it ends when whoever started it does.
"""

import os
from importlib import import_module
from typing import IO, Any

from numpy import ndarray

from pal.beliefs import Beliefs
from pal.errors import PalError
from pal.knowledge import of_ballots
from pal.project.learning import Here, parts
from pal.project.wire import receive, send
from pal.project.yielding import give_way, give_way_to_other_sessions
from pal.votes import Counts, PairVotes


def to_wire(beliefs: Beliefs, /) -> tuple[dict[str, float], dict[str, ndarray]]:
    """Beliefs as plain numbers and arrays; what is None is left out."""
    values = {name: getattr(beliefs, name) for name in Beliefs.__dataclass_fields__}
    arrays = {name: value for name, value in values.items() if isinstance(value, ndarray)}
    numbers = {name: float(value) for name, value in values.items() if value is not None and name not in arrays}
    return numbers, arrays


def answer(learning: Here, about: dict[str, Any], arrays: dict[str, ndarray], pipe: IO[bytes], /) -> None:
    """Answer one request of :class:`pal.project.learning.Apart`; what goes wrong is an answer too."""
    try:
        if about["op"] == "prepare":
            reduction, prepared = learning.prepare(arrays["raw"], reduce=about["reduce"], seed=about["seed"])
            reply: dict[str, Any] = {}
            found = parts("near", prepared.near.affinity)
            found |= {"mean": reduction.mean, "components": reduction.components}
            if len(prepared.rows) < len(prepared.x):
                found |= parts("carried", prepared.carried)
        else:
            said = PairVotes(about["n_items"], (Counts(**arrays),))
            model = learning.learn(of_ballots(said))
            numbers, found = to_wire((model if model.core is None else model.core.model).beliefs)
            if model.core is not None:
                found["rows"] = model.core.rows
            reply = {"beliefs": numbers}
    except PalError as error:
        reply, found = {"why": str(error), "kind": type(error).__name__}, {}
    except Exception as error:  # noqa: BLE001  whatever it is, it is raised where somebody waits
        reply, found = {"why": f"{type(error).__name__}: {error}", "kind": ""}, {}
    send(pipe, reply, found)


def main() -> None:
    """Answer until standard input ends."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not spoil a reply
    give_way()
    # What learning takes a second to import, while the features are still on their way.
    for name in ("sklearn.decomposition", "sklearn.neighbors", "sknetwork.clustering", "pal.posterior"):
        import_module(name)

    learning = Here()
    while True:
        try:
            about, arrays = receive(requests)
        except EOFError:
            return
        try:
            answer(learning, about, arrays, replies)
        except BrokenPipeError:
            return
        if about["op"] == "learn":  # from now on nobody waits for a first page
            give_way_to_other_sessions()


if __name__ == "__main__":
    main()
