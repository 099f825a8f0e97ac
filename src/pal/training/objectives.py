"""The losses by name, each with the graph that it means: with or without self-loops."""

from collections.abc import Callable

from torch import Tensor

from pal import losses
from pal.errors import InvalidInputError
from pal.graph import SimilarityGraph
from pal.training.blends import Batch

Objective = Callable[[Tensor, SimilarityGraph, Batch], Tensor]
"""Loss of embeddings (b·V, K), the graph over them, and the batch."""


def _vicreg(z: Tensor, graph: SimilarityGraph, batch: Batch) -> Tensor:  # noqa: ARG001
    return losses.vicreg(z, graph.hollow())


def _simclr(z: Tensor, graph: SimilarityGraph, batch: Batch) -> Tensor:  # noqa: ARG001
    return losses.simclr(z, graph, temperature=0.2)


def _barlow(z: Tensor, graph: SimilarityGraph, batch: Batch) -> Tensor:  # noqa: ARG001
    return losses.barlow_twins(z, graph.hollow())


def _vic2(z: Tensor, graph: SimilarityGraph, batch: Batch) -> Tensor:  # noqa: ARG001
    # A mean over pairs, so that the step doesn't depend on the batch size.
    return losses.vic2(z, graph) / len(z) ** 2


OBJECTIVES: dict[str, Objective] = {"vicreg": _vicreg, "simclr": _simclr, "barlow": _barlow, "vic2": _vic2}
"""VICReg, SimCLR and Barlow Twins look at pairs of different rows; VIC² needs the self-loops."""


def get_objective(loss: str | Objective, /) -> Objective:
    """Objective by name, or ``loss`` itself.

    Raises
    ------
    InvalidInputError
        If there is none of that name.
    """
    if callable(loss):
        return loss
    if loss not in OBJECTIVES:
        raise InvalidInputError(f"unknown loss {loss!r}; choose one of {', '.join(OBJECTIVES)}, or give a function")
    return OBJECTIVES[loss]
