"""The posterior over classes, from answers that may be wrong and graphs of the features.

Definition. With q_i the belief about an item asked about, p_i its prior from the other items (:mod:`pal.experts`), and
ε the share of wrong answers, q_ic ∝ p_ic × the likelihoods of the answers about i (:mod:`pal.evidence`); anchors are of
their class by definition. A few rounds of these (mean-field) updates are run, with the weights of the experts and ε
fitted in each; then classes are joined and opened as the answers call for (:mod:`pal.classes`). Everything is
recomputed from the answers, so no early mistake stays. Cost: O(t² C) a round for t items asked about while R is
formed, else O(nnz · C + answers · C).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int8, Int64
from numpy import ndarray
from scipy.sparse import csr_array
from scipy.special import expit, logit, softmax

from pal.beliefs import DEDUCED, ERRING, PREDICTED, TOLD, Beliefs, settle, some_wrong
from pal.classes import (
    Change,
    Classes,
    Parts,
    communal,
    judge_parts,
    new_class_prior,
    open_classes,
    start,
)
from pal.communities import Neighborhood
from pal.doubt import doubted, in_chains, may_be_one, reach
from pal.evidence import (
    Evidence,
    Rates,
    estimate_rates,
    expected_rates,
    gather,
)
from pal.experts import Seeds, among, everywhere, prior_weights, seeds, sharpness, weigh
from pal.joins import Link, by_votes, join, made, merge_prior, of_one, one_at_most, prior_to_ask
from pal.knowledge import Knowledge
from pal.strays import Told, listen, unfit

# Share of items that the experts mistake, before any answer, and how many items that weighs as much as.
_SURPRISE, _SURPRISES = 0.2, 10.0
# Rounds before classes are revised, while ε and the experts' weights settle.
_SETTLING = 2
# Log-odds at which classes are one for good; until then people are asked, and answers are shown to the likelier side.
_CERTAIN, _LIKELY = 2.2, 0.4
# Beliefs that move less in a round stay.
_STEADY = 0.01
# Answers that deny an item a class more than once.
_ONCE = 1.5
# Log-odds by votes that speak against two classes being one.
_AGAINST = 1.0
# A class that fewer answers "alike" speak for is one of a single item.
_SPOKEN_FOR = 0.5
# Items of a group that is a class to begin with.
_GROUP = 3
# Answers "alike" about a medoid from which its community is of the class that these prove.
_TWICE = 2.0
# What an anchor that nobody was asked about counts as, in items asked about.
_UNASKED = 0.3
# Answers speak of an item's class if they favour it by this in log-likelihood.
_PLAIN = 2.0


class _Round(NamedTuple):
    """Result of one round of updates."""

    belief: Float[ndarray, "t c"]
    likelihood: Float[ndarray, "t c"]
    heard: Float[ndarray, "t c"]
    prior: Float[ndarray, "t c"]
    weight: Float[ndarray, " e"]
    parts: Parts
    link: Link
    lone: Float[ndarray, "c c"]
    merge: Float[ndarray, "c c"]
    group: Int64[ndarray, " t"]
    unfit: Float[ndarray, " t"]
    rare: float
    left: Float[ndarray, " t"]
    same: Float[ndarray, " p"]
    size: Float[ndarray, " c"]
    mistaken: float

    @property
    def one(self) -> Float[ndarray, "c c"]:
        """Probability that two classes are one; 0 on the diagonal."""
        return one_at_most(self.link.odds + logit(self.merge))


def believe(near: Neighborhood, knowledge: Knowledge, /, *, rounds: int = 10) -> Beliefs:
    """Posterior of every item after all answers; see the module for the model."""
    # Where all answers are about a few classes, nothing else would speak for the others.
    evidence = gather(knowledge, near.medoid) if knowledge.asked.any() else gather(knowledge)
    sums = evidence.sums()
    given = seeds(near, evidence.item, clash=evidence.clash)
    anchors, label = _proven(knowledge, evidence.item)
    n_known = len(knowledge.classes)
    sure = np.where(sums @ evidence.n_said(alike=True) >= _TWICE, label, -1)
    classes = start(near, evidence.item, anchors, sure, n_known=n_known, closed=knowledge.complete)
    belief = np.append(np.eye(len(classes.anchor)), np.zeros((1, len(classes.anchor))), axis=0)[label]
    rates, mistaken = expected_rates(evidence), _SURPRISE
    one, steady = classes.apart(), 0
    for step in range(rounds):
        result = _update(given, evidence, sums, classes, belief, one, rates, mistaken)
        moved = np.abs(result.belief - belief).max(initial=0.0)
        belief, mistaken, one = result.belief, result.mistaken, result.one
        if len(evidence.a):
            rates = estimate_rates(evidence, result.same, rates)
        revise = _SETTLING <= step + 1 < rounds and not knowledge.complete
        changed = _revise(near, evidence, classes, result) if revise else None
        steady = steady + 1 if changed is None else 0
        if changed is None and step >= _SETTLING and (steady > _SETTLING + 1 or moved < _STEADY):
            break
        if changed is not None:
            classes, belief = changed
            one = classes.apart()
    return _beliefs(given, knowledge, evidence, classes, result, rates)


def _proven(knowledge: Knowledge, item: Int64[ndarray, " t"]) -> tuple[Int64[ndarray, " g"], Int64[ndarray, " t"]]:
    """Anchors of the classes to begin with, known ones first, and the class of each item that a group puts in one.

    Answers that contradict one another prove nothing, and small groups little. All known ones are all there are.
    """
    known = np.asarray(knowledge.classes, dtype=np.int64)
    if knowledge.clash:
        return known, np.full(len(item), -1)
    settled = settle(knowledge)
    label = settled.label[item]
    large = np.bincount(label[label >= 0], minlength=len(settled.anchor)) >= _GROUP
    kept = large & (not knowledge.complete)
    kept[: len(known)] = True
    to = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)
    return settled.anchor[kept], to[label]


def _update(
    given: Seeds,
    evidence: Evidence,
    sums: csr_array,
    classes: Classes,
    belief: Float[ndarray, "t c"],
    one: Float[ndarray, "c c"],
    rates: Rates,
    mistaken: float,
) -> _Round:
    """One round: hear the experts, weigh with the answers, and score joins and new classes."""
    near, c = given.near, len(classes.anchor)
    anchored = classes.fixed >= 0
    certain = np.eye(c)[classes.fixed[anchored]]
    belief = belief.copy()
    belief[anchored] = certain
    said = listen(evidence, sums, belief, one, classes.fixed, rates)
    heard = _informed(said.by_others, classes.fixed)
    heard[anchored & (classes.fixed >= classes.given) & ~evidence.asked] *= _UNASKED
    parts = judge_parts(near, classes, evidence.item, said.by_others, said.differ_by_others)
    opinions = among(given, heard, communal(near, parts.belief))
    likelihood = np.exp(said.told - said.told.max(axis=1, initial=-np.inf, keepdims=True))
    likelihood[anchored] = 1.0  # their class was chosen by the communities, so they don't judge these
    weight = weigh(opinions, likelihood, prior_weights(near, c, clash=evidence.clash))
    prior = np.tensordot(weight, opinions, 1)
    expected = _expected(evidence, sums, belief, prior, mistaken)
    score = said.told + np.log(expected + 1e-300)
    updated = softmax(score, axis=1)
    updated[anchored] = certain

    erring = some_wrong(rates.error, clash=evidence.clash)
    n_plain, n_mistaken, n_new = _mistaken(classes, said.told, said.differ, prior, updated, erring=erring)
    surprise = (_SURPRISE * _SURPRISES + n_mistaken) / (_SURPRISES + n_plain)

    cavity, alone = (_without(said.message, evidence, s, updated, anchored) for s in (score, said.told))
    size = 1.0 + near.membership.sum(axis=0) @ parts.belief
    link, linked = by_votes(alone, cavity, said.same, said.apart, surprise, size, clash=evidence.clash)
    own = np.where(anchored, -np.inf, unfit(said, expected))
    rare = new_class_prior(n_new, n_mistaken)
    lone = _lone(evidence, sums, classes, updated, expected, rare)
    merge = np.where(lone > 0.0, lone, merge_prior(near, parts.belief, link.odds, given=classes.given))
    seen = np.where(anchored[evidence.a] & anchored[evidence.b], 1.0, 1.0 - rare)
    end, other = np.split(cavity, 2)
    return _Round(
        updated,
        likelihood,
        heard,
        prior,
        weight,
        parts,
        link,
        lone,
        merge,
        said.group,
        own,
        float(np.log(rare)),
        _left(said, own, rare),
        seen * of_one(end, other, merge, link, linked),
        size,
        surprise,
    )


def _left(said: Told, unfit: Float[ndarray, " t"], rare: float) -> Float[ndarray, " t"]:
    """Probability that an item is of a class not seen yet, times the share of the others that it was denied.

    What is left when all others but one were denied is certain, and would never be asked about; if it is of an unseen
    class, none of that class would be. Denied few of many classes, it has others to be asked about.
    """
    denied = (said.differ[:, None] - said.told > _PLAIN).sum(axis=1)
    return expit(unfit + np.log(rare)) * denied / max(said.told.shape[1] - 1, 1)


def _lone(
    evidence: Evidence,
    sums: csr_array,
    classes: Classes,
    belief: Float[ndarray, "t c"],
    expected: Float[ndarray, "t c"],
    rare: float,
) -> Float[ndarray, "c c"]:
    """Probability that two classes are one before the votes across them, if one was opened for a single item; else 0.

    It is of a class that it was expected to be of, or of one not seen before. Only of classes that it was denied more
    than once: asking the same again of every new class would cost more than wrong answers do.
    """
    c = belief.shape[1]
    item = np.flatnonzero(classes.fixed >= c - classes.opened)
    alike, unlike = (evidence.n_said(alike=said) for said in (True, False))
    spoken_for = (sums[item] @ (alike[:, None] * belief[evidence.others]))[np.arange(len(item)), classes.fixed[item]]
    item = item[spoken_for < _SPOKEN_FOR]
    lone, others = classes.fixed[item], np.setdiff1d(np.arange(c), classes.fixed[item])
    denied = (sums[item] @ (unlike[:, None] * belief[evidence.others]))[:, others] > _ONCE
    prior = expected[np.ix_(item, others)]
    found = np.zeros((c, c))
    found[np.ix_(lone, others)] = np.where(denied, prior / (prior + rare), 0.0)
    return np.maximum(found, found.T)


def _without(
    message: Float[ndarray, "ends c"],
    evidence: Evidence,
    score: Float[ndarray, "t c"],
    belief: Float[ndarray, "t c"],
    anchored: Bool[ndarray, " t"],
) -> Float[ndarray, "ends c"]:
    """Beliefs about each end of every pair, by a score that the votes between the two are taken out of."""
    ends = evidence.ends
    free = ~anchored[ends]
    cavity = belief[ends]
    cavity[free] = softmax(score[ends[free]] - message[free], axis=1)
    return cavity


def _informed(told: Float[ndarray, "t c"], fixed: Int64[ndarray, " t"]) -> Float[ndarray, "t c"]:
    """What items pass on to others: what answers say of their class, by how much that is: (1 − H ÷ log C) q.

    Not what is believed of them, or classes that nobody asked about would grow by hearsay.
    """
    c = told.shape[1]
    q = softmax(told, axis=1) if len(told) else told
    entropy = -(q * np.log(np.maximum(q, 1e-300))).sum(axis=1, keepdims=True)
    q = q * np.maximum(1.0 - entropy / np.log(max(c, 2)), 0.0)
    anchored = fixed >= 0
    q[anchored] = np.eye(c)[fixed[anchored]]
    return q


def _expected(
    evidence: Evidence, sums: csr_array, belief: Float[ndarray, "t c"], prior: Float[ndarray, "t c"], surprise: float
) -> Float[ndarray, "t c"]:
    """Prior of each item if the features mistake some: then it is of a class compared with it, or of none, alike.

    What is compared is chosen, so a "yes" to one of many classes is no surprise.
    """
    c = belief.shape[1]
    compared = (sums @ np.eye(c)[belief.argmax(axis=1)[evidence.others]]) > 0 if c else np.zeros_like(prior, dtype=bool)
    n_compared = compared.sum(axis=1, keepdims=True)
    rest = np.where(compared, 0.0, 1.0 / np.maximum(c - n_compared, 1))
    return (1.0 - surprise) * prior + surprise * (compared + rest) / (n_compared + (n_compared < c))


def _mistaken(
    classes: Classes,
    told: Float[ndarray, "t c"],
    differ: Float[ndarray, " t"],
    prior: Float[ndarray, "t c"],
    belief: Float[ndarray, "t c"],
    *,
    erring: bool,
) -> tuple[float, float, float]:
    """Items that answers place; of these, those the features thought elsewhere; and how many classes answers opened.

    Items of the latter, or for which every class was ruled out, are no mistakes. A class of one item bears out others,
    but not itself, and none if people are ``erring``: two wrong answers make one as well.
    """
    c = told.shape[1]
    if c < 2 or not len(told):
        return 0.0, 0.0, 0.0
    best = told.argmax(axis=1)
    plain = (told.max(axis=1) - np.partition(told, -2, axis=1)[:, -2] > _PLAIN) & (classes.fixed < 0)
    opened = plain & (best >= c - classes.opened)
    wrong = 1.0 - belief[np.arange(len(belief)), prior.argmax(axis=1)]
    size = np.bincount(best[told.max(axis=1) > differ], minlength=c)[c - classes.opened :]
    n_new = max(int((size > 1).sum()), 0 if erring else classes.opened - 1)
    return float(plain.sum()), float(wrong[plain & ~opened].sum()), float(n_new)


def _revise(near: Neighborhood, evidence: Evidence, classes: Classes, result: _Round) -> Change | None:
    """Classes after the joins, or the new classes, that the answers call for."""
    label = join(result.link, result.merge, result.size, margin=_CERTAIN)
    n_left = int(label.max(initial=-1)) + 1
    if n_left < len(classes.anchor):
        return Change(classes.joined(label), result.belief @ np.eye(n_left)[label])
    return open_classes(
        near, evidence, classes, result.belief, result.group, result.unfit, result.rare, result.parts.new
    )


def _beliefs(
    given: Seeds, knowledge: Knowledge, evidence: Evidence, classes: Classes, result: _Round, rates: Rates
) -> Beliefs:
    near = given.near
    free = classes.fixed < 0
    power = sharpness(result.prior[free], result.likelihood[free])
    mass = communal(near, result.parts.belief)
    probability = everywhere(given, result.heard, mass, result.weight) ** power
    probability /= probability.sum(axis=1, keepdims=True)
    probability[evidence.item] = result.belief
    probability[classes.anchor] = np.eye(len(classes.anchor))  # nobody may have been asked about a community yet
    unseen = result.parts.unseen[near.part] * (not knowledge.complete)
    if not (knowledge.complete or evidence.clash):
        unseen[evidence.item] = np.maximum(unseen[evidence.item], result.left)
    asked = _worth_asking(near, knowledge.group, classes, result, rates.error)
    label = probability.argmax(axis=1)
    source = _sources(knowledge, classes, label)
    # Once answers contradict one another, what was denied may have been found.
    begun = evidence.item[evidence.asked & (source[evidence.item] == PREDICTED) & (not evidence.clash)]
    surprise = np.zeros(knowledge.n_items)
    surprise[evidence.item] = 1.0 - result.prior[np.arange(len(evidence.item)), label[evidence.item]]
    return Beliefs(
        probability,
        classes.anchor,
        source,
        may_be_one(evidence, result.belief, rates, result.merge, asked),
        rates.error,
        evidence.labeler,
        1.0 - rates.miss,
        1.0 - rates.alarm,
        reach(
            near,
            result.weight,
            (1.0 - unseen) * probability.max(axis=1, initial=0.0),
            evidence.item,
            begun,
            heard=result.heard.sum(axis=1),
            wrong=some_wrong(rates.error, clash=evidence.clash),
        ),
        surprise,
        join(result.link, result.merge, result.size, margin=_LIKELY),
        unseen,
        doubted(knowledge, evidence, classes.anchor, result.belief, result.one),
        in_chains(near, result.weight),
    )


def _worth_asking(
    near: Neighborhood, group: Int64[ndarray, " n"], classes: Classes, result: _Round, error: float
) -> Float[ndarray, "c c"]:
    """Log-odds that two classes are one by which people are asked.

    Of those that answers speak against, by mistake perhaps, joins made before are counted too. Of others links alone
    may say that they differ, unless people err: asking shows who does.
    """
    link, given = result.link.odds, classes.given
    before = made(near, result.parts.belief)
    against = np.maximum(result.merge, merge_prior(near, result.parts.belief, link, given=given, before=before))
    others = result.merge
    if error <= ERRING:
        others = np.where(
            result.lone > 0.0, result.lone, prior_to_ask(near, result.parts.belief, link, group[near.medoid])
        )
        others[:given, :given] = 0.0
    return link + logit(np.where(link < -_AGAINST, against, others))


def _sources(knowledge: Knowledge, classes: Classes, label: Int64[ndarray, " n"]) -> Int8[ndarray, " n"]:
    """Told: found alike with the anchor of its class, or that anchor itself; deduced: in its group."""
    source = np.full(knowledge.n_items, PREDICTED)
    anchor = classes.anchor
    asked = knowledge.asked.copy()
    asked[np.asarray(knowledge.classes, dtype=np.int64)] = True
    source[asked & (knowledge.group == knowledge.group[anchor[label]])] = DEDUCED
    counts = knowledge.votes.all()
    ends = knowledge.votes.ends(counts.key[counts.verdict > 0])
    ends = np.concatenate([ends, ends[:, ::-1]])
    source[ends[anchor[label[ends[:, 1]]] == ends[:, 0], 1]] = TOLD
    source[anchor[asked[anchor]]] = TOLD
    return source
