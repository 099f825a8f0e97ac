"""The definitions, dense and slow, written from the formulas: what the losses are tested against."""

import torch
from torch import Tensor


def laplacian(z: Tensor, g: Tensor) -> Tensor:
    differences = (z[:, None] - z[None]).square().sum(-1)
    return (g * differences).sum() / 2


def covariance_terms(z: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    covariance = torch.cov(z.t())
    covariance = covariance.reshape(z.shape[1], z.shape[1])
    hinge = (1 - (covariance.diagonal() + epsilon).sqrt()).clamp(min=0).sum()
    return hinge, covariance.square().sum() - covariance.diagonal().square().sum()


def vicreg(z: Tensor, g: Tensor, *, coefficients=(25.0, 25.0, 1.0), epsilon=1e-4, n_views=1) -> Tensor:
    total = g.sum()
    invariance = 2 * laplacian(z, g) / total if total > 0 else z.sum() * 0
    terms = [covariance_terms(z[view::n_views], epsilon) for view in range(n_views)]
    hinge = sum(term[0] for term in terms) / n_views
    covariance = sum(term[1] for term in terms)
    a, b, c = coefficients
    return (a * invariance + b * hinge + c * covariance) / z.shape[1]


def vic2(z: Tensor, g: Tensor) -> Tensor:
    return (z @ z.t() - g).square().sum()


def simclr(z: Tensor, g: Tensor, *, temperature=0.5, include_self=False, positives="mean", reduction="mean") -> Tensor:
    unit = z / z.norm(dim=1, keepdim=True)
    logits = unit @ unit.t() / temperature
    itself = torch.eye(len(z), dtype=torch.bool)
    if not include_self:
        g = g.masked_fill(itself, 0)
        logits = logits.masked_fill(itself, -torch.inf)
    log_p = torch.log_softmax(logits, 1).masked_fill(itself & torch.tensor(not include_self), 0)
    rows = -(g * log_p).sum(1)
    weight = g.abs().sum(1)
    anchors = weight > 0
    if positives == "mean":
        rows = rows / weight.where(anchors, torch.ones_like(weight))
    rows = rows[anchors]
    return rows.sum() / max(len(rows), 1) if reduction == "mean" else rows.sum()


def barlow(z: Tensor, g: Tensor, *, redundancy=0.0051, epsilon=1e-5, center=True, normalize=True, n_views=1) -> Tensor:
    columns = torch.empty_like(z)
    for view in range(n_views):
        x = z[view::n_views]
        x = x - x.mean(0) if center else x
        columns[view::n_views] = x / (x.square().mean(0) + epsilon).sqrt() / len(z) ** 0.5
    if normalize:
        degrees = g.sum(1)
        root = torch.where(degrees > 0, degrees, torch.inf).rsqrt()
        g = root[:, None] * g * root
    c = columns.t() @ g @ columns
    off_diagonal = c.square().sum() - c.diagonal().square().sum()
    return (1 - c.diagonal()).square().sum() + redundancy * off_diagonal
