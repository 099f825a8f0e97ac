"""Training speed on the CPU: pictures a second through the small convolutional net, forward and backward.

One thread, 32 × 32 colour, batch 256, in CPU seconds, both sides in turns. Our side is what :func:`pal.training.fit`
runs here: channels last, ReLU in place, freed memory kept for the next step, and bfloat16 where the processor
multiplies it; the rival float32 with channels first. Rows follow of each part alone. On a processor without bfloat16
products one shows why "auto" leaves it out there.

``fit`` end to end is a pass with SimCLR's views and loss, a head, the optimiser and the drawing of batches; its rival
the loop that one writes without it: kornia's container of the same views, channels first, cosines of all pairs.
Pictures are views there. The last rows are the peak memory of a process that trains for ten steps, and what of it
importing takes.

``--docs PAGE`` puts the table between ``<!-- begin training -->`` and ``<!-- end training -->`` of a page.
"""

import argparse
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import Row, alternate, fill, markdown_rows, row

if TYPE_CHECKING:
    import torch
    from jaxtyping import UInt8
    from numpy import ndarray


# Steps that are timed together.
STEPS = 4

Call = Callable[[], None]


def run(args: list[str]) -> list[Row]:
    """Measure; ``--batch`` and ``--repeats`` set the size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks training", description=__doc__)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--docs", type=Path, help="page to put the table into")
    options = parser.parse_args(args)
    rows = compare(options.batch, options.repeats)
    if options.docs is not None:
        fill(options.docs, "training", markdown_rows(rows))
    return rows


def compare(batch: int, repeats: int) -> list[Row]:
    """All rows."""
    import torch

    from pal.encoders.networks import ResNet18, SmallConvNet
    from pal.training.settings import cpu_multiplies_bf16, precision_here

    torch.set_num_threads(1)
    bf16 = precision_here("auto", "cpu") == "bf16-mixed"
    how = "bfloat16" if bf16 else "float32 (no bfloat16 products here)"

    def against(what: str, goal: str, ours: Call, rival: Call, *, size: int = batch) -> Row:
        """Row of two sides that run ``STEPS`` batches of ``size`` pictures."""
        seconds = alternate(ours, rival, repeats=repeats)
        mine, theirs = (STEPS * size / s for s in seconds)
        return row(what, mine, theirs, "images/CPU-s", goal, higher_is_better=True)

    def small(*, last: bool = True, copies: bool = False, bf16: bool = False, size: int = batch) -> Call:
        net = SmallConvNet()
        return step(copied(net) if copies else net, size, last=last, bf16=bf16)

    def narrow(*, last: bool) -> Call:
        net = ResNet18(width=16)
        return step(net if last else copied(net), batch, last=last)

    first = several(small(last=False, copies=True))
    rows = [
        against(f"small net as trained here, {how}, against channels first",
                "3,200 against 742 on a processor with bfloat16", keeping(small(bf16=bf16)), first),
        against("small net: channels last alone, against channels first", "-", several(small(copies=True)), first),
        against("small net: ReLU in place, against not", "-", several(small()), several(small(copies=True))),
        against("small net: freed memory kept, against given back", "-", keeping(small()), several(small())),
        against(f"small net: bfloat16 against float32 (hardware: {cpu_multiplies_bf16()})", "-",
                keeping(small(bf16=True, size=batch // 8)), keeping(small(size=batch // 8)), size=batch // 8),
        against("ResNet-18 of width 16 as trained here, float32, against channels first", "1,000",
                keeping(narrow(last=True)), several(narrow(last=False))),
        against("small net: `fit` end to end with views, against a loop written by hand", "-",
                fitted(STEPS * batch // 2, batch // 2), by_hand(STEPS * batch // 2, batch // 2)),
    ]  # fmt: skip
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        before = pool.apply(memory_of_imports)
        most = pool.apply(peak_memory, (batch,))
    return [
        *rows,
        row("peak memory of training the small net", most, "no rival", "MB", "stated"),
        row("of which before anything is trained", before, "no rival", "MB", "stated"),
    ]


def step(net: "torch.nn.Module", batch: int, *, last: bool = False, bf16: bool = False) -> Call:
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


def keeping(call: Call) -> Call:
    """Some steps with freed memory kept; the first of them still has to ask for it."""
    from pal.training import memory

    def kept() -> None:
        with memory.kept():
            several(call)()

    return kept


def several(call: Call) -> Call:
    """Some steps."""

    def steps() -> None:
        for _ in range(STEPS):
            call()

    return steps


def fitted(n_items: int, batch: int) -> Call:
    """A pass of :func:`pal.training.fit`."""
    from pal.builders import identity
    from pal.encoders.networks import SmallConvNet
    from pal.training import Settings, fit, simclr_views

    items, views = pictures_of(n_items), simclr_views((32, 32))
    settings = Settings(epochs=1, batch_size=batch, device="cpu")

    def call() -> None:
        fit(SmallConvNet(), items, identity(n_items), loss="simclr", views=views, settings=settings)

    return call


def by_hand(n_items: int, batch: int) -> Call:
    """The same pass as a loop in torch."""
    import torch
    from kornia import augmentation
    from torch.nn.functional import cross_entropy, normalize

    from pal.encoders.networks import SmallConvNet
    from pal.training import ProjectionHead

    items = torch.from_numpy(pictures_of(n_items).transpose(0, 3, 1, 2).copy())
    views = augmentation.AugmentationSequential(
        augmentation.RandomResizedCrop((32, 32), scale=(0.08, 1.0)),
        augmentation.RandomHorizontalFlip(),
        augmentation.ColorJitter(0.4, 0.4, 0.4, 0.1, p=0.8),
        augmentation.RandomGrayscale(p=0.2),
    )

    def call() -> None:
        net = torch.nn.Sequential(copied(SmallConvNet()), copied(ProjectionHead(128)))
        optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3)
        for rows in torch.randperm(n_items).reshape(-1, batch):
            x = items[rows].float() / 255
            z = normalize(net(torch.cat([views(x), views(x)])))
            logits = (z @ z.t() / 0.2).fill_diagonal_(-torch.inf)
            other = torch.arange(len(z)).roll(len(rows))
            optimizer.zero_grad()
            torch.autograd.backward(cross_entropy(logits, other))
            optimizer.step()

    return call


def pictures_of(n_items: int) -> "UInt8[ndarray, 'n 32 32 3']":
    """Pictures of bytes."""
    import numpy as np

    return np.random.default_rng(0).integers(0, 256, (n_items, 32, 32, 3), dtype=np.uint8)


def memory_of_imports() -> float:
    """MB that a process needs with everything imported that training takes."""
    import lightning_fabric  # noqa: F401

    from pal.encoders import networks  # noqa: F401
    from pal.training import simclr_views

    simclr_views((32, 32))  # imports kornia
    return peak()


def peak_memory(batch: int) -> float:
    """MB that a process needs for an epoch of ten steps."""
    import torch

    torch.set_num_threads(1)
    fitted(5 * batch, batch // 2)()
    return peak()


def peak() -> float:
    """Most MB that this process has held; the kernel's ``ru_maxrss`` would count its parent's too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
