"""What every loss does first: check its arguments, and choose the precision it computes in.

Half-precision embeddings (float16, bfloat16) are converted to float32 and the loss is a float32 scalar: sums over a
batch leave float16's range, and its matrix products are slower on CPUs. Gradients come back in the embeddings' dtype.
"""

import functools
import math
from collections.abc import Callable
from typing import Concatenate, ParamSpec

import torch
from jaxtyping import Float
from torch import Tensor

from pal.errors import InvalidInputError
from pal.graph import SimilarityGraph
from pal.losses.batch_graph import BatchGraph, batch_graph

Graph = SimilarityGraph | BatchGraph | Tensor
P = ParamSpec("P")


def full_precision(
    loss: Callable[Concatenate[Tensor, P], Tensor],
) -> Callable[Concatenate[Tensor, P], Tensor]:
    """Keep autocast out of a loss: its sums need the precision that layers don't."""

    @functools.wraps(loss)
    def run(embeddings: Tensor, /, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        device = embeddings.device.type if hasattr(embeddings, "is_floating_point") else "cpu"
        with torch.autocast(device, enabled=False):
            return loss(embeddings, *args, **kwargs)

    return run


def prepare(
    embeddings: Float[Tensor, "b k"], graph: Graph, *, min_rows: int = 1
) -> tuple[Float[Tensor, "b k"], BatchGraph]:
    """Checked embeddings, in float32 at least, and the graph on their device."""
    z = checked_embeddings(embeddings, min_rows=min_rows)
    g = batch_graph(graph, dtype=z.dtype, device=z.device)
    if g.n_rows != len(z):
        raise InvalidInputError(
            f"the graph must have one row for each of the {len(z)} embeddings, got {g.n_rows}; "
            "pass graph.take(items) of the batch's items, in the batch's order"
        )
    return z, g


def prepare_views(
    z1: Float[Tensor, "n k"], z2: Float[Tensor, "n k"], *, min_rows: int = 1
) -> tuple[Float[Tensor, "n k"], Float[Tensor, "n k"]]:
    """Two checked views of the same items, in float32 at least."""
    z1, z2 = checked_embeddings(z1, min_rows=min_rows), checked_embeddings(z2, min_rows=min_rows)
    if z1.shape != z2.shape:
        raise InvalidInputError(
            f"both views must have the same shape, got {tuple(z1.shape)} and {tuple(z2.shape)}; "
            "row i of each must embed a view of item i"
        )
    dtype = torch.promote_types(z1.dtype, z2.dtype)
    return z1.to(dtype), z2.to(dtype)


def checked_embeddings(embeddings: Tensor, *, min_rows: int = 1) -> Float[Tensor, "b k"]:
    """Embeddings of shape (b, k), b ≥ ``min_rows``, k ≥ 1, in float32 at least."""
    if not isinstance(embeddings, Tensor) or not embeddings.is_floating_point():
        kind = embeddings.dtype if isinstance(embeddings, Tensor) else type(embeddings).__name__
        raise InvalidInputError(f"embeddings must be a floating-point tensor, got {kind}; convert them first")
    if embeddings.ndim != 2 or embeddings.shape[1] == 0:
        raise InvalidInputError(
            f"embeddings must have shape (b, k) with k at least 1, got {tuple(embeddings.shape)}; "
            "flatten each item to one row"
        )
    if embeddings.shape[0] < min_rows:
        raise InvalidInputError(
            f"expected a batch of at least {min_rows} row(s), got {embeddings.shape[0]}; pass a larger batch"
        )
    return embeddings.to(torch.promote_types(embeddings.dtype, torch.float32))


def check_nonnegative(**options: float) -> None:
    """Every option is a finite number, at least 0."""
    for name, value in options.items():
        if not (math.isfinite(value) and value >= 0):
            raise InvalidInputError(f"{name} must be finite and at least 0, got {value}; choose another value")


def check_temperature(temperature: float) -> None:
    """A temperature is finite and above 0."""
    if not (math.isfinite(temperature) and temperature > 0):
        raise InvalidInputError(f"temperature must be finite and above 0, got {temperature}; try 0.1 to 0.5")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """``value`` is one of the choices."""
    if value not in choices:
        raise InvalidInputError(f"{name} must be one of {', '.join(choices)}, got {value!r}; choose one of them")


def split_views(z: Float[Tensor, "b k"], n_views: int) -> Float[Tensor, "n_views n k"]:
    """Rows of each view apart; view v of item i is row i · n_views + v (sample-major)."""
    if n_views < 1 or len(z) % n_views:
        raise InvalidInputError(
            f"n_views must divide the {len(z)} rows of the batch, got {n_views}; "
            "put the views of an item in consecutive rows, as many for each item"
        )
    return z.reshape(len(z) // n_views, n_views, -1).transpose(0, 1)
