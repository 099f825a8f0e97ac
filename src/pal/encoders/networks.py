"""Encoder networks: ResNet-18 for small pictures, a small convolutional net, perceptrons, one for words, Lite0.

A network maps a batch to features (b, ``n_features``). Pictures are (b, channels, h, w) in 0..1; the network itself
shifts and scales them, so that whoever loads it needs to know nothing else. :func:`build` makes one of its description,
a dictionary of plain values that is kept beside its weights.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from pal.encoders.efficientnet import Lite0
from pal.encoders.words import N_WORDS
from pal.errors import InvalidInputError


class SmallConvNet(nn.Module):
    """Four 3 × 3 convolutions with batch norm, two poolings, and the mean over places; 103,000 parameters.

    Parameters
    ----------
    channels
        3 for colour, 1 for grey.
    width
        Features, a multiple of 4; the layers have width / 4, width / 4, width / 2 and width channels.
    """

    def __init__(self, *, channels: int = 3, width: int = 128) -> None:
        super().__init__()
        self.description = {"network": "small", "channels": channels, "width": width}
        self.n_features = width
        a, b = width // 4, width // 2
        self.layers = nn.Sequential(
            *_convolution(channels, a), *_convolution(a, a), nn.MaxPool2d(2),
            *_convolution(a, b), nn.MaxPool2d(2), *_convolution(b, width),
        )  # fmt: skip

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k"]:
        """Features of a batch of pictures."""
        z: Tensor = self.layers(4 * x - 2)
        return z.mean((2, 3))


class BasicBlock(nn.Module):
    """Two 3 × 3 convolutions and the way round them (He et al. 2016, arXiv 1512.03385)."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(*_convolution(n_in, n_out, stride=stride))
        self.second = nn.Sequential(nn.Conv2d(n_out, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out))
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or n_in != n_out:
            self.shortcut = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        return torch.relu_(self.second(self.first(x)) + self.shortcut(x))


class ResNet18(nn.Module):
    """ResNet-18 with the stem for small pictures: a 3 × 3 convolution of stride 1, no pooling; 11.2 million parameters.

    Parameters
    ----------
    channels
        3 for colour, 1 for grey.
    width
        Channels of the first stage; 8 · width features. 64 is ResNet-18.
    """

    def __init__(self, *, channels: int = 3, width: int = 64) -> None:
        super().__init__()
        self.description = {"network": "resnet18", "channels": channels, "width": width}
        self.n_features = 8 * width
        layers, n_in = _convolution(channels, width), width
        for stage in range(4):
            n_out = width * 2**stage
            layers += [BasicBlock(n_in, n_out, 1 if stage == 0 else 2), BasicBlock(n_out, n_out, 1)]
            n_in = n_out
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k"]:
        """Features of a batch of pictures."""
        z: Tensor = self.layers(4 * x - 2)
        return z.mean((2, 3))


class MLP(nn.Module):
    """Perceptron on vectors: hidden layers with batch norm.

    Parameters
    ----------
    n_inputs
        Numbers an item.
    hidden
        Widths of the hidden layers.
    n_features
        Width of the output.
    """

    def __init__(self, n_inputs: int, *, hidden: tuple[int, ...] = (256,), n_features: int = 128) -> None:
        super().__init__()
        self.description = {
            "network": "mlp", "n_inputs": n_inputs, "hidden": list(hidden), "n_features": n_features
        }  # fmt: skip
        self.n_features = n_features
        layers: list[nn.Module] = []
        for n_in, n_out in zip((n_inputs, *hidden), hidden, strict=False):
            layers += [nn.Linear(n_in, n_out, bias=False), nn.BatchNorm1d(n_out), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(hidden[-1] if hidden else n_inputs, n_features))

    def forward(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b k"]:
        """Features of a batch of vectors."""
        z: Tensor = self.layers(x)
        return z


class WordNet(nn.Module):
    """Mean of word vectors, then a perceptron; for texts as numbers of words, 0 for none (:mod:`pal.encoders.words`).

    Parameters
    ----------
    n_words
        Numbers of words run from 1 to ``n_words``.
    width
        Length of a word's vector.
    n_features
        Width of the output.
    dropout
        Share of the mean's numbers that are dropped while it is trained: a view of a text that costs nothing (Gao et
        al. 2021, arXiv 2104.08821).
    """

    def __init__(self, *, n_words: int = N_WORDS, width: int = 64, n_features: int = 128, dropout: float = 0.1) -> None:
        super().__init__()
        self.description = {
            "network": "words", "n_words": n_words, "width": width, "n_features": n_features, "dropout": dropout
        }  # fmt: skip
        self.n_features = n_features
        self.words = nn.EmbeddingBag(n_words + 1, width, mode="mean", padding_idx=0)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.Sequential(nn.BatchNorm1d(width), nn.Linear(width, n_features), nn.ReLU())

    def forward(self, x: Int[Tensor, "b l"]) -> Float[Tensor, "b k"]:
        """Features of a batch of texts."""
        z: Tensor = self.layers(self.dropout(self.words(x)))
        return z


class _Networks:
    """Networks by name; each makes one of the rest of its description."""

    TABLE: ClassVar[dict[str, Callable[..., nn.Module]]] = {
        "small": SmallConvNet,
        "resnet18": ResNet18,
        "mlp": lambda n_inputs, *, hidden, n_features: MLP(n_inputs, hidden=tuple(hidden), n_features=n_features),
        "words": WordNet,
        "efficientnet-lite0": Lite0,
    }


def build(description: Mapping[str, Any], /) -> nn.Module:
    """Make a network, with random weights, of the ``description`` that one of these classes has.

    Raises
    ------
    InvalidInputError
        If there is none of that name or it takes other options.
    """
    options = dict(description)
    name = options.pop("network", None)
    if name not in _Networks.TABLE:
        raise InvalidInputError(f"unknown network {name!r}; choose one of {', '.join(_Networks.TABLE)}")
    try:
        return _Networks.TABLE[name](**options)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"can't make a network {name!r} with {options}: {error}") from None


def _convolution(n_in: int, n_out: int, *, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)]
