"""Encoders that PAL has trained: one file of weights (safetensors), with the network's description in its header.

Read without pickle: the weights are plain numbers and the description plain JSON.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from pal.encoders.packaged import packaged_encoder
from pal.encoders.protocol import TRAINED
from pal.encoders.words import word_numbers
from pal.errors import InvalidInputError, StoreError, require_extra
from pal.items import Items

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import nn

VERSION = 1
SUFFIX = ".safetensors"
# Items a network encodes at a time.
_BATCH = 256


class Loaded(NamedTuple):
    """A network and what its file says of it: description, shape of an item, and whatever the writer added."""

    network: "nn.Module"
    about: dict[str, Any]


def save_network(network: "nn.Module", path: Path, /, *, item_shape: Sequence[int], **about: Any) -> Path:
    """Write the weights of a network of :mod:`pal.encoders.networks`; ``about`` is any JSON to keep with them.

    Parameters
    ----------
    item_shape
        Shape of one item as the network takes it: (c, h, w), (d,) or (l,).

    Raises
    ------
    InvalidInputError
        If the network has no description.
    StoreError
        If the file can't be written.
    """
    try:
        from safetensors.torch import save
    except ImportError:
        raise require_extra("safetensors", "train") from None
    description = getattr(network, "description", None)
    if description is None:
        raise InvalidInputError(
            f"{type(network).__name__} has no description to be loaded by; use a network of pal.encoders.networks, "
            "or save its state_dict with safetensors yourself"
        )
    content = {"version": VERSION, "network": description, "item_shape": list(item_shape), **about}
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(save(weights, metadata={"pal": json.dumps(content)}))
        part.replace(path)
    except OSError as error:
        raise StoreError(f"can't write {path}: {error.strerror}; give another path") from None
    return path


def load_network(path: Path, /) -> Loaded:
    """Read a file of :func:`save_network`, on the CPU and as in use (``eval``).

    Raises
    ------
    InvalidInputError
        If it isn't one.
    MissingExtraError
        If torch or safetensors isn't installed.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise require_extra("safetensors", "train") from None
    try:
        import torch
    except ImportError:
        raise require_extra("torch", "train") from None
    from pal.encoders.networks import build

    try:
        with safe_open(str(path), framework="pt") as file:
            about = json.loads((file.metadata() or {})["pal"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dictionary
        network = build(about["network"])
        network.load_state_dict(weights)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InvalidInputError(
            f"{path} isn't an encoder that pal wrote ({reason}); "
            "copy it from where it was trained, or give another with --encoder"
        ) from None
    if about.get("version") != VERSION:
        raise InvalidInputError(f"{path} has version {about.get('version')}, expected {VERSION}; train it anew")
    if any(not torch.isfinite(value).all() for value in weights.values() if value.is_floating_point()):
        raise InvalidInputError(f"{path} holds NaN or infinity; train it anew")
    return Loaded(network.eval(), about)


class TrainedEncoder:
    """Encoder in a file; features are scaled to length 1, (b, n_features). Its name tells its content.

    ``takes`` says what: pictures; texts; or vectors, that came with the source. With a ``base`` it takes what that
    encoder does, and the network takes the vectors that it makes. ``at_once`` says that it takes what the items hold.
    """

    def __init__(self, path: Path) -> None:
        self.network, about = load_network(path)
        self.name = name_of(path)
        self.item_shape = tuple(about["item_shape"])
        self.n_features: int = self.network.n_features  # type: ignore[assignment]
        self.base: str | None = about.get("base")
        self._base = None if self.base is None else packaged_encoder(self.base, home=path.parent)
        self.picture_size = self._base.picture_size if self._base else 2 * max(self.item_shape[1:], default=1)
        self.network_name: str = about["network"]["network"]
        self._n_words: int = about["network"].get("n_words", 0)
        self.takes: str = "texts" if self._n_words else "pictures"
        if self._base is not None:
            self.takes = self._base.takes
        if not self._n_words and self._base is None and len(self.item_shape) == 1:
            self.takes = "vectors"
        self.at_once = self._base is None and self.takes != "pictures"

    def __call__(self, batch: Sequence[Any], /) -> Float32[ndarray, "b d"]:
        """Encode a batch of pictures, or of what the base takes."""
        if self.at_once:
            raise InvalidInputError(f"{self.name} was trained on {self.takes}, got pictures; give {self.takes}")
        return self.encode(as_pictures(batch, self.item_shape) if self._base is None else self._base(batch))

    def of_items(self, items: Items, /) -> Float32[ndarray, "n d"]:
        """Encode the texts, or the vectors that came with them, of some items.

        Raises
        ------
        InvalidInputError
            If the items haven't what it takes.
        """
        given = items.text if self._n_words else items.vectors if self.takes == "vectors" else None
        if given is None:
            raise InvalidInputError(f"{self.name} takes {self.takes}, got {items.kind}s of {items.source}; give those")
        if isinstance(given, ndarray):
            return self.encode(given)
        return self.encode(word_numbers(given, n_words=self._n_words, length=self.item_shape[0]))

    def encode(self, items: ndarray, /) -> Float32[ndarray, "b d"]:
        """Encode pictures of bytes (b, h, w, c), vectors (b, d), or numbers of words (b, l)."""
        import torch

        if len(items) > _BATCH:
            return np.concatenate([self.encode(items[i : i + _BATCH]) for i in range(0, len(items), _BATCH)])
        x = torch.from_numpy(np.ascontiguousarray(items))
        if x.ndim == 4:
            x = x.permute(0, 3, 1, 2).to(torch.float32) / 255.0
        if tuple(x.shape[1:]) != self.item_shape:
            raise InvalidInputError(f"{self.name} takes items of shape {self.item_shape}, got {tuple(x.shape[1:])}")
        with torch.inference_mode():
            features = self.network(x if self._n_words else x.to(torch.float32)).numpy()
        return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)


def as_pictures(pictures: "Sequence[Image]", item_shape: Sequence[int], /) -> ndarray:
    """Pictures in RGB or grey as bytes (b, h, w, c), stretched to the shape (c, h, w) that a network takes."""
    from PIL import Image

    channels, height, width = item_shape
    small = [p.resize((width, height), Image.Resampling.BOX, reducing_gap=2.0) for p in pictures]
    rows = [np.asarray(p.convert("L" if channels == 1 else "RGB"), dtype=np.uint8) for p in small]
    return np.stack(rows).reshape(len(rows), height, width, channels)


def name_of(path: Path, /) -> str:
    """Name of the encoder in a file: "trained-" and the start of its SHA-256, so that its features are kept apart."""
    try:
        return f"{TRAINED}{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    except OSError as error:
        raise InvalidInputError(f"can't read {path}: {error.strerror}; train an encoder first") from None


def describe(about: Mapping[str, Any], /) -> str:
    """One line on an encoder."""
    network = dict(about["network"])
    return f"{network.pop('network')} {network}"
