"""Exemplars: a few diverse items that show what a group is like."""

import numpy as np
from jaxtyping import Float, Int, Int64
from numpy import ndarray

_AT_MOST = 300


def diverse(
    x: Float[ndarray, "n d"], members: Int[ndarray, " m"], /, *, start: int, count: int
) -> Int64[ndarray, " chosen"]:
    """Up to ``count`` members, each the farthest from ``start`` and those before it (Gonzalez 1985); O(m d count).

    Only the first 300 members are looked at; ``start`` itself is left out.
    """
    pool = members[members != start][:_AT_MOST]
    chosen: list[int] = []
    distance = np.linalg.norm(x[pool] - x[start], axis=1)
    while len(chosen) < min(count, len(pool)):
        best = int(distance.argmax())
        chosen.append(int(pool[best]))
        distance = np.minimum(distance, np.linalg.norm(x[pool] - x[pool[best]], axis=1))
        distance[best] = -1.0
    return np.array(chosen, dtype=np.int64)
