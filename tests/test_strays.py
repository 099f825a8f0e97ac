"""Strays: what answers hold together is judged as one item, and soon a class of its own."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp
from sklearn.metrics import adjusted_rand_score

from pal.answers import Answers, Question
from pal.evidence import expected_rates, gather
from pal.knowledge import known
from pal.labelers import SimulatedLabeler
from pal.loop import Loop
from pal.oracles import ORACLES
from pal.strays import Told, held_together, listen, unfit

VOTES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.booleans()), min_size=1, max_size=20)


@given(votes=VOTES, label=st.lists(st.integers(0, 2), min_size=8, max_size=8), erring=st.booleans())
def test_groups_are_those_of_alike_answers_without_an_anchor(votes, label, erring):
    answers = sum((Answers.of(Question(a, np.array([b])), [2 * v - 1]) for a, b, v in votes if a != b), Answers.empty())
    if not len(answers.item):
        return
    knowledge = known(8, answers)
    evidence = gather(knowledge)
    label, anchor = np.array(label)[evidence.item], int(evidence.item[0])
    fixed = np.where(evidence.item == anchor, 0, -1)
    group = held_together(evidence, label, fixed, erring=erring)
    found = {frozenset(evidence.item[group == g].tolist()) for g in np.unique(group)}

    verdict = dict(zip(evidence.a * 100 + evidence.b, evidence.of_pairs(evidence.vote), strict=True))
    near = {i: {i} for i in range(len(evidence.item))}  # an independent closure, pair by pair
    for key, vote in verdict.items():
        a, b = divmod(int(key), 100)
        if vote > 0 and not (erring and label[a] != label[b]):
            one = near[a] | near[b]
            near.update(dict.fromkeys(one, one))

    def is_group(one):
        """Three or more, or two that were denied four times; none of them an anchor."""
        denials = sum((key // 100 in one) + (key % 100 in one) for key, vote in verdict.items() if vote < 0)
        several = len(one) > 2 or (len(one) == 2 and denials >= 4)
        return several and anchor not in evidence.item[sorted(one)]

    of = {i: frozenset(one) if is_group(one) else frozenset([i]) for one in near.values() for i in one}
    assert found == {frozenset(evidence.item[sorted(one)].tolist()) for one in of.values()}


def said(group, told, differ):
    no_pair, nothing = np.zeros(0), np.zeros((0, told.shape[1]))
    return Told(nothing, told, differ, group, no_pair, no_pair, told, differ)


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 1000))
def test_an_item_by_itself_fits_as_its_answers_say_and_a_group_as_all_of_theirs(t, c, seed):
    rng = np.random.default_rng(seed)
    told, differ, expected = -rng.exponential(3.0, (t, c)), -rng.exponential(3.0, t), rng.dirichlet(np.ones(c), t)
    alone = unfit(said(np.arange(t), told, differ), expected)
    np.testing.assert_allclose(alone, differ - logsumexp(told + np.log(expected), axis=1), rtol=1e-9)
    together = unfit(said(np.zeros(t, dtype=np.int64), told, differ), expected)
    score = told.sum(axis=0) + np.log(expected).mean(axis=0)
    np.testing.assert_allclose(together, differ.sum() - logsumexp(score), rtol=1e-9)


def test_nothing_was_asked():
    nothing = np.zeros(0, dtype=np.int64)
    assert unfit(said(nothing, np.zeros((0, 3)), np.zeros(0)), np.zeros((0, 3))).shape == (0,)


@pytest.fixture(scope="module")
def many():
    rng = np.random.default_rng(1)
    y = rng.integers(30, size=400)
    x = 1.6 * rng.standard_normal((30, 8))[y] + rng.standard_normal((400, 8))
    return SimpleNamespace(x=x, y=y)


@pytest.mark.slow
def test_what_answers_hold_together_isnt_put_in_a_class_that_it_was_never_compared_with(many):
    loop, labeler = Loop(many.x, ORACLES["default"], page_size=15, seed=1), SimulatedLabeler(many.y)
    for _ in range(20):
        question = loop.ask()
        loop.tell(question, labeler(question))
    beliefs, group = loop.model.beliefs, loop.knowledge.group
    large = np.flatnonzero(np.bincount(group, minlength=400)[group] >= 3)
    assert len(large) > 40
    np.testing.assert_array_equal(many.y[beliefs.anchor[beliefs.label[large]]], many.y[large])


@pytest.mark.slow
@pytest.mark.parametrize("n_items", [360, 240])
def test_classes_of_a_handful_are_found(n_items):
    """Sixty classes of six, or of one to six, of which communities of ten neighbours hold several each.

    Most are opened for a single item that was denied all others: where nobody errs, many such say that more will come.
    """
    rng = np.random.default_rng(0)
    y = np.sort(rng.permutation(np.repeat(np.arange(60), 6))[:n_items])
    x = rng.standard_normal((60, 8))[y] + 0.15 * rng.standard_normal((len(y), 8))
    loop, labeler = Loop(x, ORACLES["default"], page_size=15, seed=0), SimulatedLabeler(y)
    for _ in range(24):
        question = loop.ask()
        loop.tell(question, labeler(question))
    assert adjusted_rand_score(y, loop.model.beliefs.label) > 0.9


def test_what_a_group_says_of_itself_speaks_of_joins_and_not_of_its_items():
    answers = Answers.of(Question(0, np.array([1, 2, 5])), [1, 1, -1])
    evidence = gather(known(6, answers))
    belief = np.full((len(evidence.item), 2), 0.5)
    nobody = np.full(len(evidence.item), -1)
    said = listen(evidence, evidence.sums(), belief, np.zeros((2, 2)), nobody, expected_rates(evidence))
    inside = said.group[evidence.a] == said.group[evidence.b]
    assert inside.sum() == 2
    assert (said.same[inside] > said.apart[inside]).all()
    alone = np.isin(evidence.item, [1, 2])
    assert not said.by_others[alone].any()
    assert said.told[alone].all()
