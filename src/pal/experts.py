"""Several opinions on the class of each item, and how far to trust each of them.

Definition. With q the beliefs about the items asked about, R_f the propagation of field f
(:mod:`pal.propagation`), and B the membership of items in communities, each community of one class, the expert (f, κ)
says of item i

    p_ic ∝ Σ_j R_f,ij q_jc + κ (k / n) B_ic,

with item i's own mass left out, and one more expert says that it could be anything. Weights w of the experts maximise
the likelihood of what the answers say about each item asked, the others given, Σ_i log Σ_e w_e Σ_c L_ic p_eic, with a
Dirichlet prior (stacking, Wolpert 1992, https://doi.org/10.1016/S0893-6080(05)80023-1). So scale, reach and the worth
of communities follow from the answers.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from pal.communities import Neighborhood

# Field and κ of each expert, and its share of the prior: the neighbour graph with its communities comes first.
_EXPERTS = (
    (0, 5.0, 4.0),
    (0, 1.0, 1.0),
    (0, 0.1, 1.0),
    (1, 1.0, 0.5),
    (1, 1e-2, 0.5),
    (2, 1e-2, 0.5),
    (2, 1e-5, 1.0),
)
# Prior share of "anything", and how many items the prior weighs as much as.
_ANYTHING, _PRIOR = 0.01, 3.0
_N_STEPS = 12
# Dimensions at which chains and neighbours are trusted alike before any answer.
_FEW = 3.0


class Seeds(NamedTuple):
    """Items asked about, what propagation carries between them (None: it isn't formed), and the fields."""

    near: Neighborhood
    items: Int64[ndarray, " t"]
    between: tuple[Float[ndarray, "t t"] | None, ...]


@dataclass(frozen=True, eq=False)
class Opinions:
    """P of each expert over some items, (e, m, c)."""

    probability: Float[ndarray, "e m c"]

    def mixed(self, weight: Float[ndarray, " e"]) -> Float[ndarray, "m c"]:
        """Mixture Σ_e w_e p_e."""
        e, m, c = self.probability.shape
        return (weight @ self.probability.reshape(e, m * c)).reshape(m, c)


def seeds(near: Neighborhood, items: Int64[ndarray, " t"], /) -> Seeds:
    """Gather what every round needs, O(t²) a field that is formed."""
    return Seeds(near, items, tuple(field.between(items) for field in near.fields))


def among(given: Seeds, belief: Float[ndarray, "t c"], communal: Float[ndarray, "n c"], /) -> Opinions:
    """Opinions on the seeds themselves, each from the others."""
    carried = []
    for field, between in zip(given.near.fields, given.between, strict=True):
        if between is None:
            spread = field.spread(given.items, belief)[given.items] - field.own[given.items, None] * belief
            carried.append(np.maximum(spread, 0.0))
        else:
            carried.append(np.asarray(between @ belief.astype(np.float32), dtype=np.float64))
    return _opinions(carried, communal[given.items])


def everywhere(given: Seeds, belief: Float[ndarray, "t c"], communal: Float[ndarray, "n c"], /) -> Opinions:
    """Opinions on all items."""
    return _opinions([field.spread(given.items, belief) for field in given.near.fields], communal)


def prior_weights(near: Neighborhood, /) -> Float[ndarray, " e"]:
    """Weights before any answer: chains of near items say more where items lie along few dimensions."""
    share = np.array([share for _, _, share in _EXPERTS])
    chained = np.array([f > 0 for f, _, _ in _EXPERTS])
    chains = 1.0 / (1.0 + (near.dimension / _FEW) ** 2)
    share = np.where(chained, chains * share / share[chained].sum(), (1.0 - chains) * share / share[~chained].sum())
    return np.append((1.0 - _ANYTHING) * share / share.sum(), _ANYTHING)


def weigh(
    opinions: Opinions, likelihood: Float[ndarray, "m c"], prior: Float[ndarray, " e"], /
) -> Float[ndarray, " e"]:
    """Weights of the experts by EM, O(e m c); ``likelihood`` is L, of any scale a row."""
    fit = np.einsum("emc,mc->me", opinions.probability, likelihood) + 1e-300
    weight = prior
    for _ in range(_N_STEPS):
        share = fit * weight
        share /= share.sum(axis=1, keepdims=True)
        weight = share.sum(axis=0) + _PRIOR * prior
        weight /= weight.sum()
    return weight


def by_field(weight: Float[ndarray, " e"], n_fields: int, /) -> Float[ndarray, " f"]:
    """Weight of each field, summing to 1."""
    field = np.array([f for f, _, _ in _EXPERTS])
    total = np.bincount(field, weights=weight[: len(field)], minlength=n_fields)
    return total / total.sum()


def _opinions(carried: list[Float[ndarray, "m c"]], communal: Float[ndarray, "m c"]) -> Opinions:
    m, c = communal.shape
    out = np.empty((len(_EXPERTS) + 1, m, c))
    for e, (f, kappa, _) in enumerate(_EXPERTS):
        np.add(carried[f], kappa * communal + 1e-30, out=out[e])
    out[-1] = 1.0
    out /= out.sum(axis=2, keepdims=True)
    return Opinions(out)
