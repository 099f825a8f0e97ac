import numpy as np
import pytest

from pal.answers import Question
from pal.errors import InvalidInputError
from pal.labelers import Crowd, SimulatedLabeler
from pal.learner import learn, prepare
from pal.loop import Loop, run
from pal.oracles import captcha, random_pairs


def blobs(n_each=10, seed=0):
    y = np.repeat(np.arange(3), n_each)
    return 8.0 * np.eye(3)[y] + np.random.default_rng(seed).standard_normal((len(y), 3)), y


def test_run_ends_with_every_label_known():
    x, y = blobs()
    loop = Loop(x, captcha, page_size=5, seed=0)
    pages = list(run(loop, SimulatedLabeler(y), n_pages=1000))
    assert loop.ask() is None
    assert sum(len(answers) for _, answers in pages) == len(loop.answers)
    beliefs = loop.model.beliefs
    assert len(beliefs.anchor) == 3
    np.testing.assert_array_equal(y[beliefs.anchor][beliefs.label], y)
    np.testing.assert_array_equal(loop.answers.question, np.repeat(np.arange(len(pages)), [len(a) for _, a in pages]))


@pytest.mark.slow
@pytest.mark.parametrize("oracle", [captcha, random_pairs])
def test_same_seed_same_run(oracle):
    x, y = blobs()

    def play(seed):
        return [
            (question.template, question.items.tolist())
            for question, _ in run(Loop(x, oracle, page_size=5, seed=seed), SimulatedLabeler(y), n_pages=6)
        ]

    assert play(1) == play(1)
    assert play(1) != play(2)


def test_run_yields_what_was_told():
    x, y = blobs()
    loop = Loop(x, captcha, page_size=5, seed=0)
    labeler = SimulatedLabeler(y)
    for number, (question, answers) in enumerate(run(loop, labeler, n_pages=3), start=1):
        np.testing.assert_array_equal(answers.relation, labeler(question))
        assert len(set(loop.answers.question.tolist())) == number


def test_the_model_is_fitted_when_looked_at():
    x, _ = blobs()
    fits = []
    prepared = prepare(x)

    def counting(knowledge):
        fits.append(len(knowledge.votes.all().key))
        return learn(prepared, knowledge)

    loop = Loop(x, captcha, learner=counting)
    loop.tell(Question(0, np.array([1, 2])), [1, 1], labeler=7)
    loop.tell(Question(0, np.array([3])), [1])
    assert fits == []
    assert loop.model is loop.model
    assert fits == [3]
    np.testing.assert_array_equal(loop.answers.labeler, [7, 7, 0])


def test_answers_must_fit_the_page():
    x, _ = blobs()
    loop = Loop(x, captcha)
    with pytest.raises(InvalidInputError, match="2 tiles needs 2 relations"):
        loop.tell(Question(0, np.array([1, 2])), np.array([1]))
    assert not len(loop.answers)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((1, 3)), "at least 2 items"),
        (np.ones(5), "at least 2 items"),
        (np.array([[0.0, 1.0], [np.nan, 1.0], [np.inf, 0.0]]), r"NaN or infinity in 2 row\(s\)"),
    ],
)
def test_features_that_cannot_be_learned_from(x, message):
    with pytest.raises(InvalidInputError, match=message):
        prepare(x)


def test_items_that_all_look_the_same():
    """Features of rank 1: the answers settle everything all the same."""
    prepared = prepare(np.ones((6, 2)))
    loop = Loop(np.ones((6, 2)), captcha, learner=lambda knowledge: learn(prepared, knowledge), page_size=3)
    y = np.array([0, 1, 0, 1, 0, 1])
    list(run(loop, SimulatedLabeler(y), n_pages=50))
    np.testing.assert_array_equal(y[loop.knowledge.group], y)
    assert loop.model.embedding.shape == (6, 1)
    np.testing.assert_allclose(loop.model.beliefs.probability.sum(axis=1), 1)


def test_the_person_of_a_crowd_who_answered_is_told():
    x, y = blobs()
    crowd = Crowd([SimulatedLabeler(y, seed=s) for s in range(3)])
    loop = Loop(x, captcha, page_size=5)
    who = [(crowd.who(question), given.labeler.tolist()) for question, given in run(loop, crowd, n_pages=6)]
    assert all(set(given) == {person} for person, given in who)
    assert loop.answers.labeler.tolist() == [person for _, given in who for person in given]
    assert len({person for person, _ in who}) > 1
