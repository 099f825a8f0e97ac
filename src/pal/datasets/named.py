"""Sets with known classes, by name: what a simulated labeler can answer about."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from pal.datasets.arrays import items_of
from pal.datasets.circles import circles
from pal.datasets.digits import digits
from pal.datasets.mixture import mixture
from pal.datasets.vectors import vectors
from pal.errors import InvalidInputError
from pal.items import Items


def _circles(seed: int) -> Items:
    x, y = circles(150, 0.1, rng=np.random.default_rng(seed))
    return items_of(x, source="circles", labels=y)


def _mixture(seed: int) -> Items:
    x, y = mixture(150, 0.3, rng=np.random.default_rng(seed))
    return items_of(x, source="mixture", labels=y)


def _digits(seed: int) -> Items:  # noqa: ARG001
    return digits()


def _fashion(seed: int) -> Items:  # noqa: ARG001
    from pal.datasets.fashion import fashion_mnist

    return fashion_mnist()


NAMED: dict[str, Callable[[int], Items]] = {
    "digits": _digits,
    "circles": _circles,
    "mixture": _mixture,
    "fashion-mnist": _fashion,
}
"""Sets by name; each is made from a seed."""


def load_named(source: str, /, *, seed: int = 0) -> Items:
    """Items with vectors and true labels: a name of :data:`NAMED`, ``cifar10:PATH``, or an .npz with x and y.

    ``circles`` has 150 points with noise 0.1 and ``mixture`` 150 with noise 0.3, drawn with ``seed``; of CIFAR-10 the
    training pictures are taken, as their pixels ÷ 255.

    Raises
    ------
    InvalidInputError
        If the source is none of these, or has no labels.
    """
    if source in NAMED:
        return NAMED[source](seed)
    if source.startswith("cifar10:"):
        from pal.datasets.cifar10 import cifar10

        data = cifar10(Path(source.removeprefix("cifar10:")))
        x = data.x_train.reshape(len(data.x_train), -1) / np.float32(255.0)
        return items_of(x, source=source, labels=data.y_train)
    path = Path(source)
    if path.suffix.lower() != ".npz":
        raise InvalidInputError(
            f"unknown set {source!r}; choose one of {', '.join(NAMED)}, cifar10:PATH, or an .npz with x and y"
        )
    items = vectors(path)
    if items.labels is None:
        raise InvalidInputError(f"{path} has no classes y; save it with np.savez(…, x=…, y=…)")
    return items
