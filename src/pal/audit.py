"""How wrong the labels still are, from a random audit, and when to stop.

Definition. An *audit* asks a person about items drawn at random, whatever the model thinks of them. Of n audited
labels k were wrong; the error rate has the Clopper-Pearson interval, which covers the truth at least as often as it
says, for every n and every rate (https://doi.org/10.1093/biomet/26.4.404). The model's own confidence takes no part.

An interval that is looked at again and again, to stop at the first that pleases, is wrong more often than it says. Then
*anytime* holds: the rates p whose likelihood isn't 1/α times smaller than that of a Beta mixture, at every n at once
with probability 1 − α (Ville's inequality; Robbins 1970, https://doi.org/10.1214/aoms/1177696786).

*What is left*: the audit says how many labels are wrong, doubt says which. A label of doubt d is taken to be wrong with
probability d^γ, with the γ at which the mean of these is the audited rate.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64, Integer
from numpy import ndarray

from pal.errors import InvalidInputError

# Beta(a, b) mixture of the anytime interval: centred at an error rate of a few per cent, where audits end.
_MIXTURE = (1.0, 20.0)
# How far doubt may be from the share that is wrong: |log γ|.
_GAMMA = 5.0


@dataclass(frozen=True)
class Audit:
    """Error rate from ``n_audited`` random items, ``n_wrong`` of them wrong, with its interval [low, high]."""

    n_audited: int
    n_wrong: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Share found wrong; NaN before the first."""
        return self.n_wrong / self.n_audited if self.n_audited else float("nan")


def audit(n_audited: int, n_wrong: int, /, *, confidence: float = 0.95, anytime: bool = False) -> Audit:
    """Interval of the error rate.

    Parameters
    ----------
    n_audited, n_wrong
        Items audited, and those found wrong.
    confidence
        How often the interval covers the truth, at least.
    anytime
        Whether it is looked at after any number of items, to stop when it pleases; it is wider then. By default it is
        that of Clopper and Pearson, for a number of items fixed before.

    Raises
    ------
    InvalidInputError
        If the counts don't fit, or the confidence isn't between 0 and 1.
    """
    from scipy.stats import beta

    if not 0 <= n_wrong <= n_audited:
        raise InvalidInputError(f"expected 0 <= n_wrong <= n_audited, got {n_wrong} of {n_audited}; count them again")
    if not 0.0 < confidence < 1.0:
        raise InvalidInputError(f"confidence must lie between 0 and 1, got {confidence}; 0.95 is usual")
    if anytime:
        return Audit(n_audited, n_wrong, *_anytime(n_audited, n_wrong, 1.0 - confidence))
    tail = (1.0 - confidence) / 2.0
    low = float(beta.ppf(tail, n_wrong, n_audited - n_wrong + 1)) if n_wrong else 0.0
    high = float(beta.ppf(1.0 - tail, n_wrong + 1, n_audited - n_wrong)) if n_wrong < n_audited else 1.0
    return Audit(n_audited, n_wrong, low, high)


def _anytime(n: int, k: int, alpha: float) -> tuple[float, float]:
    """Rates p with log of mixture ÷ likelihood below log 1/α, an interval about k/n."""
    from scipy.optimize import brentq
    from scipy.special import betaln, xlog1py, xlogy

    a, b = _MIXTURE
    mixture = float(betaln(k + a, n - k + b) - betaln(a, b))

    def surprise(p: float) -> float:
        return mixture - float(xlogy(k, p) + xlog1py(n - k, -p)) + np.log(alpha)

    tiny, rate = 1e-12, k / n if n else 0.5
    low = float(brentq(surprise, tiny, rate)) if k and surprise(tiny) > 0 else 0.0
    high = float(brentq(surprise, rate, 1.0 - tiny)) if k < n and surprise(1.0 - tiny) > 0 else 1.0
    return low, high


def audit_sample(free: Bool[ndarray, " n"], n_wanted: int, /, *, rng: np.random.Generator) -> Int64[ndarray, " m"]:
    """Items to audit, drawn at random without replacement among the ``free`` ones: all may be, whatever is believed."""
    items = np.flatnonzero(free)
    return rng.choice(items, min(n_wanted, len(items)), replace=False)


def n_to_audit(error: float, /, *, confidence: float = 0.95) -> int:
    """Items to audit, all found right, until the interval lies below ``error``: ln(tail) ÷ ln(1 − error)."""
    if not 0.0 < error < 1.0:
        raise InvalidInputError(f"error must lie between 0 and 1, got {error}; 0.02 is two in a hundred")
    return int(np.ceil(np.log((1.0 - confidence) / 2.0) / np.log1p(-error)))


def n_to_ask(doubt: Float[ndarray, " m"], rate: float, allowed: float, /) -> int:
    """Items to ask about, the most doubtful first, until no more than a share of all is wrong; O(m log m).

    Parameters
    ----------
    doubt
        1 − confidence of each label, in 0..1.
    rate
        Share of them that is wrong, as audited.
    allowed
        Share that may stay wrong.

    Raises
    ------
    InvalidInputError
        If the rate doesn't lie between 0 and 1.
    """
    from scipy.optimize import brentq

    if not 0.0 < rate < 1.0:
        raise InvalidInputError(
            f"the rate must lie between 0 and 1, got {rate}; an audit of n finds about 1 / n at least"
        )
    if rate <= allowed or not len(doubt):
        return 0
    worst_first = np.sort(np.asarray(doubt, dtype=np.float64))[::-1]

    def excess(log_gamma: float) -> float:
        return float((worst_first ** np.exp(log_gamma)).mean()) - rate

    ends = (-_GAMMA, _GAMMA)
    gamma = np.exp(brentq(excess, *ends) if excess(ends[0]) > 0 > excess(ends[1]) else ends[int(excess(0.0) > 0)])
    wrong = worst_first**gamma
    left = wrong.sum() - np.cumsum(wrong)
    return int((left > allowed * len(doubt)).sum()) + 1


def wrong_labels(label: Integer[ndarray, " m"], audited: Integer[ndarray, " m"], /) -> int:
    """Audited items whose label isn't the auditor's."""
    return int((np.asarray(label) != np.asarray(audited)).sum())
