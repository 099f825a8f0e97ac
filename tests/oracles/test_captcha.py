"""Captcha, captcha guided by the model, spot the outliers."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pal.beliefs import settle
from pal.errors import InvalidInputError
from pal.knowledge import known
from pal.labelers import SimulatedLabeler
from pal.loop import Loop, run
from pal.oracles import ORACLES
from pal.oracles.guided_captcha import central_templates, guided_captcha
from pal.oracles.taxonomy import derived_parents, parents_of

CAPTCHAS = ["captcha", "guided-captcha"]


def n_answers(make_state, name, labels, *, complete):
    """Answers until nothing is left, with beliefs drawn from the true labels and some noise."""
    n, classes = len(labels), np.unique(labels, return_index=True)[1]
    rng = np.random.default_rng(0)
    probability = rng.dirichlet(np.ones(len(classes)), size=n) + np.eye(len(classes))[labels]

    def learner(knowledge):
        return make_state(rng.standard_normal((n, 2)), probability / 2, classes).model

    loop = Loop(
        np.zeros((n, 2)),
        ORACLES[name],
        page_size=3,
        classes=classes.tolist() if complete else (),
        complete=complete,
        learner=learner,
    )
    total = sum(len(answers) for _, answers in run(loop, SimulatedLabeler(labels), n_pages=n * n))
    settled = settle(loop.knowledge)
    assert (settled.label >= 0).all()
    assert len(settled.anchor) == len(classes)
    return total


@pytest.mark.slow
@pytest.mark.parametrize("name", CAPTCHAS)
@settings(max_examples=25)
@given(st.lists(st.integers(0, 3), min_size=3, max_size=12))
def test_settles_all_items_in_at_most_n_times_c(make_state, name, labels):
    labels = np.unique(labels, return_inverse=True)[1]
    n, c = len(labels), labels.max() + 1
    least = n - c if c > 1 else 0  # with one class, known to be the only one, nothing needs to be asked
    assert least <= n_answers(make_state, name, labels, complete=True) <= (n - c) * (c - 1)
    assert n - 1 <= n_answers(make_state, name, labels, complete=False) <= n * c


def groups_of_three(make_state, **options):
    """Classes {0, 1, 2}, {3, 4} and {5} are known apart; items 6.. are not settled."""
    z = np.column_stack([[0.0, 1.0, 5.0, 2.0, 9.0, 7.0, *range(6)], np.zeros(12)])
    answers = [(0, [1, 2], [1, 1]), (3, [4], [1]), (0, [3, 5], [-1, -1]), (3, [5], [-1])]
    return make_state(z, options.pop("probability"), [0, 3, 5], answers=answers, **options)


def believed_like(columns):
    return np.eye(3)[[0, 0, 0, 1, 1, 2, *columns]] * 0.94 + 0.02


def test_templates_are_central(make_state):
    state = groups_of_three(make_state, probability=believed_like([0] * 6))
    settled = settle(state.knowledge)
    centre = {int(settled.anchor[j]): int(t) for j, t in enumerate(central_templates(state, settled))}
    assert centre == {0: 1, 3: 3, 5: 5}  # the mean of 0, 1, 5 is 2, next to item 1; of two items the first
    held = groups_of_three(make_state, probability=believed_like([0] * 6), held=[1, 5])
    assert sorted(central_templates(held, settle(held.knowledge)).tolist()) == [-1, 0, 3]


def test_class_of_least_known_over_probability(make_state):
    """Class 0 has most known items, but is believed to be by far the largest."""
    state = groups_of_three(make_state, probability=believed_like([0, 0, 0, 0, 0, 0]))
    (page,) = guided_captcha(state)
    assert page.template == 1
    balanced = groups_of_three(make_state, probability=believed_like([0, 1, 1, 1, 2, 2]))
    (page,) = guided_captcha(balanced)
    assert page.template == 5
    assert sorted(page.items.tolist()) == [10, 11]  # predicted of that class, and no others


def test_siblings_fill_the_page(make_state):
    state = groups_of_three(make_state, probability=believed_like([0, 1, 1, 1, 2, 2]))
    (page,) = guided_captcha(state, parents={0: "animal", 4: "thing", 5: "thing"})
    assert sorted(page.items[:2].tolist()) == [10, 11]
    assert sorted(page.items[2:].tolist()) == [7, 8, 9]
    (alone,) = partial(guided_captcha, parents={})(state)
    assert sorted(alone.items.tolist()) == [10, 11]


def test_unseen_classes_are_looked_for(make_state):
    """Items 3 and 4 anchor classes that nobody has seen: each page shows some of them, until they are opened."""
    probability = np.eye(3)[[0, 0, 0, 1, 2, 0, 0, 0, 0]]
    state = make_state(np.zeros((9, 2)), probability, [0, 3, 4], answers=[(0, [1], [1])], page_size=3)
    (page,) = guided_captcha(state)
    assert page.items[0] in (3, 4)
    assert not set(page.items[1:].tolist()) & {3, 4}


def test_parents():
    knowledge = known(6)
    template = np.array([0, 2, 4, 5])
    assert parents_of(knowledge, template, {}).tolist() == [0, 1, 2, 3]
    assert parents_of(knowledge, template, {0: "a", 4: "a", 2: 0}).tolist() == [0, 1, 0, 2]
    with pytest.raises(InvalidInputError, match=r"items in 0\.\.5, got 9\.\.9"):
        parents_of(knowledge, template, {9: "a"})


def test_parents_from_the_embedding():
    centres = np.array([[0.0, 0], [0, 1], [50, 0], [50, 1], [51, 0]])
    parent = derived_parents(
        np.repeat(centres, 3, axis=0), np.repeat(np.eye(5), 3, axis=0), rng=np.random.default_rng(0)
    )
    assert parent[0] == parent[1] != parent[2] == parent[3] == parent[4]


def test_outliers_shows_what_is_believed_alike(make_state):
    probability = believed_like([0, 0, 1, 1, 1, 1])
    probability[6:8] = [0.6, 0.2, 0.2], [0.5, 0.3, 0.2]
    state = groups_of_three(make_state, probability=probability, page_size=2)
    (page,) = ORACLES["outliers"](state)
    assert page.mode == "different"
    assert page.template == 3  # 4 of 6 items left, against 2 of 5 for class 0
    assert set(page.items.tolist()) <= {8, 9, 10, 11}
