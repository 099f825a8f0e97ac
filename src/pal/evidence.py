"""What answers say about items, when some of them are wrong.

Definition. Of two items a and b with v₊ votes alike and v₋ unlike, and a share ε of wrong answers, the likelihood is
(1 − ε)^v₊ ε^v₋ if they are of one class, and ε^v₊ (1 − ε)^v₋ if not. With q_b the belief about b, the *message* to a is
its logarithm for each class a may be of: log(q_bc · same + (1 − q_bc) · differ).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy import ndarray
from scipy.sparse import csr_array
from scipy.special import softmax

from pal.knowledge import Knowledge

# Shares of wrong answers to choose from, and what is expected before any answer.
_ERRORS = np.array([1e-3, 3e-3, 0.01, 0.02, 0.04, 0.07, 0.1, 0.14, 0.2, 0.3])
EXPECTED_ERROR = 0.03
# Prior on ε, as so many right answers.
_TRUST = 80.0


class Evidence(NamedTuple):
    """Items that answers are about, (t,), and votes on pairs of them, ends as rows 0..t − 1."""

    item: Int64[ndarray, " t"]
    a: Int64[ndarray, " p"]
    b: Int64[ndarray, " p"]
    alike: Float[ndarray, " p"]
    unlike: Float[ndarray, " p"]

    def sums(self) -> csr_array:
        """(t, 2p) matrix that adds what a column of messages, to all a and then to all b, says about each item."""
        ends = np.concatenate([self.a, self.b])
        entries = (np.ones(len(ends)), (ends, np.arange(len(ends))))
        return csr_array(entries, shape=(len(self.item), len(ends)))


def gather(knowledge: Knowledge, /) -> Evidence:
    """All votes, and the items that name classes; O(votes)."""
    counts = knowledge.votes.all()
    ends = knowledge.votes.ends(counts.key)
    item = np.unique(np.r_[ends.ravel(), np.asarray(knowledge.classes, dtype=np.int64)])
    a, b = np.searchsorted(item, ends).T
    return Evidence(item, a, b, counts.alike * 1.0, counts.unlike * 1.0)


def log_likelihoods(evidence: Evidence, error: float, /) -> tuple[Float[ndarray, " p"], Float[ndarray, " p"]]:
    """Log-likelihood of the votes on each pair if its ends are of one class, and if not."""
    right, wrong = np.log1p(-error), np.log(error)
    return (
        evidence.alike * right + evidence.unlike * wrong,
        evidence.alike * wrong + evidence.unlike * right,
    )


def messages(evidence: Evidence, belief: Float[ndarray, "t c"], error: float, /) -> Float[ndarray, "2p c"]:
    """Messages to the ends a of all pairs, then to the ends b."""
    log_same, log_differ = log_likelihoods(evidence, error)
    other = belief[np.concatenate([evidence.b, evidence.a])]
    top = np.maximum(log_same, log_differ)
    ratio = np.tile(np.exp(log_same - top) - np.exp(log_differ - top), 2)[:, None]
    floor = np.tile(np.exp(log_differ - top), 2)[:, None]
    return np.log(np.maximum(other * ratio + floor, 1e-300)) + np.tile(top, 2)[:, None]


def estimate_error(
    evidence: Evidence,
    sums: csr_array,
    belief: Float[ndarray, "t c"],
    prior: Float[ndarray, "t c"],
    fixed: Bool[ndarray, " t"],
    /,
) -> float:
    """Posterior mean of ε by the likelihood of all answers about each item, with a prior of ``_TRUST`` right answers.

    ``prior`` is what the features say of each item, ``fixed`` are items whose class is given. An item that the features
    got wrong and the answers agree on speaks against the features; only answers that contradict one another, or all
    that was expected, speak for ε. The mean, not the mode: while few answers could contradict one another, ε might be
    more than it seems.
    """
    free = ~fixed
    a, b = evidence.a, evidence.b
    share = np.tile(1.0 / np.maximum(free[a].astype(float) + free[b], 1.0), 2)
    count = np.maximum(sums.sum(axis=1), 1.0)
    halves = np.where(free, (sums @ share) / count, 0.0)
    # Two fixed items are of different classes.
    between = fixed[a] & fixed[b]
    wrong, right = float(evidence.alike[between].sum()), float(evidence.unlike[between].sum())
    fit = (_TRUST + right) * np.log1p(-_ERRORS) + wrong * np.log(_ERRORS)
    for j, error in enumerate(_ERRORS.tolist()):
        score = sums @ messages(evidence, belief, error)
        top = score.max(axis=1, initial=-np.inf, keepdims=True)
        fit[j] += halves @ (np.log((np.exp(score - top) * prior).sum(axis=1) + 1e-300) + top[:, 0])
    return float(softmax(fit) @ _ERRORS)
