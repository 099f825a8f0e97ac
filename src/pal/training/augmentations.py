"""Views: random changes of an item after which it is still alike to itself. One number sets how strong they are.

A view is a function from a batch to a batch of the same kind. Randomness comes from torch's generator, which
:func:`pal.training.fit` seeds anew for every step. Pictures are (b, c, h, w) in 0..1.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pal.errors import InvalidInputError, require_extra

Views = Callable[[Tensor], Tensor]


def simclr_views(size: tuple[int, int], /, *, strength: float = 1.0, flip: bool = True) -> Views:
    """SimCLR's recipe: crop, flip, colours, grey (Chen et al. 2020, appendix A; for CIFAR-10 without blur).

    Parameters
    ----------
    size
        Height and width of a picture, kept by the crop.
    strength
        0 changes nothing; 1 is the published recipe at colour strength 0.5. Probabilities of colour changes, the
        range of areas and the amounts grow with it.
    flip
        Whether a mirror image is alike (not so for letters and digits).

    Raises
    ------
    InvalidInputError
        If the strength is negative.
    MissingExtraError
        If kornia isn't installed.
    """
    s = _checked(strength)
    half = 0.5 * s
    return _Pictures([
        ("RandomResizedCrop", {"size": size, "scale": (max(1 - 0.92 * s, 0.08), 1.0)}, s > 0),
        ("RandomHorizontalFlip", {"p": min(0.5 * s, 0.5)}, flip),
        ("ColorJitter", _jitter(0.8 * half, 0.8 * half, 0.8 * half, 0.2 * half, p=min(0.8 * s, 1.0)), s > 0),
        ("RandomGrayscale", {"p": min(0.2 * s, 1.0)}, s > 0),
    ])  # fmt: skip


def vicreg_views(size: tuple[int, int], /, *, strength: float = 1.0, flip: bool = True) -> Views:
    """VICReg's recipe: as SimCLR's with milder colours, blur and solarisation (Bardes et al. 2022, appendix C.1).

    Blur has the kernel of a tenth of the picture's side. Parameters and errors as for :func:`simclr_views`.
    """
    s = _checked(strength)
    kernel = max(3, round(min(size) / 10) // 2 * 2 + 1)
    return _Pictures([
        ("RandomResizedCrop", {"size": size, "scale": (max(1 - 0.92 * s, 0.08), 1.0)}, s > 0),
        ("RandomHorizontalFlip", {"p": min(0.5 * s, 0.5)}, flip),
        ("ColorJitter", _jitter(0.4 * s, 0.4 * s, 0.2 * s, 0.1 * s, p=min(0.8 * s, 1.0)), s > 0),
        ("RandomGrayscale", {"p": min(0.2 * s, 1.0)}, s > 0),
        ("RandomGaussianBlur", {"kernel_size": (kernel, kernel), "sigma": (0.1, 2.0), "p": min(0.5 * s, 1.0)}, s > 0),
        ("RandomSolarize", {"thresholds": 0.1, "additions": 0.0, "p": min(0.1 * s, 1.0)}, s > 0),
    ])  # fmt: skip


#: Single changes of pictures, by name, at strength 1; what :func:`pal.training.agreement` ranks.
CHANGES: dict[str, Callable[[tuple[int, int], float], tuple[str, dict[str, Any]]]] = {
    "crop": lambda size, s: ("RandomResizedCrop", {"size": size, "scale": (max(1 - 0.92 * s, 0.08), 1.0)}),
    "shift": lambda _, s: ("RandomAffine", {"degrees": 0.0, "translate": (0.2 * s, 0.2 * s)}),
    "flip": lambda _, s: ("RandomHorizontalFlip", {"p": min(0.5 * s, 1.0)}),
    "upside down": lambda _, s: ("RandomVerticalFlip", {"p": min(0.5 * s, 1.0)}),
    "turn": lambda _, s: ("RandomRotation", {"degrees": 45.0 * s}),
    "brightness": lambda _, s: ("ColorJitter", _jitter(0.6 * s, 0.0, 0.0, 0.0)),
    "contrast": lambda _, s: ("ColorJitter", _jitter(0.0, 0.6 * s, 0.0, 0.0)),
    "hue": lambda _, s: ("ColorJitter", _jitter(0.0, 0.0, 0.0, 0.4 * s)),
    "grey": lambda _, s: ("RandomGrayscale", {"p": min(0.5 * s, 1.0)}),
    "blur": lambda _, s: ("RandomGaussianBlur", {"kernel_size": (3, 3), "sigma": (0.1, 2.0 * s), "p": 1.0}),
    "noise": lambda _, s: ("RandomGaussianNoise", {"std": 0.1 * s, "p": 1.0}),
    "solarise": lambda _, s: ("RandomSolarize", {"thresholds": 0.1, "additions": 0.0, "p": min(0.5 * s, 1.0)}),
    "erase": lambda _, s: ("RandomErasing", {"scale": (0.02, 0.33 * s), "p": 1.0}),
}


def one_change(name: str, size: tuple[int, int], /, *, strength: float = 1.0) -> Views:
    """One change of :data:`CHANGES` alone.

    Raises
    ------
    InvalidInputError
        If there is none of that name, or the strength isn't above 0.
    """
    if name not in CHANGES or not 0 < strength < float("inf"):
        raise InvalidInputError(
            f"expected one of {', '.join(CHANGES)} and a strength above 0, got {name!r} and {strength}"
        )
    kind, options = CHANGES[name](size, strength)
    return _Pictures([(kind, options, True)])


def vector_views(*, strength: float = 1.0) -> Views:
    """Noise of 0.1 · ``strength`` times each column's deviation, and a share 0.1 · ``strength`` of numbers set to 0."""
    s = _checked(strength)

    def views(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        spread = x.std(0, keepdim=True) if len(x) > 1 else torch.ones_like(x)
        noisy = x + 0.1 * s * spread * torch.randn_like(x)
        return noisy * (torch.rand_like(x) >= 0.1 * s)

    return views


def word_views(*, strength: float = 1.0) -> Views:
    """Drop each word with probability 0.2 · ``strength``; a text keeps one at least."""
    share = min(0.2 * _checked(strength), 0.9)

    def views(x: Int[Tensor, "b l"]) -> Int[Tensor, "b l"]:
        words = x != 0
        keep = torch.rand(x.shape, device=x.device)
        # The word with the largest draw stays, so that no text becomes empty.
        keep = keep.masked_fill(~words, -1.0)
        best = torch.zeros_like(words).scatter_(1, keep.argmax(1, keepdim=True), value=True)
        return x * (words & ((keep >= share) | best))

    return views


def unchanged(x: Tensor) -> Tensor:
    """No change: a view is the item itself."""
    return x


class _Pictures:
    """A sequence of kornia's augmentations, each element of a batch changed apart."""

    def __init__(self, steps: Sequence[tuple[str, dict[str, Any], bool]]) -> None:
        try:
            from kornia import augmentation
        except ImportError:
            raise require_extra("kornia", "train") from None
        # Without kornia's own container, which copies the batch for every step.
        self.steps = [getattr(augmentation, kind)(**options) for kind, options, wanted in steps if wanted]

    def __call__(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        if x.ndim != 4:
            raise InvalidInputError(f"these views are for pictures (b, c, h, w), got shape {tuple(x.shape)}")
        grey = x.shape[1] == 1
        for step in self.steps:
            name = type(step).__name__
            if grey and name == "RandomGrayscale":
                continue
            # kornia's jitter takes colours only.
            x = step(x.expand(-1, 3, -1, -1))[:, :1] if grey and name == "ColorJitter" else step(x)
        return x.clamp(0.0, 1.0)


def _jitter(brightness: float, contrast: float, saturation: float, hue: float, *, p: float = 1.0) -> dict[str, Any]:
    return {
        "brightness": min(brightness, 1.0), "contrast": min(contrast, 1.0), "saturation": saturation,
        "hue": min(hue, 0.5), "p": p,
    }  # fmt: skip


def _checked(strength: float) -> float:
    if not 0 <= strength < float("inf"):
        raise InvalidInputError(f"strength must be at least 0, got {strength}; 1 is the published recipe")
    return strength
