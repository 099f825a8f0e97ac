"""What the losses are measured against: dense forms, and the packages people use."""

import importlib
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from pal.builders import from_labels, from_views

Loss = Callable[..., Tensor]


def ten_classes(n: int) -> np.ndarray:
    """Labels at random."""
    return np.random.default_rng(0).integers(0, 10, n)


def dense_vic2(n: int) -> Loss:
    """‖ZZᵀ − G‖² as written, on the two-view graph."""
    graph = torch.from_numpy(from_views(n // 2, 2).to_dense()).float()
    return lambda z: torch.nn.functional.mse_loss(z @ z.t(), graph, reduction="sum")


def listed_pairs(n: int) -> Loss:
    """VICReg as in the paper's appendix C.1: pairs listed, squared differences formed; its terms scaled as ours."""
    graph = torch.from_numpy(from_labels(ten_classes(n)).to_dense()).float()

    def loss(z: Tensor) -> Tensor:
        i, j = graph.nonzero(as_tuple=True)
        invariance = torch.nn.functional.mse_loss(z[i], z[j])
        covariance = torch.cov(z.t())
        off_diagonal = covariance - torch.diag(covariance.diagonal())
        hinge = torch.relu(1 - (covariance.diagonal() + 1e-4).sqrt()).mean()
        return 25 * invariance + 25 * hinge + off_diagonal.square().sum() / z.shape[1]

    return loss


def lightly(name: str) -> Callable[[int], Loss]:
    """A two-view loss of lightly."""

    def build(_: int) -> Loss:
        # lightly imports torchvision, which expects operators that a CPU build of torch lacks.
        for operator in ("nms", "qnms"):
            if not hasattr(torch.ops.torchvision, operator):
                torch.library.define(
                    f"torchvision::{operator}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
                )
        loss: Loss = getattr(importlib.import_module("lightly.loss"), name)()
        return loss

    return build


def supcon(n: int) -> Loss:
    """pytorch-metric-learning's SupConLoss, two views of an item being a class."""
    labels = torch.arange(n // 2).repeat_interleave(2)
    loss = importlib.import_module("pytorch_metric_learning.losses").SupConLoss(temperature=0.5)
    return lambda z: loss(z, labels)
