"""The posterior over classes, from answers that may be wrong and graphs of the features.

Definition. Items that were asked about form *units* u: groups of items that the answers join, or single items once
answers contradict one another. A class is anchored at a unit, or at the medoid of a community that nobody was asked
about. With q_u the belief about unit u, p its prior from the other units (:mod:`pal.experts`), ε the share of wrong
answers:

- likelihood of an answer r ∈ {+1, −1} between units u and v, given that u is of class c:
  q_vc (1 − ε) + (1 − q_vc) ε for +1, and 1 minus that for −1;
- belief: q_uc ∝ p_uc × likelihoods of the answers about u; anchors are of their class by definition.

A few rounds of these (mean-field) updates are run, with the weights of the experts and ε fitted in each. Two classes
are merged when the answers across them make that more likely than not, and a unit that all classes were ruled out for
opens one. Everything is recomputed from the answers, so no early mistake stays. Cost: O(t² C) a round for t items asked
about while R is formed, else O(nnz · C + answers · C).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int8, Int64
from numpy import ndarray
from scipy.special import expit, logit, softmax

from pal.beliefs import DEDUCED, PREDICTED, TOLD, Beliefs, settle
from pal.communities import Neighborhood, link_ratio
from pal.experts import Seeds, among, by_field, everywhere, prior_weights, seeds, weigh
from pal.knowledge import Knowledge

# A community is of the class of the units at its heart (membership ** _HEART) once they weigh this much.
_HEART, _ENOUGH = 4, 0.5
# Prior probability that two communities are one class lies in this range, whatever their links say.
_MERGE = (0.02, 0.45)
# Prior weight of "a class not seen yet" against all known ones.
_NEW = 1e-3
# Shares of wrong answers to choose from.
_ERRORS = np.array([1e-3, 3e-3, 0.01, 0.02, 0.04, 0.07, 0.1, 0.14, 0.2, 0.3])
# Prior on ε, as so many right answers.
_TRUST = 40.0
_NO_ANSWERS = 0.02
# Probability that an item isn't what the experts are sure it is.
_SURPRISE = 0.2
# Units looked at as centres of classes.
_STARS = 200
# Beliefs that move less in a round stay.
_STEADY = 0.01


class _Units(NamedTuple):
    """Items asked about, as units, and the votes between them."""

    item: Int64[ndarray, " t"]
    unit: Int64[ndarray, " t"]
    n_units: int
    ends: Int64[ndarray, "p 2"]
    alike: Float[ndarray, " p"]
    unlike: Float[ndarray, " p"]


@dataclass(frozen=True, eq=False)
class _Classes:
    """Anchor item of each class, class of each community, and of each unit that anchors one (−1: none)."""

    anchor: list[int]
    community: Int64[ndarray, " k"]
    unit: Int64[ndarray, " u"]

    def joined(self, label: Int64[ndarray, " c"]) -> "_Classes":
        """Classes of one ``label`` become one, anchored where the first of them was."""
        _, first = np.unique(label, return_index=True)
        to = np.append(label, -1)
        return _Classes([self.anchor[c] for c in first], to[self.community], to[self.unit])

    def opened(self, unit: int, item: int) -> "_Classes":
        of_unit = self.unit.copy()
        of_unit[unit] = len(self.anchor)
        return _Classes([*self.anchor, item], self.community, of_unit)


class _Round(NamedTuple):
    """Result of one round of updates."""

    unit: Float[ndarray, "u c"]
    mixed: Float[ndarray, "t c"]
    prior: Float[ndarray, "u c"]
    weight: Float[ndarray, " e"]
    link: Float[ndarray, "c c"]
    merge: Float[ndarray, "c c"]
    new: Float[ndarray, " u"]


def believe(near: Neighborhood, knowledge: Knowledge, /, *, rounds: int = 8) -> Beliefs:
    """Posterior of every item after all answers; see the module for the model."""
    trusted = not len(knowledge.contradictions)
    units = _units(knowledge, trusted)
    given = seeds(near, units.item)
    classes, belief = _start(near, knowledge, units, trusted)
    trust, error = prior_weights(near), _NO_ANSWERS
    steady = 0
    for step in range(rounds):
        result = _update(given, units, classes, belief, trust, error)
        moved = np.abs(result.unit - belief).max(initial=0.0)
        belief = result.unit
        changed = None if step + 1 == rounds else _revise(units, classes, result, closed=knowledge.complete)
        steady = steady + 1 if changed is None else 0
        if changed is None and (steady == 3 or (moved < _STEADY and steady > 1)):
            break
        if units.n_units:
            error = _estimate_error(units, classes, belief, result.prior)
            error = min(error, _NO_ANSWERS) if trusted else error
        if changed is not None:
            classes, onto = changed
            belief = belief @ onto
    return _beliefs(given, knowledge, units, classes, result, error)


def _start(
    near: Neighborhood, knowledge: Knowledge, units: _Units, trusted: bool
) -> tuple[_Classes, Float[ndarray, "u c"]]:
    """Classes to begin with, and what the answers alone say about the units at their centres."""
    label = np.full(units.n_units, -1)
    if trusted or knowledge.complete:
        settled = settle(knowledge).anchor
        proven = [int(item) for item in settled[np.isin(settled, units.item)]]
    else:
        centre, label = _stars(units)
        proven = [int(units.item[u]) for u in centre]
    classes = _initial_classes(near, units, proven, closed=knowledge.complete)
    belief = np.zeros((units.n_units, len(classes.anchor)))
    belief[label >= 0, label[label >= 0]] = 1.0
    return classes, belief


def _units(knowledge: Knowledge, trusted: bool) -> _Units:
    """Groups, where no answers contradict one another, else single items."""
    counts = knowledge.votes.all()
    ends = knowledge.votes.ends(counts.key)
    item = np.unique(np.r_[ends.ravel(), np.asarray(knowledge.classes, dtype=np.int64)])
    unit = np.unique(knowledge.group[item], return_inverse=True)[1] if trusted else np.arange(len(item))
    ends = unit[np.searchsorted(item, ends)]
    across = ends[:, 0] != ends[:, 1]
    n_units = int(unit.max(initial=-1)) + 1
    return _Units(item, unit, n_units, ends[across], counts.alike[across] * 1.0, counts.unlike[across] * 1.0)


def _stars(units: _Units) -> tuple[list[int], Int64[ndarray, " u"]]:
    """Classes from the answers alone: units compared with many others, joined where what they share speaks for it.

    Two such units alike to a third are likely of one class, alike and unlike to it of two. Returns the unit at the
    centre of each class, and the class of each unit compared, −1 for the rest.
    """
    a, b = units.ends.T
    net = np.sign(units.alike - units.unlike)
    degree = np.bincount(a[net > 0], minlength=units.n_units) + np.bincount(b[net > 0], minlength=units.n_units)
    order = np.argsort(-degree, kind="stable")[:_STARS]
    order = order[degree[order] > 0]
    row = np.full(units.n_units, -1)
    row[order] = np.arange(len(order))
    votes = np.zeros((len(order), units.n_units))
    for one, other in ((a, b), (b, a)):
        hit = row[one] >= 0
        votes[row[one[hit]], other[hit]] = net[hit]
    centre: list[int] = []
    label = np.full(units.n_units, -1)
    total = np.zeros((0, units.n_units))
    for t, unit in enumerate(order.tolist()):
        direct = total[:, unit]
        plus, minus = np.maximum(votes[t], 0.0), np.minimum(votes[t], 0.0)
        shared = np.maximum(total, 0.0) @ (plus + minus) + np.minimum(total, 0.0) @ plus
        score = direct + 0.7 * shared
        k = int(score.argmax()) if len(score) else -1
        if k < 0 or score[k] <= 0:
            # Nothing joins it to a class: one of its own if it has some following, or is unlike all.
            if degree[unit] < 2 and not (len(score) and score.max() < 0):
                continue
            k = len(centre)
            centre.append(unit)
            total = np.vstack([total, np.zeros((1, units.n_units))])
        label[unit] = k
        total[k] += votes[t]
    return centre, label


def _initial_classes(near: Neighborhood, units: _Units, proven: Sequence[int], *, closed: bool) -> _Classes:
    """One class for each proven unit, then for each community: of the unit at its heart, or its own."""
    n_communities = len(near.medoid)
    heart = np.zeros((units.n_units + 1, n_communities))
    np.add.at(heart, units.unit, near.membership[units.item] ** _HEART)
    position = np.searchsorted(units.item, near.medoid)
    asked = np.isin(near.medoid, units.item)
    heart[units.unit[position[asked]], np.flatnonzero(asked)] += 1.0
    of_unit = np.full(units.n_units, -1)
    anchors: list[int] = []
    for item in proven:
        of_unit[units.unit[np.searchsorted(units.item, item)]] = len(anchors)
        anchors.append(item)
    community = np.zeros(n_communities, dtype=np.int64)
    best = heart.argmax(axis=0)
    for k in range(n_communities):
        u = int(best[k]) if heart[best[k], k] > _ENOUGH else -1
        if u >= 0 and of_unit[u] >= 0:
            community[k] = of_unit[u]
            continue
        if closed and anchors:
            community[k] = -1
            continue
        community[k] = len(anchors)
        if u >= 0:
            of_unit[u] = len(anchors)
        members = units.item[units.unit == u]
        central = near.medoid[k] if u < 0 or near.medoid[k] in members else _central(near, members, k)
        anchors.append(int(central))
    return _Classes(anchors, community, of_unit)


def _central(near: Neighborhood, items: Int64[ndarray, " m"], community: int) -> int:
    return int(items[near.membership[items, community].argmax()])


def _update(
    given: Seeds,
    units: _Units,
    classes: _Classes,
    belief: Float[ndarray, "u c"],
    trust: Float[ndarray, " e"],
    error: float,
) -> _Round:
    """One round: hear the experts, weigh with the answers, and score merges and new classes."""
    near, c = given.near, len(classes.anchor)
    anchored = classes.unit >= 0
    fixed = np.zeros((units.n_units, c))
    fixed[anchored, classes.unit[anchored]] = 1.0
    belief = np.where(anchored[:, None], fixed, belief)
    opinions = among(given, belief[units.unit], _communal(near, classes))
    score, to_a, to_b = _answered(units, belief, error)
    likelihood = np.where(anchored[:, None], fixed, np.exp(score - score.max(axis=1, initial=-np.inf, keepdims=True)))
    alone = anchored & (np.bincount(units.unit, minlength=units.n_units) == 1)
    weight = weigh(opinions, np.where(alone[:, None], 1.0, likelihood)[units.unit], trust)
    mixed = opinions.mixed(weight)
    prior = np.zeros((units.n_units, c))
    np.add.at(prior, units.unit, mixed)
    prior /= prior.sum(axis=1, keepdims=True)
    told = score
    score = score + np.log(prior + 1e-300)
    updated = np.where(anchored[:, None], fixed, softmax(score, axis=1))

    # Beliefs about each end without the answer between them, and how sure other answers alone make of it.
    a, b = units.ends.T
    log_same, log_differ = _log_likelihood(units, error)
    cavity, sure = {}, np.ones(len(a))
    for name, end, message in (("a", a, to_a), ("b", b, to_b)):
        free = ~anchored[end][:, None]
        cavity[name] = np.where(free, softmax(score[end] - message, axis=1), fixed[end])
        sure *= np.where(free, softmax(told[end] - message, axis=1), fixed[end]).max(axis=1, initial=0.0)
    link = _links(cavity["a"], cavity["b"], log_same, log_differ, _SURPRISE * (1.0 - sure))
    new = np.full(units.n_units, np.log(_NEW))
    np.add.at(new, a, log_differ)
    np.add.at(new, b, log_differ)
    return _Round(
        updated,
        mixed,
        prior,
        weight,
        link,
        _merge_prior(near, classes, c),
        np.where(anchored, -np.inf, new - score.max(axis=1, initial=-np.inf)),
    )


def _links(
    one: Float[ndarray, "p c"],
    other: Float[ndarray, "p c"],
    log_same: Float[ndarray, " p"],
    log_differ: Float[ndarray, " p"],
    surprise: Float[ndarray, " p"],
) -> Float[ndarray, "c c"]:
    """Log-odds, by the votes, that two classes are one: log of 1 + P(one end in each) (same − differ) ÷ P(votes).

    An answer that the ends' other classes explain as well says little; ``surprise`` is the probability that the experts
    mistook an end, which explains any answer. Of each end the two likeliest classes count.
    """
    c = one.shape[1]
    link = np.zeros((c, c))
    if c < 2 or not len(one):
        return link
    row = np.arange(len(one))
    top = np.maximum(log_same, log_differ)
    same, differ = np.exp(log_same - top), np.exp(log_differ - top)
    alike = (one * other).sum(axis=1)
    votes = (1.0 - surprise) * (same * alike + differ * (1.0 - alike)) + surprise + 1e-300
    first, second = (np.argpartition(-end, 1, axis=1)[:, :2] for end in (one, other))
    for j in (0, 1):
        for k in (0, 1):
            u, v = first[:, j], second[:, k]
            both = one[row, u] * other[row, v]
            np.add.at(link, (u, v), np.log(np.maximum(1.0 + both * (same - differ) / votes, 1e-300)))
    return link + link.T


def _communal(near: Neighborhood, classes: _Classes) -> Float[ndarray, "n c"]:
    """Mass of the communities, each of its class; one of no class says nothing."""
    c = len(classes.anchor)
    of_class = np.vstack([np.eye(c), np.full((1, c), 1.0 / max(c, 1))])[classes.community]
    return near.membership @ of_class * (len(near.medoid) / len(near.membership))


def _log_likelihood(units: _Units, error: float) -> tuple[Float[ndarray, " p"], Float[ndarray, " p"]]:
    """Log-likelihood of the votes on each pair if its ends are of one class, and if not."""
    right, wrong = np.log1p(-error), np.log(error)
    return units.alike * right + units.unlike * wrong, units.alike * wrong + units.unlike * right


def _answered(
    units: _Units, belief: Float[ndarray, "u c"], error: float
) -> tuple[Float[ndarray, "u c"], Float[ndarray, "p c"], Float[ndarray, "p c"]]:
    """Log-likelihood of all answers about each unit for each class, and the message to each end of a pair."""
    a, b = units.ends.T
    log_same, log_differ = _log_likelihood(units, error)
    to_a = _message(belief[b], log_same, log_differ)
    to_b = _message(belief[a], log_same, log_differ)
    score = np.zeros_like(belief)
    np.add.at(score, a, to_a)
    np.add.at(score, b, to_b)
    return score, to_a, to_b


def _message(
    other: Float[ndarray, "p c"], log_same: Float[ndarray, " p"], log_differ: Float[ndarray, " p"]
) -> Float[ndarray, "p c"]:
    """Log-likelihood of the votes on a pair for each class of one end, given beliefs about the other."""
    top = np.maximum(log_same, log_differ)
    same, differ = np.exp(log_same - top)[:, None], np.exp(log_differ - top)[:, None]
    return np.log(np.maximum(same * other + differ * (1.0 - other), 1e-300)) + top[:, None]


def _merge_prior(near: Neighborhood, classes: _Classes, n_classes: int) -> Float[ndarray, "c c"]:
    """Probability that two classes are one, from the links between their communities alone."""
    label = classes.community[near.membership.argmax(axis=1)]
    ratio = link_ratio(near.weights, np.where(label < 0, n_classes, label), n_classes + 1)[:-1, :-1]
    return np.clip(ratio / (1.0 + ratio), *_MERGE)


def _revise(
    units: _Units, classes: _Classes, result: _Round, *, closed: bool
) -> tuple[_Classes, Float[ndarray, "c d"]] | None:
    """Classes after the merges, or the one new class, that the answers call for; and the map from old to new."""
    c = len(classes.anchor)
    if closed:
        return None
    label = _agglomerate(result.link, logit(result.merge))
    if label.max(initial=-1) + 1 < c:
        return classes.joined(label), _one_hot(label, int(label.max()) + 1)
    if result.new.max(initial=-np.inf) > 0:
        unit = int(result.new.argmax())
        return classes.opened(unit, int(units.item[units.unit == unit][0])), np.eye(c, c + 1)
    return None


def _agglomerate(link: Float[ndarray, "c c"], prior: Float[ndarray, "c c"]) -> Int64[ndarray, " c"]:
    """Join the two classes most likely one, evidence summed, until no pair is; labels in order of first members."""
    link, prior = link.copy(), prior.copy()
    label = np.arange(len(link))
    off = ~np.eye(len(link), dtype=bool)
    while True:
        odds = np.where(off & (link > 0), link + prior, -np.inf)
        if odds.max(initial=-np.inf) <= 0:
            return np.asarray(np.unique(label, return_inverse=True)[1], dtype=np.int64)
        keep, gone = sorted(int(k) for k in np.unravel_index(odds.argmax(), odds.shape))
        label[label == gone] = keep
        for table, join in ((link, np.add), (prior, np.maximum)):
            table[keep] = join(table[keep], table[gone])
            table[:, keep] = table[keep]
        off[gone] = off[:, gone] = False


def _estimate_error(
    units: _Units, classes: _Classes, belief: Float[ndarray, "u c"], prior: Float[ndarray, "u c"]
) -> float:
    """Posterior mean of ε by the likelihood of all answers about each unit, with a prior of ``_TRUST`` right answers.

    An item that the experts got wrong and the answers agree on speaks against the experts; only answers that contradict
    one another, or all that was expected, speak for ε.
    """
    a, b = units.ends.T
    free = classes.unit < 0
    share = 1.0 / np.maximum(free[a].astype(float) + free[b], 1.0)
    halves = np.zeros(units.n_units)
    count = np.zeros(units.n_units)
    for end in (a, b):
        np.add.at(halves, end, share)
        np.add.at(count, end, 1.0)
    halves = np.where(free, halves / np.maximum(count, 1.0), 0.0)
    # Two anchors of different classes, each its own kind by definition.
    between = ~free[a] & ~free[b]
    wrong, right = float(units.alike[between].sum()), float(units.unlike[between].sum())
    fit = _TRUST * np.log1p(-_ERRORS) + wrong * np.log(_ERRORS) + right * np.log1p(-_ERRORS)
    for j, error in enumerate(_ERRORS.tolist()):
        score, _, _ = _answered(units, belief, error)
        top = score.max(axis=1, initial=-np.inf, keepdims=True)
        fit[j] += halves @ (np.log((np.exp(score - top) * prior).sum(axis=1) + 1e-300) + top[:, 0])
    # The mean, not the mode: as long as few answers could contradict one another, ε might be more than it seems.
    return float(softmax(fit) @ _ERRORS)


def _beliefs(
    given: Seeds,
    knowledge: Knowledge,
    units: _Units,
    classes: _Classes,
    result: _Round,
    error: float,
) -> Beliefs:
    belief = result.unit[units.unit]
    probability = everywhere(given, belief, _communal(given.near, classes)).mixed(result.weight)
    probability[units.item] = belief
    same = expit(result.link + logit(result.merge))
    np.fill_diagonal(same, 0.0)
    anchor = np.array(classes.anchor, dtype=np.int64)
    label = probability.argmax(axis=1)
    source = _sources(knowledge, units, classes, label)
    reach = _reach(given.near, result.weight, probability)
    surprise = np.zeros(knowledge.n_items)
    surprise[units.item] = 1.0 - result.mixed[np.arange(len(units.item)), label[units.item]]
    return Beliefs(probability, anchor, source, same, error, reach, surprise)


def _reach(
    near: Neighborhood, weight: Float[ndarray, " e"], probability: Float[ndarray, "n c"]
) -> Float[ndarray, " n"]:
    """Doubt that settling an item would lift: Σ_j R_ij ÷ R_ii · (1 − max_c p_jc), fields weighed by trust."""
    doubt = (1.0 - probability.max(axis=1))[:, None]
    everyone = np.arange(len(doubt))
    total = np.zeros(len(doubt))
    for share, field in zip(by_field(weight, len(near.fields)), near.fields, strict=True):
        total += share * field.spread(everyone, doubt)[:, 0] / np.maximum(field.own, 1e-12)
    return total


def _sources(
    knowledge: Knowledge, units: _Units, classes: _Classes, label: Int64[ndarray, " n"]
) -> Int8[ndarray, " n"]:
    """Told: found alike with the anchor of its class, or that anchor itself; deduced: in a unit that anchors it."""
    source = np.full(knowledge.n_items, PREDICTED)
    anchor = np.array(classes.anchor, dtype=np.int64)
    deduced = np.zeros(knowledge.n_items, dtype=bool)
    deduced[units.item] = True
    source[deduced & (knowledge.group == knowledge.group[anchor[label]])] = DEDUCED
    counts = knowledge.votes.all()
    ends = knowledge.votes.ends(counts.key[counts.verdict > 0])
    ends = np.concatenate([ends, ends[:, ::-1]])
    source[ends[anchor[label[ends[:, 1]]] == ends[:, 0], 1]] = TOLD
    source[anchor[np.isin(anchor, units.item)]] = TOLD
    return source


def _one_hot(label: Int64[ndarray, " n"], n_classes: int) -> Float[ndarray, "n n_classes"]:
    return np.eye(n_classes)[label]
