"""Training speed on the CPU: pictures a second through the small convolutional net, forward and backward.

One thread, 32 × 32 colour, batch 256, in CPU seconds, both sides in turns. Our side is what :func:`pal.training.fit`
runs here: channels last, ReLU in place, freed memory kept for the next step, and bfloat16 where the processor
multiplies it; the rival float32 with channels first. Rows follow of each part alone. On a processor without bfloat16
products one shows why "auto" leaves it out there. The last row is the peak memory of a process that trains for ten
steps.
"""

import argparse
import multiprocessing
import resource
from collections.abc import Callable
from typing import TYPE_CHECKING

from benchmarks.report import Row, alternate, row

if TYPE_CHECKING:
    import torch


# Steps that are timed together.
STEPS = 4


def run(args: list[str]) -> list[Row]:
    """Measure; ``--batch`` and ``--repeats`` set the size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks training", description=__doc__)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args(args)
    import torch

    from pal.encoders.networks import ResNet18, SmallConvNet
    from pal.training.settings import cpu_multiplies_bf16, precision_here

    torch.set_num_threads(1)
    bf16 = precision_here("auto", "cpu") == "bf16-mixed"
    batch, repeats = options.batch, options.repeats
    shown = STEPS * batch
    plain = several(step(copied(SmallConvNet()), batch))
    ours, rival = alternate(keeping(step(SmallConvNet(), batch, last=True, bf16=bf16)), plain, repeats=repeats)
    last, unkept = alternate(
        several(step(copied(SmallConvNet()), batch, last=True)),
        several(step(SmallConvNet(), batch, last=True)),
        repeats=repeats,
    )
    half, _ = alternate(keeping(step(SmallConvNet(), batch, last=True, bf16=True)), None, repeats=1)
    narrow, first = alternate(
        keeping(step(ResNet18(width=16), batch, last=True)),
        several(step(copied(ResNet18(width=16)), batch)),
        repeats=1,
    )
    how = "bfloat16" if bf16 else "float32 (no bfloat16 products here)"
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        peak = pool.apply(peak_memory, (batch,))
    return [
        row(f"small net as trained here, {how}, against channels first", shown / ours, shown / rival, "images/CPU-s",
            "3,200 against 742 on a processor with bfloat16", higher_is_better=True),
        row("small net: channels last alone, against channels first", shown / last, shown / rival, "images/CPU-s", "-",
            higher_is_better=True),
        row("small net: ReLU in place, against not", shown / unkept, shown / last, "images/CPU-s", "-",
            higher_is_better=True),
        row("small net: freed memory kept, against given back", shown / ours, shown / unkept, "images/CPU-s", "-",
            higher_is_better=True),
        row("ResNet-18 of width 16 as trained here, float32, against channels first", shown / narrow, shown / first,
            "images/CPU-s", "1,000", higher_is_better=True),
        row(f"small net, channels last: bfloat16 against what is chosen (hardware: {cpu_multiplies_bf16()})",
            shown / half, shown / ours, "images/CPU-s", "-", higher_is_better=True),
        row("peak memory of training the small net", peak, "no rival", "MB", "stated"),
    ]  # fmt: skip


def step(net: "torch.nn.Module", batch: int, *, last: bool = False, bf16: bool = False) -> Callable[[], None]:
    """One forward and backward pass."""
    import torch

    x = torch.rand(batch, 3, 32, 32)
    if last:
        net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def call() -> None:
        net.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            z = net(x)
        z.float().square().mean().backward()

    return call


def copied(net: "torch.nn.Module") -> "torch.nn.Module":
    """A network whose ReLUs make copies, as torch's do unless told."""
    from torch import nn

    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return net


def keeping(call: Callable[[], None]) -> Callable[[], None]:
    """Some steps with freed memory kept; the first of them still has to ask for it."""
    from pal.training import memory

    def kept() -> None:
        with memory.kept():
            several(call)()

    return kept


def several(call: Callable[[], None]) -> Callable[[], None]:
    """Some steps."""

    def steps() -> None:
        for _ in range(STEPS):
            call()

    return steps


def peak_memory(batch: int) -> float:
    """MB that a process needs for an epoch of ten steps."""
    import numpy as np
    import torch

    from pal.builders import identity
    from pal.encoders.networks import SmallConvNet
    from pal.training import Settings, fit

    torch.set_num_threads(1)
    items = np.zeros((5 * batch, 32, 32, 3), dtype=np.uint8)
    items[:] = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3))
    settings = Settings(epochs=1, batch_size=batch // 2, device="cpu")
    fit(SmallConvNet(), items, identity(len(items)), settings=settings)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
