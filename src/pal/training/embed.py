"""Features of items under an encoder, and the accuracy of a linear probe on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Integer
from numpy import ndarray
from torch import Tensor, nn

from pal import probe
from pal.errors import InvalidInputError
from pal.training.items import as_tensor, batch_of


def embed(encoder: nn.Module, items: ndarray | Tensor, /, *, batch_size: int = 512) -> Float32[ndarray, "n d"]:
    """Features of all items, (n, d), on the encoder's device and as in use (no dropout, running statistics)."""
    tensor = as_tensor(items)
    device = next(encoder.parameters(), torch.empty(0)).device
    with evaluating(encoder), torch.inference_mode():
        parts = [
            encoder(batch_of(tensor, np.arange(start, min(start + batch_size, len(tensor))), device)).float().cpu()
            for start in range(0, len(tensor), batch_size)
        ]
    return torch.cat(parts).numpy()


@contextmanager
def evaluating(module: nn.Module, /) -> Iterator[None]:
    """A module as in use, and as it was afterwards."""
    was = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was)


@dataclass(frozen=True, eq=False)
class Probe:
    """Accuracy on held-out items of the least-squares probe fitted on labelled ones.

    Parameters
    ----------
    items, labels
        Items the probe is fitted on, and their classes; −1 unknown.
    test_items, test_labels
        Held-out items, and their classes.
    every
        Epochs between two looks.
    """

    items: ndarray | Tensor
    labels: Integer[ndarray, " n"]
    test_items: ndarray | Tensor
    test_labels: Integer[ndarray, " q"]
    every: int = 1

    def __post_init__(self) -> None:
        for items, labels in ((self.items, self.labels), (self.test_items, self.test_labels)):
            if len(items) != len(labels):
                raise InvalidInputError(f"a probe needs one label an item, got {len(labels)} for {len(items)}")

    def __call__(self, encoder: nn.Module, /) -> float:
        """Accuracy of an encoder's features, each brought to mean 0 and deviation 1 first."""
        known = np.flatnonzero(np.asarray(self.labels) >= 0)
        train, test = embed(encoder, as_tensor(self.items)[torch.from_numpy(known)]), embed(encoder, self.test_items)
        mean, spread = train.mean(0), np.maximum(train.std(0), 1e-6)
        labels = np.asarray(self.labels)[known]
        return 1.0 - probe.honest_error(
            (train - mean) / spread, labels, (test - mean) / spread, self.test_labels, intercept=True
        )
