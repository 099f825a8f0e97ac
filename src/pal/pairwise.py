"""Each class against each other one: smooth kernel ridge regressions, coupled into opinions.

Definition. Ψ (n, k) are features of a Gaussian kernel so wide that it is nearly a polynomial of low degree. For classes
a and b, f_ab is the ridge regression of +1 (a) and −1 (b) on what was asked about of the two, item i with weight
w_i = q_ia + q_ib and target y_i = (q_ia − q_ib) ÷ w_i:

    f_ab = Ψ Ψ_Tᵀ α,    α = A⁻¹ y,    A = Ψ_T Ψ_Tᵀ + λ W⁻¹,

for each of two penalties λ: with the small one boundaries may be of any low degree, the larger one keeps them nearly
linear, which takes fewer items where that is right; answers say where (:mod:`pal.experts`).

Then p_ia ∝ 1 ÷ (1 + Σ_b exp(−β f_ab)), the softmax of scores where f_ab are differences of scores (Price et al. 1994,
https://papers.nips.cc/paper/1994/hash/210f760a89db30aa72ca258a3483cc7f-Abstract.html). Left out of its own fit, item i
has f_i = y_i − α_i ÷ (A⁻¹)_ii.

Against all the rest, a class between others is masked, as of rings each but two is (Hastie, Tibshirani and Friedman
2009, section 4.2); against one other a low degree tells it apart, from a handful of items.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from pal.ridge import kernel_features

# Values of λ; σ in root mean squares of the centred features, and features kept.
PENALTIES = (1e-4, 1e-2)
_BANDWIDTH, _FEATURES = 3.0, 128
# β, and |f| from which an item is no clearer.
_SHARP, _CLEAR = 6.0, 1.0
# More classes than these aren't compared: their pairs would take too long.
MANY = 24
# Steps of beliefs, so that pairs that they hardly moved needn't be fitted again; mass from which an item takes part.
_STEPS, _PART = 16, 2
# Items of a class that it takes to be told from others, and items of two classes that take part at most.
_FOUND, _AT_MOST = 0.5, 96


class Fit(NamedTuple):
    """One class against another, by penalty: coefficients Ψ_Tᵀ α, and f of the rows that took part, left out."""

    coefficients: Float[ndarray, "e k"]
    left_out: Float[ndarray, "e r"]


class Kept:
    """Fits of the last beliefs, by the items and answers that they are of: a page changes few of them."""

    def __init__(self) -> None:
        self.fits: dict[bytes, Fit] = {}


class Duels(NamedTuple):
    """Items asked about, by names that stay, their features Ψ_T, the fits of the beliefs before and of these, and λ."""

    name: Int64[ndarray, " t"]
    rows: Float[ndarray, "t k"]
    before: dict[bytes, Fit]
    fits: dict[bytes, Fit]
    penalties: tuple[float, ...]


def smooth_features(x: Float[ndarray, "n d"], /, *, rng: np.random.Generator) -> Float[ndarray, "n k"]:
    """Ψ, of at most 128 columns, float32; O(n m (d + k)) for m = 256 landmarks."""
    return kernel_features(x, bandwidth=_BANDWIDTH, n_most=_FEATURES, least=1e-9, rng=rng)


def duels(
    features: Float[ndarray, "n k"],
    items: Int64[ndarray, " t"],
    /,
    *,
    name: Int64[ndarray, " t"],
    kept: Kept,
    penalties: tuple[float, ...] = PENALTIES,
) -> Duels:
    """Features of items asked about, which are known by ``name`` the next time; no pair is fitted yet."""
    before, kept.fits = kept.fits, {}
    return Duels(name, features[items].astype(np.float64), before, kept.fits, penalties)


def among_asked(given: Duels, belief: Float[ndarray, "t c"], /) -> list[Float[ndarray, "t c"]]:
    """Opinion of each penalty on the items asked about, each from the others; O(t k) a pair, O(96² k) to fit it."""
    one, other, rows, fits = _pairs(given, belief)
    opinions = []
    for e in range(len(given.penalties)):
        f = given.rows @ _coefficients(fits, e, given.rows)
        for pair, (taking_part, fit) in enumerate(zip(rows, fits, strict=True)):
            f[taking_part, pair] = fit.left_out[e]
        opinions.append(_coupled(f, one, other, belief.shape[1]))
    return opinions


def on_all(
    given: Duels, features: Float[ndarray, "n k"], belief: Float[ndarray, "t c"], weight: Float[ndarray, " e"], /
) -> Float[ndarray, "n c"]:
    """Opinions of the penalties on all items, summed by weight; O(n k) a pair of classes and penalty of any weight."""
    one, other, _, fits = _pairs(given, belief)
    total = np.zeros((len(features), belief.shape[1]))
    for e in np.flatnonzero(weight):
        f = features @ _coefficients(fits, int(e), features)
        total += weight[e] * _coupled(f, one, other, belief.shape[1])
    return total


def _pairs(
    given: Duels, belief: Float[ndarray, "t c"]
) -> tuple[Int64[ndarray, " p"], Int64[ndarray, " p"], list[Int64[ndarray, " r"]], list[Fit]]:
    """All pairs of classes of which anything was found, if not too many; who takes part in each, and its fit."""
    mass = np.ascontiguousarray(np.rint(belief * _STEPS).T)
    found = np.flatnonzero(mass.sum(axis=1) >= _FOUND * _STEPS)
    high, low = np.tril_indices(len(found) if len(mass) <= MANY else 0, -1)
    one, other = found[high], found[low]
    rows = [_taking_part(mass[a] + mass[b]) for a, b in zip(one, other, strict=True)]
    fits = [_fit(given, r, mass[a, r], mass[b, r]) for a, b, r in zip(one, other, rows, strict=True)]
    return one, other, rows, fits


def _coefficients(fits: list[Fit], penalty: int, like: Float[ndarray, "m k"]) -> Float[ndarray, "k p"]:
    """Coefficients of all pairs, a column each, as precise as the features."""
    columns = np.array([fit.coefficients[penalty] for fit in fits], dtype=like.dtype)
    return columns.reshape(len(fits), like.shape[1]).T


def _taking_part(mass: Float[ndarray, " t"]) -> Int64[ndarray, " r"]:
    """Items with enough of two classes, spread evenly over all such if they are too many."""
    rows = np.flatnonzero(mass >= _PART)
    if len(rows) <= _AT_MOST:
        return rows
    return rows[np.linspace(0, len(rows) - 1, _AT_MOST).astype(np.int64)]


def _fit(given: Duels, rows: Int64[ndarray, " r"], one: Float[ndarray, " r"], other: Float[ndarray, " r"]) -> Fit:
    """Regression of one class against another, unless it is there already."""
    parts = (np.array(given.penalties), given.name[rows], one, other)
    key = b"".join(part.tobytes() for part in parts)
    fit = given.fits.get(key) or given.before.get(key)
    if fit is None:
        psi, share = given.rows[rows], _STEPS / (one + other)
        kernel, target = psi @ psi.T, (one - other) / (one + other)
        inverse = np.linalg.inv(kernel + np.array(given.penalties)[:, None, None] * np.diag(share))
        alpha = inverse @ target
        fit = Fit(alpha @ psi, target - alpha / np.diagonal(inverse, axis1=1, axis2=2))
    given.fits[key] = fit
    return fit


def _coupled(
    f: Float[ndarray, "m p"], one: Int64[ndarray, " p"], other: Int64[ndarray, " p"], n_classes: int
) -> Float[ndarray, "m c"]:
    """Distributions 1 ÷ (1 + Σ exp(−β f)); a class of which nothing was found is as probable as the others' mean."""
    odds = np.exp(_SHARP * np.clip(f, -_CLEAR, _CLEAR))
    every = np.eye(n_classes)
    against = 1.0 + (1.0 / odds) @ every[one] + odds @ every[other]
    opinion = 1.0 / against
    known = np.isin(np.arange(n_classes), [one, other])
    if known.any():
        opinion[:, ~known] = np.exp(-np.log(against[:, known]).mean(axis=1, keepdims=True))
    return np.asarray(opinion / opinion.sum(axis=1, keepdims=True), dtype=np.float64)
