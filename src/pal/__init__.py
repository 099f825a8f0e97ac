"""Positive Active Learning: label by saying which items are the same kind.

One ring, and data flows one way round it::

    items ──encoder──▶ features ─────────────┐
                                             ▼
    answers ──deduce──▶ knowledge ──▶ similarity graph G ──▶ embedding Z ──▶ beliefs P
       ▲                                                                        │
       └────── labeler ◀────── question (template + tiles) ◀────── oracle ◀─────┘

Everything that is known is a fold over an append-only log of answers; everything that is learned is a function of the
similarity graph that the log implies. The names below follow the ring; each is loaded when first used, so that
``import pal`` costs nothing.

==================  ==============================================================================================
station             names
==================  ==============================================================================================
items               ``datasets``, ``encoders``
answers             ``Question``, ``Answers``
knowledge           ``Knowledge``, ``known``, ``conflicts``
similarity graph    ``SimilarityGraph``, ``builders``
embedding           ``GraphEmbedding``, ``kernels``, ``spectral``, ``probe``; ``losses``, ``training`` with torch
beliefs             ``Beliefs``, ``learner``
oracle              ``oracles``, ``get_oracle``
labeler             ``labelers``, ``SimulatedLabeler``
round again         ``Loop``, ``run``
errors              ``PalError``, ``InvalidInputError``, ``MissingExtraError``, ``StoreError``
==================  ==============================================================================================
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pal import (
        builders,
        conflicts,
        datasets,
        encoders,
        kernels,
        labelers,
        learner,
        losses,
        oracles,
        probe,
        spectral,
        training,
    )
    from pal.answers import Answers, Question
    from pal.beliefs import Beliefs
    from pal.embedding import GraphEmbedding
    from pal.errors import InvalidInputError, MissingExtraError, PalError, StoreError
    from pal.graph import SimilarityGraph
    from pal.knowledge import Knowledge, known
    from pal.labelers import SimulatedLabeler
    from pal.loop import Loop, run
    from pal.oracles import get_oracle

    __version__: str

__all__ = [  # noqa: RUF022  (the ring's order)
    "datasets",
    "encoders",
    "Question",
    "Answers",
    "Knowledge",
    "known",
    "conflicts",
    "SimilarityGraph",
    "builders",
    "GraphEmbedding",
    "kernels",
    "spectral",
    "probe",
    "losses",
    "training",
    "Beliefs",
    "learner",
    "oracles",
    "get_oracle",
    "labelers",
    "SimulatedLabeler",
    "Loop",
    "run",
    "PalError",
    "InvalidInputError",
    "MissingExtraError",
    "StoreError",
]

# Names that are not modules of their own, and where they live.
_HOME = {
    "Question": "answers",
    "Answers": "answers",
    "Knowledge": "knowledge",
    "known": "knowledge",
    "SimilarityGraph": "graph",
    "GraphEmbedding": "embedding",
    "Beliefs": "beliefs",
    "get_oracle": "oracles",
    "SimulatedLabeler": "labelers",
    "Loop": "loop",
    "run": "loop",
    "PalError": "errors",
    "InvalidInputError": "errors",
    "MissingExtraError": "errors",
    "StoreError": "errors",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("pal-learn")
    if name not in __all__:
        raise AttributeError(f"module 'pal' has no attribute {name!r}")
    value = getattr(import_module(f"pal.{_HOME[name]}"), name) if name in _HOME else import_module(f"pal.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
