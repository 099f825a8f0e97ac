"""What is in doubt: votes, whether classes are one, and all that an answer would lift.

Definition. A vote is *doubted* if everything else makes it likelier wrong than right, by a margin that depends on
whether its group contradicts itself. Doubted votes conclude nothing, and are asked again of other members.
"""

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy import ndarray
from scipy.special import betainc, expit

from pal.communities import Neighborhood
from pal.evidence import Evidence, Rates, of_one_class
from pal.experts import by_field
from pal.knowledge import Knowledge

# Probability from which two classes may be one although answers speak against it.
_PLAUSIBLE = 0.05
# Fewer answers than that are none.
_FEW = 1e-6
# Probability that an answer is right below which it concludes nothing, though no other contradicts it.
_WRONG = 0.25
# Weight of an item's own doubt beside that which its answer lifts.
_OWN = 0.05
# How much an item that was heard of takes from what one more lifts of its part: n leave 1 ÷ (1 + 0.3 n) of it.
_HEARD = 0.3
# Confidence from which an item doesn't speak for its part.
_SETTLED = 0.95
# Power of what an answer lifts; it is less by so much times a power of the mean confidence.
_POWER, _LATE, _LATELY = 0.5, 0.2, 40
# How much more counts what was begun, and how much more than that where chains are trusted.
_BEGUN, _BEGUN_CHAINED = 0.5, 2.5


def doubted(
    knowledge: Knowledge,
    evidence: Evidence,
    anchor: Int64[ndarray, " c"],
    belief: Float[ndarray, "t c"],
    one: Float[ndarray, "c c"],
    /,
) -> Int64[ndarray, " d"]:
    """Keys of the votes believed to be wrong: likely so within groups that contradict themselves, else surely so.

    So do groups that hold the anchors of two classes which surely differ: a wrong "yes" or two have joined these.
    ``one`` is the probability that two classes are one.
    """
    same = of_one_class(belief[evidence.a], belief[evidence.b], one)
    group = knowledge.group[evidence.item]
    of_anchor = knowledge.group[anchor]
    joined = np.triu(of_anchor[:, None] == of_anchor, 1) & (one < _WRONG)
    torn = np.isin(group, np.append(knowledge.group[knowledge.contradictions[:, 0]], of_anchor[joined.any(axis=0)]))
    within: Bool[ndarray, " p"] = torn[evidence.a] & (group[evidence.a] == group[evidence.b])
    counts = knowledge.votes.all()
    alike, unlike = counts.verdict > 0, counts.verdict < 0
    least = np.where(within, 0.5, _WRONG)
    wrong = (alike & (same < least)) | (unlike & (1.0 - same < least))
    return counts.key[wrong]


def may_be_one(
    evidence: Evidence,
    belief: Float[ndarray, "t c"],
    rates: Rates,
    prior: Float[ndarray, "c c"],
    odds: Float[ndarray, "c c"],
    /,
) -> Float[ndarray, "c c"]:
    """Probability that two classes are one, where it's worth asking; 0 on the diagonal.

    By ``odds``, or more if mistakes alone explain the answers against it: items denied by mistake go where others went
    for that reason, into a class that grows until all that was asked speaks for it, because the questions were chosen
    so. Other members of both decide.
    """
    same, by_mistake = expit(odds), prior * _by_mistake(evidence, belief, rates)
    same = np.where(by_mistake > _PLAUSIBLE, np.maximum(same, by_mistake), same)
    np.fill_diagonal(same, 0.0)
    return same


def _by_mistake(evidence: Evidence, belief: Float[ndarray, "t c"], rates: Rates) -> Float[ndarray, "c c"]:
    """Probability of as many answers "unlike" among the items of two classes, if these are one, by mistakes alone.

    The regularised incomplete beta function is the tail of a binomial distribution.
    """
    one, other = belief[evidence.a], belief[evidence.b]
    times = np.abs(evidence.vote)

    def within(count: Float[ndarray, " v"]) -> Float[ndarray, "c c"]:
        between = one.T @ (evidence.of_pairs(count)[:, None] * other)
        return between + between.T + np.add.outer(np.diag(between), np.diag(between))

    unlike, n = within(np.where(evidence.vote < 0, times, 0.0)), within(times)
    miss = within(times * rates.miss[evidence.who]) / np.maximum(n, 1e-300)
    return np.where(unlike > _FEW, betainc(np.maximum(unlike, _FEW), n - unlike + 1.0, miss), 1.0)


def reach(
    near: Neighborhood,
    weight: Float[ndarray, " e"],
    confidence: Float[ndarray, " n"],
    item: Int64[ndarray, " t"],
    begun: Int64[ndarray, " b"],
    /,
    *,
    heard: Float[ndarray, " t"],
    wrong: bool = False,
) -> Float[ndarray, " n"]:
    """Doubt that settling an item would lift: Σ_j R_ij ÷ R_ii · (1 − ``confidence`` of j), fields weighed by trust.

    One item of each part, in doubt itself, has the doubt of the whole part, less where answers spoke of others there,
    as far as they were ``heard``: what these left in doubt, one more hardly lifts, unless some are ``wrong``.
    To the power h + (1 − h) χ², χ the trust in chains: these say whom an answer reaches, while communities hold items
    that it doesn't, which would wait for ever. h is one half, and less where nearly all is sure, for what is mistaken
    then are single items; but not if there are wrong answers, which make such items.

    What was ``begun``, denied a class and not found yet, comes first: what an item is not says little until it is found
    what it is. It counts more by one half, and more than that by 2.5 χ⁴, for along chains it is found last.
    """
    doubt = (1.0 - confidence)[:, None]
    everyone = np.arange(len(doubt))
    total = np.zeros(len(doubt))
    trust, chained = by_field(weight, len(near.fields)), in_chains(near, weight)
    for share, field in zip(trust, near.fields, strict=True):
        total += share * field.spread(everyone, doubt)[:, 0] / np.maximum(field.own, 1e-12)
    standing = near.membership[everyone, near.part]
    standing[item] += 1.0
    standing[confidence > _SETTLED] = -1.0
    order = np.lexsort((-standing, near.part))
    part, first = np.unique(near.part[order], return_index=True)
    of_part = np.bincount(near.part, weights=doubt[:, 0])
    if not wrong:  # else one more is what tells
        of_part = of_part / (1.0 + _HEARD * np.bincount(near.part[item], weights=heard, minlength=len(of_part)))
    total[order[first]] = np.maximum(total[order[first]], of_part[part])
    power = _POWER - (0.0 if wrong else _LATE * float(confidence.mean()) ** _LATELY)
    lifted = (_OWN + total) ** (power + (1.0 - power) * chained**2)
    lifted[begun] *= 1.0 + _BEGUN + _BEGUN_CHAINED * chained**4
    return lifted


def in_chains(near: Neighborhood, weight: Float[ndarray, " e"], /) -> float:
    """Trust in chains of near items, χ: the share of the fields that reach beyond neighbours, 0 to 1."""
    return float(by_field(weight, len(near.fields))[1:].sum())
