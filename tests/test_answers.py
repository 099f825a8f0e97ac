import numpy as np
import pytest

from pal.answers import Answers, Growing, Question, concatenate
from pal.errors import InvalidInputError


def test_answers_of_a_page():
    answers = Answers.of(Question(4, np.array([1, 3])), np.array([1, -1]), labeler=2, number=7, time=1.5)
    assert len(answers) == 2
    np.testing.assert_array_equal(answers.template, [4, 4])
    np.testing.assert_array_equal(answers.item, [1, 3])
    np.testing.assert_array_equal(answers.relation, [1, -1])
    np.testing.assert_array_equal(answers.labeler, [2, 2])
    np.testing.assert_array_equal(answers.question, [7, 7])
    np.testing.assert_array_equal(answers.time, [1.5, 1.5])
    assert answers.relation.dtype == np.int8


def test_concatenate_and_take_are_inverse():
    first = Answers.of(Question(0, np.array([1, 2])), np.array([1, 0]))
    second = Answers.of(Question(3, np.array([2])), np.array([-1]))
    both = first + second
    np.testing.assert_array_equal(both.item, [1, 2, 2])
    np.testing.assert_array_equal(both.take(slice(2, 3)).template, second.template)
    np.testing.assert_array_equal(both.take(both.relation == 0).item, [2])
    assert len(concatenate([])) == len(Answers.empty()) == 0


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Question(1, [0, 1]), "compared with itself"),
        (lambda: Question(1, [0, 0]), "each item once"),
        (lambda: Answers.of(Question(1, [0, 2]), [1]), "2 tiles needs 2 relations"),
        (lambda: Answers([0], [1], [2], [0], [0], [0.0]), "relations must be -1, 0 or"),
        (lambda: Answers([0], [1], [256], [0], [0], [0.0]), "relations must be -1, 0 or"),
        (lambda: Answers([0], [1], [0.5], [0], [0], [0.0]), "relations must be -1, 0 or"),
        (lambda: Answers([0], [0], [1], [0], [0], [0.0]), "compared with itself"),
        (lambda: Answers([0, 1], [1], [1], [0], [0], [0.0]), "one length"),
        (lambda: Answers([[0]], [[1]], [[1]], [[0]], [[0]], [[0.0]]), "flat"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(InvalidInputError, match=message):
        make()


def test_answers_begin_alike_up_to_the_first_that_was_taken_back():
    page, other = (Answers.of(Question(t, np.array([3, 4, 5])), [1, -1, r]) for t, r in ((0, 1), (1, 0)))
    every = concatenate([page, other])
    assert every.n_common(every) == 6
    assert every.n_common(page) == page.n_common(every) == 3
    assert every.n_common(other) == 0
    assert every.n_common(concatenate([page, Answers.of(Question(1, np.array([3, 4])), [1, 1])])) == 4
    assert Answers.empty().n_common(every) == 0


def test_growing_answers_are_the_parts_joined_and_what_was_read_stays():
    rng = np.random.default_rng(0)
    growing, parts, seen = Growing(), [], []
    for number in range(40):
        q = int(rng.integers(0, 6))
        template = rng.integers(0, 50, q)
        relation = rng.integers(-1, 2, q)
        numbers = np.full(q, number)
        parts.append(Answers(template, template + 1, relation, numbers, numbers, rng.random(q)))
        growing.add(parts[-1])
        seen.append((growing.answers, concatenate(parts)))
    for found, joined in seen:
        for name in ("template", "item", "relation", "labeler", "question", "time"):
            np.testing.assert_array_equal(getattr(found, name), getattr(joined, name))
            assert getattr(found, name).dtype == getattr(joined, name).dtype
