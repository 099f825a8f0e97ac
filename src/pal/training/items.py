"""Items as tensors, and batches of them as an encoder takes them."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from numpy import ndarray
from torch import Tensor

from pal.errors import InvalidInputError


def as_tensor(items: ndarray | Tensor, /) -> Tensor:
    """Items as a tensor whose rows :func:`batch_of` takes; shares memory where it can.

    Parameters
    ----------
    items
        Pictures of bytes, (n, h, w, 3), (n, h, w, 1) or (n, h, w); vectors, (n, d) reals; or texts, (n, l) numbers of
        words (:func:`pal.encoders.words.word_numbers`). A tensor is taken as it is, pictures as (n, c, h, w).

    Raises
    ------
    InvalidInputError
        If the array is none of these, is empty, or holds NaN or infinity.
    """
    if isinstance(items, Tensor):
        tensor = items
    else:
        array: Any = np.asarray(items)
        if array.dtype == np.uint8 and array.ndim in (3, 4):
            array = array[..., None] if array.ndim == 3 else array
            if array.shape[3] not in (1, 3):
                raise InvalidInputError(f"pictures must have shape (n, h, w, 3) or (n, h, w), got {array.shape}")
            array = array.transpose(0, 3, 1, 2)
        elif array.ndim != 2 or array.dtype.kind not in "iuf":
            raise InvalidInputError(
                f"items must be pictures of bytes (n, h, w, 3), vectors (n, d) or numbers of words (n, l), "
                f"got {array.dtype} of shape {array.shape}; convert them first"
            )
        else:
            array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64, copy=False)
        tensor = torch.from_numpy(array)
    if not len(tensor):
        raise InvalidInputError("expected at least one item, got none; give items to train on")
    if tensor.is_floating_point() and not torch.isfinite(tensor).all():
        raise InvalidInputError("items must be finite, got NaN or infinity; remove those items")
    return tensor


def batch_of(items: Tensor, rows: Int[ndarray, " b"], /, device: torch.device | str = "cpu") -> Tensor:
    """Some items on a device: bytes as reals in 0..1, pictures channels last in memory."""
    batch = items[torch.from_numpy(np.asarray(rows, dtype=np.int64))].to(device, non_blocking=True)
    if batch.dtype == torch.uint8:
        batch = batch.to(torch.float32) / 255.0
    return batch.contiguous(memory_format=torch.channels_last) if batch.ndim == 4 else batch
