"""What answers say about items, when some of them are wrong.

Definition. Labeler l finds a pair of one class alike with probability α_l, the *sensitivity*, and a pair of two classes
unlike with probability β_l, the *specificity*. What everybody said of a pair has the likelihood Π_l P(answer | same) if
its ends are of one class, and Π_l P(answer | differ) if not. With q_b the belief about b, the *message* to a is its
logarithm for each class a may be of: log(q_bc · same + (1 − q_bc) · differ). With s_cd the probability that two classes
are one, an answer "unlike" speaks against all that may be one with b's class: q_bc + Σ_d q_bd s_cd is put for q_bc.

A person asked twice about a pair says the same again; what they took back cancels.

Source: two classes and the errors of each person, as Dawid and Skene (1979), https://doi.org/10.2307/2346806, but the
pairs are tied by the beliefs about their ends.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy import ndarray
from scipy.sparse import csr_array
from scipy.special import expit, logit

from pal.beliefs import EXPECTED_ERROR
from pal.knowledge import Knowledge

# How many answers the share of wrong ones expected before any weighs as much as.
_TRUST = 80.0
# How many wrong answers the error of all weighs as much as in how often people miss, and wrongly say alike; and what is
# known of people in general in what is known of each. Nobody is taken to be wrong always.
_ALIKE_WAYS, _ALIKE_PEOPLE, _WORST = 10.0, 2.0, 0.99
# Steps towards the likeliest rates, given the beliefs; and how sure a pair may be before its votes.
_STEPS, _SURE = 5, 1e-6
_NONE = np.zeros(0, dtype=np.int64)


class Evidence(NamedTuple):
    """Items that answers are about, (t,), pairs of them, ends as rows 0..t − 1, and who said what of each pair.

    Ballot r, by ``labeler[who[r]]``, is about pair ``pair[r]``: ``vote[r]`` times alike, or −``vote[r]`` times unlike.
    ``clash`` says whether any answers contradict one another.
    """

    item: Int64[ndarray, " t"]
    a: Int64[ndarray, " p"]
    b: Int64[ndarray, " p"]
    pair: Int64[ndarray, " v"]
    who: Int64[ndarray, " v"]
    vote: Float[ndarray, " v"]
    labeler: Int64[ndarray, " l"]
    clash: bool = False

    @property
    def ends(self) -> Int64[ndarray, " ends"]:
        """Rows of all a, then of all b."""
        return np.concatenate([self.a, self.b])

    @property
    def others(self) -> Int64[ndarray, " ends"]:
        """Row that each of the ``ends`` was compared with."""
        return np.concatenate([self.b, self.a])

    @property
    def asked(self) -> Bool[ndarray, " t"]:
        """Whether an answer is about each item, which may just name a class."""
        return np.bincount(self.ends, minlength=len(self.item)) > 0

    def sums(self) -> csr_array:
        """(t, ends) matrix that adds what a column of messages, one to each of the ends, says about each item."""
        ends = self.ends
        entries = (np.ones(len(ends)), (ends, np.arange(len(ends))))
        return csr_array(entries, shape=(len(self.item), len(ends)))

    def n_said(self, *, alike: bool) -> Float[ndarray, " ends"]:
        """Answers "alike", or "unlike", on the pair of each of the ends."""
        return np.tile(self.of_pairs(np.maximum(self.vote if alike else -self.vote, 0.0)), 2)

    def of_pairs(self, of_ballot: Float[ndarray, " v"], /) -> Float[ndarray, " p"]:
        """Sum over the ballots about each pair."""
        # Of no ballots at all the counts are integers.
        return np.bincount(self.pair, of_ballot, len(self.a)) * 1.0


class Rates(NamedTuple):
    """How often each labeler is wrong, (l,), and all together.

    ``miss`` is 1 − sensitivity, of pairs of one class; ``alarm`` 1 − specificity, of pairs of two; ``error`` the share
    of all answers.
    """

    miss: Float[ndarray, " l"]
    alarm: Float[ndarray, " l"]
    error: float


def gather(knowledge: Knowledge, named: Int64[ndarray, " m"] = _NONE, /) -> Evidence:
    """All ballots, and the items that name classes, those of ``knowledge`` and others; O(votes)."""
    key, said = knowledge.votes.all().key, knowledge.ballots.all()
    ends = knowledge.votes.ends(key)
    item = np.unique(np.r_[ends.ravel(), np.asarray(knowledge.classes, dtype=np.int64), named])
    a, b = np.searchsorted(item, ends).T
    labeler, who = np.unique(knowledge.ballots.labeler(said.key), return_inverse=True)
    pair = np.searchsorted(key, knowledge.ballots.pair(said.key))
    vote = (said.alike - said.unlike) * 1.0
    return Evidence(item, a, b, pair, who, vote, labeler, knowledge.clash)


def expected_rates(evidence: Evidence, /) -> Rates:
    """What is expected of people before they answer."""
    each = np.full(len(evidence.labeler), EXPECTED_ERROR)
    return Rates(each, each, EXPECTED_ERROR)


def log_likelihoods(evidence: Evidence, rates: Rates, /) -> tuple[Float[ndarray, " p"], Float[ndarray, " p"]]:
    """Log-likelihood of the votes on each pair if its ends are of one class, and if not."""
    who, times = evidence.who, np.abs(evidence.vote)
    alike = evidence.vote > 0
    same = times * np.where(alike, np.log1p(-rates.miss)[who], np.log(rates.miss)[who])
    differ = times * np.where(alike, np.log(rates.alarm)[who], np.log1p(-rates.alarm)[who])
    return evidence.of_pairs(same), evidence.of_pairs(differ)


def messages(
    evidence: Evidence, belief: Float[ndarray, "t c"], rates: Rates, one: Float[ndarray, "c c"], /
) -> Float[ndarray, "ends c"]:
    """Messages to the ends a of all pairs, then to the ends b; ``one`` is s, 0 on the diagonal.

    Without s, what was denied a class would go to another that a person has found alike with it.
    """
    log_same, log_differ = log_likelihoods(evidence, rates)
    others, unlike = evidence.others, np.tile(log_same < log_differ, 2)
    other = belief[others]
    other[unlike] = np.minimum(belief + belief @ one, 1.0)[others[unlike]]
    top = np.maximum(log_same, log_differ)
    ratio = np.tile(np.exp(log_same - top) - np.exp(log_differ - top), 2)[:, None]
    floor = np.tile(np.exp(log_differ - top), 2)[:, None]
    return np.log(np.maximum(other * ratio + floor, 1e-300)) + np.tile(top, 2)[:, None]


def of_one_class(
    one: Float[ndarray, "p c"], other: Float[ndarray, "p c"], merge: Float[ndarray, "c c"], /
) -> Float[ndarray, " p"]:
    """Probability that both ends of each pair are of one class, by beliefs about each and that two classes are one."""
    return (one @ (merge + np.eye(len(merge))) * other).sum(axis=1)


def estimate_rates(evidence: Evidence, same: Float[ndarray, " p"], rates: Rates, /) -> Rates:
    """Rates that make the answers likeliest, each held to those of people in general; O(ballots).

    ``same`` is the probability that each pair is of one class by all but its own votes: so an answer that everything
    else speaks against is wrong, and one that nothing else speaks of says nothing about who gave it.
    """
    n_people, who, times = len(evidence.labeler), evidence.who, np.abs(evidence.vote)
    alike = evidence.vote > 0
    before = logit(np.clip(same, _SURE, 1.0 - _SURE))
    chosen = 0.0
    for _ in range(_STEPS):
        log_same, log_differ = log_likelihoods(evidence, rates)
        after = expit(before + chosen + log_same - log_differ)
        chosen = _chosen(before, chosen, float(after.sum()))
        one = after[evidence.pair]
        n_same, n_differ = (np.bincount(who, times * share, n_people) for share in (one, 1.0 - one))
        misses = np.bincount(who, np.where(alike, 0.0, times * one), n_people)
        alarms = np.bincount(who, np.where(alike, times * (1.0 - one), 0.0), n_people)
        wrong = misses.sum() + alarms.sum()
        error = float((_TRUST * EXPECTED_ERROR + wrong) / (_TRUST + times.sum()))
        rates = Rates(_each(misses, n_same, error), _each(alarms, n_differ, error), error)
    return rates


def _chosen(before: Float[ndarray, " p"], chosen: float, n_same: float, /) -> float:
    """Log-odds by which pairs of one class are asked about more often than their probabilities say: what is asked is
    chosen. By Newton's method; one pair more of each kind is taken to be known.
    """  # noqa: D205
    for _ in range(_STEPS):
        share = expit(np.append(before + chosen, [chosen, chosen]))
        chosen += float(np.clip((n_same + 1.0 - share.sum()) / (share * (1.0 - share)).sum(), -1.0, 1.0))
    return chosen


def _each(wrong: Float[ndarray, " l"], asked: Float[ndarray, " l"], error: float) -> Float[ndarray, " l"]:
    """Share of wrong answers of each, drawn to that of all, which is drawn to ``error``."""
    of_all = error * _times(wrong.sum(keepdims=True), error * asked.sum(keepdims=True), alike=_ALIKE_WAYS)
    return np.minimum(of_all * _times(wrong, of_all * asked, alike=_ALIKE_PEOPLE), _WORST)


def _times(wrong: Float[ndarray, " l"], expected: Float[ndarray, " l"], /, *, alike: float) -> Float[ndarray, " l"]:
    """How many times as many are wrong as expected: the posterior mean of a Gamma of mean 1 and shape ``alike``."""
    return (alike + wrong) / (alike + expected)
