"""Settings of a training run, and optimiser and schedule from torch."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from pal.errors import InvalidInputError

Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed"]
MakeOptimizer = Callable[[Iterable[Tensor], "Settings"], Optimizer]
MakeSchedule = Callable[[Optimizer, int, "Settings"], LRScheduler]


@dataclass(frozen=True)
class Settings:
    """What a run is set to.

    Parameters
    ----------
    epochs
        Passes over the items.
    batch_size
        Items a batch, over all devices together; a batch has ``n_views`` times as many rows.
    n_views
        V.
    mates
        Alike items that an anchor brings into its batch (:mod:`pal.training.batches`).
    learning_rate, weight_decay, warm_up
        Peak learning rate, decay, and the share of steps over which the rate rises; it then falls along a cosine.
    clip
        Largest norm of the gradient, None for any.
    precision
        "auto" takes bfloat16 where the hardware multiplies it, else float32.
    device
        "auto", "cpu", "cuda" or "mps".
    seed
        Random numbers of a step depend on the seed and the step alone.
    patience
        Epochs without a better probe (or loss, without a probe) after which training stops; None never stops.
    save_every
        Steps between checkpoints; 0 saves at the end of each epoch.

    Raises
    ------
    InvalidInputError
        If a setting is out of range.
    """

    epochs: int = 20
    batch_size: int = 256
    n_views: int = 2
    mates: int = 1
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    warm_up: float = 0.1
    clip: float | None = None
    precision: Precision = "auto"
    device: str = "auto"
    seed: int = 0
    patience: int | None = None
    save_every: int = 0

    def __post_init__(self) -> None:
        least = {"epochs": 1, "batch_size": 2, "n_views": 1, "mates": 0, "seed": 0, "save_every": 0, "weight_decay": 0}
        for name, low in least.items():
            if not getattr(self, name) >= low:
                raise InvalidInputError(f"{name} must be at least {low}, got {getattr(self, name)}")
        for name in ("learning_rate", "clip", "patience"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InvalidInputError(f"{name} must be above 0, got {value}")
        if not 0 < self.warm_up < 1:
            raise InvalidInputError(f"warm_up must lie between 0 and 1, got {self.warm_up}; it is a share of the steps")
        if self.precision not in ("auto", "32-true", "bf16-mixed", "16-mixed"):
            raise InvalidInputError(f"unknown precision {self.precision!r}; choose auto, 32-true, bf16-mixed, 16-mixed")


def adamw(parameters: Iterable[Tensor], settings: Settings, /) -> Optimizer:
    """AdamW, the default."""
    return AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)


def warm_cosine(optimizer: Optimizer, n_steps: int, settings: Settings, /) -> LRScheduler:
    """Linear warm-up, then a cosine to zero, the default."""
    warm = max(settings.warm_up * n_steps, 1.0)

    def factor(step: int) -> float:
        fall = 0.5 * (1 + math.cos(math.pi * max(step - warm, 0.0) / max(n_steps - warm, 1.0)))
        return min((step + 1) / warm, 1.0) * fall

    return LambdaLR(optimizer, factor)


def precision_here(wanted: Precision, device: str, /) -> Literal["32-true", "bf16-mixed", "16-mixed"]:
    """Precision that "auto" stands for on a device."""
    if wanted != "auto":
        return wanted
    if device == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"
    return "bf16-mixed" if device == "cpu" and cpu_multiplies_bf16() else "32-true"


def cpu_multiplies_bf16() -> bool:
    """Whether this processor has bfloat16 products (AVX-512 BF16 or AMX); without them bfloat16 is slower."""
    checks = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(check is not None and check() for check in checks)


def device_here(wanted: str, /) -> str:
    """Device that "auto" stands for.

    Raises
    ------
    InvalidInputError
        If the device isn't there.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there.get(wanted, False):
        raise InvalidInputError(f"no device {wanted!r} here; choose auto or {', '.join(n for n in there if there[n])}")
    return wanted
