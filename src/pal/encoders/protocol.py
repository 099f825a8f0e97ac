"""What an encoder is."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from jaxtyping import Float32
from numpy import ndarray

Takes = Literal["pictures", "texts", "sounds"]


class Encoder(Protocol):
    """Maps b pictures in RGB of any size, b texts, or b sounds to features (b, n_features)."""

    @property
    def name(self) -> str:
        """Name, also of the folder with its features."""
        ...

    @property
    def n_features(self) -> int:
        """Columns of the features."""
        ...

    @property
    def takes(self) -> str:
        """What it maps, a word of Takes; "vectors" for one that was trained on those."""
        ...

    @property
    def picture_size(self) -> int:
        """Pictures needn't be larger than this on a side; of no meaning for others."""
        ...

    def __call__(self, batch: Sequence[Any], /) -> Float32[ndarray, "b d"]:
        """Encode a batch."""
        ...


TRAINED = "trained-"
"""How the names of encoders begin that ``pal train`` made."""
