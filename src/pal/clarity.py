"""Items that people cannot tell: blurred, of several kinds at once, or of a kind nobody there knows.

Definition. An item is clear or not, and "cannot tell" comes of either end of a pair: clear pairs are refused at a rate
δ, and of unclear ends a share ε is told all the same (a noisy-or). The posterior P(unclear) of each item is fitted by a
few rounds of mean-field updates,

    logit P(i unclear) = logit u + Σ over refused pairs (i, j) of −log(P(j unclear) + δ) − (pairs told) · log(1 / ε),

with u, the share of unclear items, re-estimated in each. So a page refused as a whole is put down to its template, and
a tile refused beside others that were told to itself.
"""

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from pal.answers import Answers

UNCLEAR = 0.5
"""Items more probably unclear than clear don't stand for a class, and are put forward as not told."""

HOPELESS = 0.9
"""Items this probably unclear aren't asked about any more: refused twice, say, and never told."""

# δ, and −log ε.
_REFUSED, _TOLD = 0.05, 2.5
# Share of unclear items before any answer, and how many items that weighs as much as.
_SHARE, _SHARES = 0.03, 30.0
_ROUNDS = 5


def unclear(silent: Answers, n_told: Int64[ndarray, " n_items"], /) -> Float[ndarray, " n_items"]:
    """Probability that people cannot tell an item, whatever it is compared with; O(N + refusals).

    Parameters
    ----------
    silent
        The answers "cannot tell" (:attr:`pal.answers.Answers.silent`).
    n_told
        (n_items,) pairs with each item that somebody told.
    """
    found = np.zeros(len(n_told))
    if not len(silent):
        return found
    items, at = np.unique([silent.template, silent.item], return_inverse=True)
    one, other = at.reshape(2, -1)
    told = _TOLD * n_told[items]
    share, probability = _SHARE, _posterior(_SHARE, -told)
    n_asked = int(np.count_nonzero(n_told)) + int(np.count_nonzero(n_told[items] == 0))
    for _ in range(_ROUNDS):
        blame = -np.log(np.minimum(probability + _REFUSED, 1.0))
        evidence = np.bincount(one, blame[other], len(items)) + np.bincount(other, blame[one], len(items))
        probability = _posterior(share, evidence - told)
        share = (_SHARE * _SHARES + float(probability.sum())) / (_SHARES + n_asked)
    found[items] = probability
    return found


def _posterior(prior: float, evidence: Float[ndarray, " q"]) -> Float[ndarray, " q"]:
    """Probability from a prior and log-odds; by hand, as servers load without scipy's special functions."""
    return 1.0 / (1.0 + (1.0 / prior - 1.0) * np.exp(-np.clip(evidence, -100.0, 100.0)))
