"""Several opinions on the class of each item, and how far to trust each of them.

Definition. With q the beliefs about the items asked about, R_f the propagation of field f (:mod:`pal.propagation`), B
the membership of items in communities, each community of one class, and S the scores of a ridge regression
(:mod:`pal.ridge`), an expert (f, κ, power, β) says of item i

    p_ic ∝ (Σ_j R_f,ij q_jc + κ (k / n) B_ic) ^ power · exp(β S_ic),

with item i's own mass left out. Two more compare each two classes (:mod:`pal.pairwise`), and one says that it could be
anything. Weights w of the experts maximise the likelihood of what the answers say about each item asked, the others
given, Σ_i log Σ_e w_e Σ_c L_ic p_eic, with a Dirichlet prior (stacking, Wolpert 1992,
https://doi.org/10.1016/S0893-6080(05)80023-1). So scale, reach, the worth of communities, and how sure to be at all
(power, β, :func:`sharpness`) follow from the answers.

Which items are asked about is chosen, a page at a time about one class, so how often a class was found says nothing of
its size. What is carried from the n_c items found of class c counts (π_c Σ n + a) ÷ (n_c + a) times, π_c its share of
all items by the communities; and in Σ_i an item counts in inverse proportion to n_c + a.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray
from scipy.special import softmax

from pal.communities import Neighborhood
from pal.pairwise import MANY, PENALTIES, Duels, among_asked, duels, on_all
from pal.ridge import Hat, hat, left_out, scores


class _Expert(NamedTuple):
    field: int
    communities: float
    power: int
    ridge: float
    share: float


# The neighbour graph with its communities comes first.
_EXPERTS = (
    _Expert(0, 5.0, 1, 0.0, 2.0),
    _Expert(0, 5.0, 2, 0.0, 2.0),
    _Expert(0, 1.0, 1, 0.0, 0.5),
    _Expert(0, 1.0, 2, 0.0, 0.5),
    _Expert(0, 0.1, 2, 0.0, 0.5),
    _Expert(0, 1.0, 1, 6.0, 0.5),
    _Expert(0, 0.1, 1, 6.0, 0.5),
    _Expert(0, 0.1, 2, 10.0, 0.5),
    _Expert(1, 1.0, 1, 0.0, 0.5),
    _Expert(1, 1e-2, 2, 0.0, 0.25),
    _Expert(1, 1e-2, 2, 6.0, 0.25),
    _Expert(2, 1e-2, 1, 0.0, 0.5),
    _Expert(2, 1e-5, 1, 0.0, 0.5),
    _Expert(2, 1e-5, 2, 0.0, 0.5),
)
# Shares of the experts that compare each two classes, by penalty, which come after these.
_PAIRWISE = (1.0, 0.5)
# Prior share of "anything" where items lie along many dimensions, and along few, as chains and smooth boundaries are
# sure of what they don't know; and how many items the prior weighs as much as.
_ANYTHING, _ALONG_FEW, _PRIOR = 0.01, 0.06, 3.0
_N_STEPS = 12
# Dimensions at which chains and neighbours are trusted alike before any answer.
_FEW = 3.0
# Least share of a class before it is squared.
_LEAST = 1e-4
# Experts of less weight aren't heard on all items.
_SILENT = 1e-3
# Items of each class that are taken to be asked about besides, so that the first one isn't all there is: a.
_BESIDES = 1.0
# Powers that are tried, as logarithms, and what the square of one costs in log-likelihood: few answers say little.
_POWERS, _AS_IS = np.linspace(-0.7, 1.6, 24), 5.0


class Seeds(NamedTuple):
    """Items asked about, what propagation carries between them (None: it isn't formed), and the regressions."""

    near: Neighborhood
    items: Int64[ndarray, " t"]
    between: tuple[Float[ndarray, "t t"] | None, ...]
    ridge: Hat
    pairwise: Duels


def seeds(near: Neighborhood, items: Int64[ndarray, " t"], /, *, clash: bool = False) -> Seeds:
    """Gather what every round needs, O(t²) a field that is formed and O(t m²) for m ridge features."""
    between = tuple(field.between(items) for field in near.fields)
    pairwise = duels(
        near.smooth, items, name=near.name(items), kept=near.kept, penalties=PENALTIES[: _n_pairwise(clash=clash)]
    )
    return Seeds(near, items, between, hat(near.ridge, items), pairwise)


def among(given: Seeds, belief: Float[ndarray, "t c"], communal: Float[ndarray, "n c"], /) -> Float[ndarray, "e t c"]:
    """Opinions on the seeds themselves, each from the others."""
    carried = []
    for field, between in zip(given.near.fields, given.between, strict=True):
        if between is None:
            spread = field.spread(given.items, belief)[given.items] - field.own[given.items, None] * belief
            carried.append(np.maximum(spread, 0.0))
        else:
            carried.append(np.asarray(between @ belief.astype(np.float32), dtype=np.float64))
    even = _evenly(belief.sum(axis=0) - belief, belief, communal)
    carried = [of_field * even for of_field in carried]
    opinions = _opinions(carried, communal[given.items], left_out(given.ridge, belief))
    return np.stack([*opinions, *among_asked(given.pairwise, belief), _anything(belief.shape)])


def everywhere(
    given: Seeds, belief: Float[ndarray, "t c"], communal: Float[ndarray, "n c"], weight: Float[ndarray, " e"], /
) -> Float[ndarray, "n c"]:
    """Mixture of the opinions on all items, Σ_e w_e p_e."""
    even = _evenly(belief.sum(axis=0), belief, communal)
    carried = [field.spread(given.items, belief) * even for field in given.near.fields]
    weight = np.where(weight >= _SILENT, weight, 0.0)
    heard, pairwise, anything = np.split(weight, [len(_EXPERTS), len(weight) - 1])
    opinions = _opinions(carried, communal, scores(given.ridge, given.near.ridge, belief), heard.tolist())
    total = anything * _anything(communal.shape)
    for share, opinion in zip([share for share in heard if share], opinions, strict=True):
        total += share * opinion
    if pairwise.any():
        total += on_all(given.pairwise, given.near.smooth, belief, pairwise)
    return total / weight.sum()


def prior_weights(near: Neighborhood, n_classes: int, /, *, clash: bool = False) -> Float[ndarray, " e"]:
    """Weights before any answer: chains and smooth boundaries say more where items lie along few dimensions.

    Of too many classes pairs aren't compared.
    """
    pairwise = np.array(_PAIRWISE[: _n_pairwise(clash=clash)]) * (n_classes <= MANY)
    share = np.array([*(expert.share for expert in _EXPERTS), *pairwise])
    few = np.array([*(expert.field > 0 for expert in _EXPERTS), *(True for _ in pairwise)])
    part = 1.0 / (1.0 + (near.dimension / _FEW) ** 2)
    share = np.where(few, part * share / share[few].sum(), (1.0 - part) * share / share[~few].sum())
    anything = part * _ALONG_FEW + (1.0 - part) * _ANYTHING
    return np.append((1.0 - anything) * share / share.sum(), anything)


def _n_pairwise(*, clash: bool) -> int:
    """Experts that compare pairs of classes: nearly linear boundaries aren't drawn where answers ``clash``.

    With one answer in ten wrong, a few more classes were left than there are.
    """
    return 1 if clash else len(_PAIRWISE)


def weigh(
    opinions: Float[ndarray, "e m c"], likelihood: Float[ndarray, "m c"], prior: Float[ndarray, " e"], /
) -> Float[ndarray, " e"]:
    """Weights of the experts by EM, O(e m c); ``likelihood`` is L, of any scale a row."""
    fit = (opinions * likelihood).sum(axis=2).T + 1e-300
    times = _times(likelihood)[:, None]
    weight = prior
    for _ in range(_N_STEPS):
        share = fit * weight
        share *= times / share.sum(axis=1, keepdims=True)
        weight = share.sum(axis=0) + _PRIOR * prior
        weight /= weight.sum()
    return weight


def sharpness(opinion: Float[ndarray, "m c"], likelihood: Float[ndarray, "m c"], /) -> float:
    """Power γ at which opinion^γ, summing to 1, foretells best what answers say of items asked about; O(m c).

    Platt's scaling of many classes by one number (Guo et al. 2017, https://proceedings.mlr.press/v70/guo17a.html), but
    on answers instead of a set of labels kept back.
    """
    if not opinion.size:
        return 1.0
    logs, times = np.log(np.maximum(opinion, 1e-12)), _times(likelihood)
    fit = [
        float(times @ np.log((softmax(np.exp(power) * logs, axis=1) * likelihood).sum(axis=1) + 1e-300))
        - _AS_IS * power**2
        for power in _POWERS
    ]
    return float(np.exp(_POWERS[int(np.argmax(fit))]))


def by_field(weight: Float[ndarray, " e"], n_fields: int, /) -> Float[ndarray, " f"]:
    """Weight of each field, summing to 1, also where none is left to those that go by fields."""
    field = np.array([expert.field for expert in _EXPERTS])
    total = np.bincount(field, weights=weight[: len(field)] + 1e-12, minlength=n_fields)
    return total / total.sum()


def _evenly(
    found: Float[ndarray, "*m c"], belief: Float[ndarray, "t c"], communal: Float[ndarray, "n c"]
) -> Float[ndarray, "*m c"]:
    """How much more what is carried from each class should count, for the number ``found`` of it."""
    size = communal.sum(axis=0) + 1.0
    return (size / size.sum() * belief.sum() + _BESIDES) / (found + _BESIDES)


def _times(likelihood: Float[ndarray, "m c"]) -> Float[ndarray, " m"]:
    """How often each item counts, 1 in the mean: in inverse proportion to how many answers found of its class."""
    share = likelihood / likelihood.sum(axis=1, keepdims=True)
    times = share @ (1.0 / (share.sum(axis=0) + _BESIDES))
    return np.asarray(times / times.mean()) if len(times) else times


def _opinions(
    carried: list[Float[ndarray, "m c"]],
    communal: Float[ndarray, "m c"],
    score: Float[ndarray, "m c"],
    heard: list[float] | None = None,
) -> Iterator[Float[ndarray, "m c"]]:
    """Opinion of each expert that goes by fields in turn, those of no weight left out."""
    lift = {
        beta: np.exp(beta * (score - score.max(axis=1, initial=0.0, keepdims=True)))
        for beta in {expert.ridge for expert in _EXPERTS if expert.ridge}
    }
    for e, (f, kappa, power, beta, _) in enumerate(_EXPERTS):
        if heard is not None and not heard[e]:
            continue
        opinion = carried[f] + (kappa * communal + 1e-30)
        if power == 2:
            opinion /= opinion.sum(axis=1, keepdims=True)
            opinion += _LEAST
            opinion *= opinion
        if beta:
            opinion *= lift[beta]
        opinion /= opinion.sum(axis=1, keepdims=True)
        yield opinion


def _anything(shape: tuple[int, int]) -> Float[ndarray, "m c"]:
    return np.full(shape, 1.0 / max(shape[1], 1))
