"""Standing: what answers prove, unless beliefs hold it for part of something larger."""

import dataclasses

import numpy as np
import pytest

from pal.answers import Answers, Question
from pal.beliefs import PREDICTED, TOLD, Beliefs
from pal.knowledge import known
from pal.project.standing import standing

N = 12


def believed(label, anchor, *, sure=0.95):
    probability = np.full((N, len(anchor)), (1.0 - sure) / max(len(anchor) - 1, 1))
    probability[np.arange(N), label] = sure
    anchor = np.array(anchor)
    return Beliefs(probability, anchor, np.zeros(N, dtype=np.int8), np.zeros((len(anchor), len(anchor))), 0.05)


def told(*votes):
    return known(N, sum((Answers.of(Question(a, np.array(b)), [r] * len(b)) for a, b, r in votes), Answers.empty()))


@pytest.mark.parametrize("sure", [0.95, 0.6])
def test_a_group_is_part_of_a_larger_one_if_beliefs_are_sure_of_it(sure):
    knowledge = told((0, [1, 2, 3, 4], 1), (5, [6], 1), (0, [8], -1))
    now = standing(knowledge, believed([0] * 8 + [1] * 4, [0, 8], sure=sure))
    assert (now.label[5] == now.label[0]) == (sure > 0.9)
    assert now.source[6] == (0 if sure > 0.9 else 2)
    assert now.label[8] != now.label[0]


def test_what_answers_say_to_differ_is_not_part_of_it():
    knowledge = told((0, [1, 2, 3, 4], 1), (5, [6], 1), (0, [5], -1))
    now = standing(knowledge, believed([0] * 8 + [1] * 4, [0, 8]))
    assert now.label[5] == now.label[6] != now.label[0]


def test_of_a_proven_class_and_an_open_group_the_smaller_is_part_of_the_larger():
    """A pair that differs from all classes proven so far, whose own class nothing has been compared with yet."""
    knowledge = told((0, [1, 2, 3], 1), (4, [5, 6, 7, 8], 1), (9, [10], 1), (0, [9], -1))
    now = standing(knowledge, believed([0] * 4 + [1] * 8, [0, 4]))
    assert now.label[9] == now.label[10] == now.label[4] != now.label[0]
    assert len(np.unique(now.label)) == 2


@pytest.mark.parametrize(("columns", "alike", "by_mistake"), [(2, 0.0, True), (3, 0.3, True), (3, 0.2, False)])
def test_an_item_denied_every_class_is_a_group_unless_likelier_denied_by_mistake(columns, alike, by_mistake):
    knowledge = told((0, [1, 2], 1), (4, [5, 6], 1), (0, [4, 9], -1), (4, [9], -1))
    beliefs = believed([0] * 4 + [1] * 5 + [columns - 1] + [1] * 2, [0, 4, 9][:columns])
    same = np.zeros((columns, columns))
    same[2:, :2] = alike
    same[:2, 2:] = alike
    now = standing(knowledge, dataclasses.replace(beliefs, same=same))
    assert now.n_classes == (2 if by_mistake else 3)
    assert now.label[9] == (-1 if by_mistake else now.label.max())
    assert now.source[9] == (PREDICTED if by_mistake else TOLD)


def test_a_class_that_others_are_believed_of_stays_though_one_item_is_told():
    knowledge = told((0, [1, 2], 1), (4, [5, 6], 1), (0, [4, 9], -1), (4, [9], -1))
    beliefs = believed([0] * 4 + [1] * 3 + [2] * 5, [0, 4, 9])
    now = standing(knowledge, dataclasses.replace(beliefs, same=np.full((3, 3), 0.4) - 0.4 * np.eye(3)))
    assert now.n_classes == 3
    assert np.bincount(now.label).tolist() == [4, 3, 5]


def test_a_known_class_stays_a_group():
    knowledge = known(
        N,
        Answers.of(Question(0, np.array([1, 9])), [1, -1]) + Answers.of(Question(4, np.array([9])), [-1]),
        classes=[9],
    )
    assert (standing(knowledge, believed([0] * 4 + [1] * 8, [0, 4])).anchor == 9).sum() == 1


def test_pairs_found_alike_within_a_class_that_nobody_asked_about_leave_it_whole():
    knowledge = told((1, [2], 1), (3, [5], 1), (6, [7], 1), (8, [6], -1))
    now = standing(knowledge, believed([0] * 6 + [1] * 6, [0, 8]))
    assert np.unique(now.label[:6]).tolist() == [now.label[0]]
    assert now.source[:6].tolist() == [0, 2, 2, 0, 0, 0]  # one pair stands for all, and what was told of it stays so
    assert now.anchor[now.label[0]] == 1
    assert now.label[6] == now.label[7] != now.label[8]  # known to differ from what names the class


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("n", [30, 60])
def test_an_odd_pair_names_no_class_of_many(n, merged):
    """Items 1 and 2 were found alike; beliefs hold them for part of a class named after item 0, as columns or items."""
    knowledge = known(n, Answers.of(Question(1, np.array([2])), [1]))
    label = np.zeros(n, dtype=int)
    label[[1, 2]] = 1 if merged else 0
    probability = 0.01 + 0.98 * np.eye(2)[label]
    partition = np.array([0, 0]) if merged else None
    none = np.zeros(n, dtype=np.int8)
    now = standing(
        knowledge,
        Beliefs(probability, np.array([0, 1 if merged else n - 1]), none, np.zeros((2, 2)), 0.05, partition=partition),
    )
    assert len(np.unique(now.label[:-1])) == 1
    assert now.anchor[now.label[0]] == (1 if n == 30 else 0)
    assert now.source[2] == (TOLD if n == 30 else PREDICTED)


def test_a_known_class_names_all_that_are_believed_to_be_of_it():
    label = np.repeat([0, 1], [59, 1])
    beliefs = Beliefs(
        0.01 + 0.98 * np.eye(2)[label], np.array([0, 59]), np.zeros(60, dtype=np.int8), np.zeros((2, 2)), 0.05
    )
    now = standing(known(60, classes=[59]), dataclasses.replace(beliefs, partition=np.array([0, 0])))
    assert now.anchor.tolist() == [59]
    assert (now.label == 0).all()
