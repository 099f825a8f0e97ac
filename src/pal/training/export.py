"""Trained encoders for use elsewhere: safetensors, a program for plain torch, ONNX.

``encoder.safetensors`` needs PAL to rebuild the network (:func:`pal.encoders.trained.load_network`), or any code with
the same state dict. ``encoder.pt2`` needs torch alone: ``torch.export.load(path).module()(x)``. ``encoder.onnx`` needs
any ONNX runtime. All take batches of any size, pictures as (b, c, h, w) in 0..1, texts as numbers of words (b, l).
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding

from pal.encoders.networks import WordNet
from pal.encoders.trained import save_network
from pal.errors import InvalidInputError, require_extra
from pal.training.embed import evaluating

FORMATS = ("safetensors", "torch", "onnx")


def export_encoder(
    encoder: nn.Module, folder: Path, /, *, item_shape: Sequence[int], formats: Sequence[str] = FORMATS, **about: Any
) -> list[Path]:
    """Write an encoder to ``folder`` as ``encoder.safetensors``, ``encoder.pt2`` and ``encoder.onnx``.

    Parameters
    ----------
    item_shape
        (c, h, w) of a picture, (d,) of a vector, (l,) of a text.
    formats
        Some of :data:`FORMATS`.
    about
        JSON to keep in the safetensors file.

    Raises
    ------
    InvalidInputError
        If a format is unknown, or the encoder can't be written in it.
    MissingExtraError
        If onnx isn't installed.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise InvalidInputError(f"unknown format {unknown[0]!r}; choose of {', '.join(FORMATS)}")
    folder.mkdir(parents=True, exist_ok=True)
    device = next(encoder.parameters(), torch.empty(0)).device
    kind = torch.int64 if isinstance(encoder, WordNet) else torch.float32
    example = torch.zeros(2, *item_shape, device=device, dtype=kind)
    written = []
    with evaluating(encoder), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporters speak of their own future
        if "safetensors" in formats:
            written.append(save_network(encoder, folder / "encoder.safetensors", item_shape=item_shape, **about))
        if "torch" in formats:
            batch = torch.export.Dim("batch", min=1)
            program = torch.export.export(encoder, (example,), dynamic_shapes=({0: batch},), strict=False)
            written.append(folder / "encoder.pt2")
            torch.export.save(program, written[-1])
        if "onnx" in formats:
            written.append(_onnx(encoder, folder / "encoder.onnx", example))
    return written


class _Words(nn.Module):
    """A :class:`pal.encoders.networks.WordNet` in operations that ONNX has: it knows no bags of vectors."""

    def __init__(self, net: WordNet) -> None:
        super().__init__()
        self.vectors, self.layers = net.words.weight, net.layers

    def forward(self, x: Int[Tensor, "b l"]) -> Float[Tensor, "b k"]:
        """Features of a batch of texts."""
        there = (x != 0).to(self.vectors.dtype)[:, :, None]
        mean = (embedding(x, self.vectors) * there).sum(1) / there.sum(1).clamp(min=1.0)
        z: Tensor = self.layers(mean)
        return z


def _onnx(encoder: nn.Module, path: Path, example: torch.Tensor) -> Path:
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise require_extra("onnx", "train") from None
    torch.onnx.export(
        _Words(encoder).eval() if isinstance(encoder, WordNet) else encoder,
        (example,),
        str(path),
        dynamo=False,
        input_names=["items"],
        output_names=["features"],
        dynamic_axes={"items": {0: "batch"}, "features": {0: "batch"}},
    )
    return path
