"""The posterior over classes, from answers that may be wrong and a neighbour graph.

Definition. Items that were asked about form *units* u: groups of items that the answers join, or single items once
answers contradict one another. A class is anchored at a unit, or at the medoid of a community that nobody was asked
about. With R the propagation of :mod:`pal.propagation`, q_u the belief about unit u, and ε the share of wrong answers:

- prior of item i: p_ic ∝ Σ_u R_iu q_uc (its own mass left out) + κ · (membership of i in communities of class c);
- likelihood of an answer r ∈ {+1, −1} between units u and v, given that u is of class c:
  q_vc (1 − ε) + (1 − q_vc) ε for +1, and 1 minus that for −1;
- belief: q_uc ∝ prior × likelihoods of the answers about u; anchors are of their class by definition.

A few rounds of these (mean-field) updates are run. In each, two classes are merged when the answers across them make
that more likely than not, and a unit that all classes were ruled out for opens one. Everything is recomputed from the
answers, so no early mistake stays. Cost: O(nnz · C + answers · C) a round.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int8, Int64
from numpy import ndarray
from scipy.sparse.csgraph import connected_components
from scipy.special import expit, logit, softmax

from pal.beliefs import DEDUCED, PREDICTED, TOLD, Beliefs, Settled, settle
from pal.communities import Neighborhood, link_ratio
from pal.knowledge import Knowledge
from pal.propagation import spread

# Weight of a community as a whole, in answers: that many real ones in it outweigh it.
_KAPPA = 3.0
# A community is of the class of the units at its heart (membership ** _HEART) once they weigh this much.
_HEART, _ENOUGH = 4, 0.5
# Prior probability that two communities are one class lies in this range, whatever their links say.
_MERGE = (0.02, 0.45)
# Prior weight of "a class not seen yet" against all known ones.
_NEW = 1e-3
# Shares of wrong answers to choose from.
_ERRORS = np.array([1e-3, 0.01, 0.02, 0.04, 0.07, 0.1, 0.14, 0.2, 0.3])
# Prior on ε, as so many right answers.
_TRUST = 30.0
# Up to this error, what answers imply by transitivity is taken as true.
_TRUSTED = 0.02


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

    probability: Float[ndarray, "n c"]
    unit: Float[ndarray, "u c"]
    link: Float[ndarray, "c c"]
    new: Float[ndarray, " u"]
    surprise: Float[ndarray, " p"]


def believe(near: Neighborhood, knowledge: Knowledge, /, *, rounds: int = 8) -> Beliefs:
    """Posterior of every item after all answers; see the module for the model."""
    settled = settle(knowledge)
    error = _error(near, knowledge)
    trusted = error <= _TRUSTED and not len(knowledge.contradictions)
    units = _units(knowledge, knowledge.group if trusted else np.arange(knowledge.n_items))
    classes = _initial_classes(near, units, settled if trusted else None)
    belief = np.zeros((units.n_units, len(classes.anchor)))
    steady = 0
    for _ in range(rounds):
        result = _update(near, units, classes, belief, error)
        belief = result.unit
        changed = _revise(near, units, classes, result)
        steady = steady + 1 if changed is None else 0
        if steady == 2:
            break
        if changed is not None:
            classes, onto = changed
            belief = belief @ onto
    return _beliefs(near, knowledge, units, classes, result, error)


def _error(near: Neighborhood, knowledge: Knowledge) -> float:
    """Share of wrong answers, judged before any deduction: each item a unit, each community a class."""
    units = _units(knowledge, np.arange(knowledge.n_items))
    classes = _initial_classes(near, units, None)
    belief = np.zeros((units.n_units, len(classes.anchor)))
    error = _ERRORS[0]
    for _ in range(2):
        result = _update(near, units, classes, belief, float(error))
        belief = result.unit
        error = _estimate_error(units, result.surprise)
    return float(error)


def _units(knowledge: Knowledge, name: Int64[ndarray, " n"]) -> _Units:
    counts = knowledge.votes.all()
    ends = knowledge.votes.ends(counts.key)
    item = np.unique(ends)
    _, unit = np.unique(name[item], return_inverse=True)
    of_item = np.zeros(knowledge.n_items, dtype=np.int64)
    of_item[item] = unit
    ends = of_item[ends]
    across = ends[:, 0] != ends[:, 1]
    n_units = int(unit.max(initial=-1)) + 1
    return _Units(item, unit, n_units, ends[across], counts.alike[across] * 1.0, counts.unlike[across] * 1.0)


def _initial_classes(near: Neighborhood, units: _Units, settled: Settled | None) -> _Classes:
    """One class for each proven one, then for each community: of the unit at its heart, or its own."""
    n_communities = len(near.medoid)
    heart = np.zeros((units.n_units + 1, n_communities))
    np.add.at(heart, units.unit, near.membership[units.item] ** _HEART)
    position = np.searchsorted(units.item, near.medoid)
    asked = np.isin(near.medoid, units.item)
    heart[units.unit[position[asked]], np.flatnonzero(asked)] += 1.0
    of_unit = np.full(units.n_units, -1)
    anchors: list[int] = []
    if settled is not None and units.n_units:
        for item in settled.anchor[np.isin(settled.anchor, units.item)].tolist():
            of_unit[units.unit[np.searchsorted(units.item, item)]] = len(anchors)
            anchors.append(item)
    community = np.zeros(n_communities, dtype=np.int64)
    best = heart.argmax(axis=0)
    for k in range(n_communities):
        u = int(best[k]) if heart[best[k], k] > _ENOUGH else -1
        if u >= 0 and of_unit[u] >= 0:
            community[k] = of_unit[u]
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
    near: Neighborhood, units: _Units, classes: _Classes, belief: Float[ndarray, "u c"], error: float
) -> _Round:
    """One round: propagate, weigh with the answers, and score merges and new classes."""
    n, c = len(near.own), len(classes.anchor)
    anchored = classes.unit >= 0
    fixed = np.zeros((units.n_units, c))
    fixed[anchored, classes.unit[anchored]] = 1.0
    belief = np.where(anchored[:, None], fixed, belief)
    mass = np.zeros((n, c))
    mass[units.item] = belief[units.unit]
    communal = near.membership @ _one_hot(classes.community, c) * (_KAPPA * len(near.medoid) / n)
    evidence = spread(near.affinity, mass) + communal + 1e-12
    others = evidence[units.item] - near.own[units.item, None] * belief[units.unit]
    prior = np.zeros((units.n_units, c))
    np.add.at(prior, units.unit, np.maximum(others, communal[units.item] + 1e-12))
    prior = np.log(prior / prior.sum(axis=1, keepdims=True))
    guess = (evidence / evidence.sum(axis=1, keepdims=True)).argmax(axis=1)
    merge_prior = _merge_prior(near, guess, c)
    np.fill_diagonal(merge_prior, 1.0)

    a, b = units.ends.T
    log_same = units.alike * np.log1p(-error) + units.unlike * np.log(error)
    log_differ = units.alike * np.log(error) + units.unlike * np.log1p(-error)
    to_a = _message(belief[b], log_same, log_differ)
    to_b = _message(belief[a], log_same, log_differ)
    score = prior.copy()
    np.add.at(score, a, to_a)
    np.add.at(score, b, to_b)
    new = np.full(units.n_units, np.log(_NEW))
    np.add.at(new, a, log_differ)
    np.add.at(new, b, log_differ)
    updated = np.where(anchored[:, None], fixed, softmax(score, axis=1))

    # Beliefs about each end without the answer between them.
    cavity_a = np.where(anchored[a, None], fixed[a], softmax(score[a] - to_a, axis=1))
    cavity_b = np.where(anchored[b, None], fixed[b], softmax(score[b] - to_b, axis=1))
    link = cavity_a.T @ ((log_same - log_differ)[:, None] * cavity_b)
    probability = evidence / evidence.sum(axis=1, keepdims=True)
    probability[units.item] = updated[units.unit]
    return _Round(
        probability,
        updated,
        link + link.T,
        np.where(anchored, -np.inf, new - score.max(axis=1, initial=-np.inf)),
        ((cavity_a @ merge_prior) * cavity_b).sum(axis=1),
    )


def _message(
    other: Float[ndarray, "p c"], log_same: Float[ndarray, " p"], log_differ: Float[ndarray, " p"]
) -> Float[ndarray, "p c"]:
    """Log-likelihood of the votes on a pair for each class of one end, given beliefs about the other."""
    top = np.maximum(log_same, log_differ)
    same, differ = np.exp(log_same - top)[:, None], np.exp(log_differ - top)[:, None]
    return np.log(np.maximum(same * other + differ * (1.0 - other), 1e-300)) + top[:, None]


def _merge_prior(near: Neighborhood, label: Int64[ndarray, " n"], n_classes: int) -> Float[ndarray, "c c"]:
    """Probability that two classes are one, from the links between their items alone."""
    ratio = link_ratio(near.weights, label, n_classes)
    return np.clip(ratio / (1.0 + ratio), *_MERGE)


def _revise(
    near: Neighborhood, units: _Units, classes: _Classes, result: _Round
) -> tuple[_Classes, Float[ndarray, "c d"]] | None:
    """Classes after the merges, or the one new class, that the answers call for; and the map from old to new."""
    c = len(classes.anchor)
    odds = result.link + logit(_merge_prior(near, result.probability.argmax(axis=1), c))
    merge = (result.link > 0) & (odds > 0) & ~np.eye(c, dtype=bool)
    if merge.any():
        _, label = connected_components(merge, directed=False)
        _, first = np.unique(label, return_index=True)
        label = np.argsort(np.argsort(first))[label].astype(np.int64)
        return classes.joined(label), _one_hot(label, int(label.max()) + 1)
    if result.new.max(initial=-np.inf) > 0:
        unit = int(result.new.argmax())
        return classes.opened(unit, int(units.item[units.unit == unit][0])), np.eye(c, c + 1)
    return None


def _estimate_error(units: _Units, alike: Float[ndarray, " p"]) -> float:
    """Most likely ε given how probable "alike" was before each answer, with a prior of ``_TRUST`` right answers."""
    alike = np.clip(alike, 1e-6, 1.0 - 1e-6)[:, None]
    right = units.alike[:, None] * np.log(_ERRORS + (1.0 - 2.0 * _ERRORS) * alike)
    wrong = units.unlike[:, None] * np.log(_ERRORS + (1.0 - 2.0 * _ERRORS) * (1.0 - alike))
    fit = (right + wrong).sum(axis=0) + _TRUST * np.log1p(-_ERRORS)
    return float(_ERRORS[fit.argmax()])


def _beliefs(
    near: Neighborhood,
    knowledge: Knowledge,
    units: _Units,
    classes: _Classes,
    result: _Round,
    error: float,
) -> Beliefs:
    c = len(classes.anchor)
    anchor = np.array(classes.anchor, dtype=np.int64)
    label = result.probability.argmax(axis=1)
    same = expit(result.link + logit(_merge_prior(near, label, c)))
    np.fill_diagonal(same, 0.0)
    return Beliefs(result.probability, anchor, _sources(knowledge, units, classes, label), same, error)


def _sources(
    knowledge: Knowledge, units: _Units, classes: _Classes, label: Int64[ndarray, " n"]
) -> Int8[ndarray, " n"]:
    """Told: found alike with the anchor of its class, or that anchor itself; deduced: in a unit that anchors it."""
    source = np.full(knowledge.n_items, PREDICTED)
    of_item = classes.unit[units.unit]
    source[units.item[(of_item >= 0) & (of_item == label[units.item])]] = DEDUCED
    counts = knowledge.votes.all()
    ends = knowledge.votes.ends(counts.key[counts.verdict > 0])
    ends = np.concatenate([ends, ends[:, ::-1]])
    anchor = np.array(classes.anchor, dtype=np.int64)
    source[ends[anchor[label[ends[:, 1]]] == ends[:, 0], 1]] = TOLD
    source[anchor[np.isin(anchor, units.item)]] = TOLD
    return source


def _one_hot(label: Int64[ndarray, " n"], n_classes: int) -> Float[ndarray, "n n_classes"]:
    return np.eye(n_classes)[label]
