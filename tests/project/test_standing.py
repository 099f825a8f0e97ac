"""Standing: what answers prove, unless beliefs hold it for part of something larger."""

import numpy as np
import pytest

from pal.answers import Answers, Question
from pal.beliefs import Beliefs
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
