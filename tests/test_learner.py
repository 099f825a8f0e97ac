"""The learner of very many items: a model of some, read out for all, and an oracle that looks at no more."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import pal.representatives
from pal.answers import Answers, Question, concatenate
from pal.builders import from_beliefs
from pal.embedding import GraphEmbedding
from pal.knowledge import known
from pal.learner import learn, placed, prepare
from pal.oracles import State, ask, get_oracle

N, R = 600, 150


@pytest.fixture
def y():
    return np.random.default_rng(0).integers(4, size=N)


@pytest.fixture
def prepared(y, monkeypatch):
    """Features of 600 items, of which 150 are in the graph."""
    monkeypatch.setattr(pal.representatives, "N_ALL", 200)
    monkeypatch.setattr(pal.representatives, "N_REPRESENTATIVES", R)
    rng = np.random.default_rng(1)
    made = prepare(5.0 * rng.standard_normal((4, 5))[y] + rng.standard_normal((N, 5)), n_components=4)
    assert len(made.rows) == R
    return made


def of(y, template, items):
    return Answers.of(Question(template, np.asarray(items)), np.where(y[items] == y[template], 1, -1))


def test_the_core_is_of_representatives_and_of_items_asked_about(prepared, y):
    others = np.setdiff1d(np.arange(N), prepared.rows)
    knowledge = known(N, of(y, int(others[0]), np.r_[others[1:6], prepared.rows[:5]]))
    model = learn(prepared, knowledge)
    np.testing.assert_array_equal(model.core.rows, np.r_[prepared.rows, others[:6]])
    beliefs, inner = model.beliefs, model.core.model.beliefs
    np.testing.assert_allclose(beliefs.probability[model.core.rows], inner.probability, rtol=1e-6)
    np.testing.assert_array_equal(beliefs.anchor, model.core.rows[inner.anchor])
    np.testing.assert_array_equal(np.flatnonzero(beliefs.source), np.sort(model.core.rows[inner.source > 0]))
    np.testing.assert_allclose(beliefs.probability.sum(axis=1), 1.0, rtol=1e-5)
    rest = np.setdiff1d(np.arange(N), model.core.rows)
    expected = prepared.carried[rest] @ inner.probability[:R]
    np.testing.assert_allclose(beliefs.probability[rest], expected, atol=1e-6)
    np.testing.assert_array_equal(beliefs.reach[model.core.rows], inner.reach)
    # An answer lifts its own doubt at the least, or nobody would be asked about these.
    assert (beliefs.reach[rest] == inner.reach.min()).all()
    assert inner.reach.min() > 0.0
    assert model.affinity.shape == (N, N)
    assert model.embedding.shape == (N, 4)
    np.testing.assert_allclose(model.core.model.embedding, model.embedding[model.core.rows])


def test_answers_about_any_items_are_learned_from(prepared, y):
    rng = np.random.default_rng(2)
    others = np.setdiff1d(np.arange(N), prepared.rows)
    template = [int(others[y[others] == c][0]) for c in range(4)]
    knowledge = known(N)
    for t in template:
        knowledge = knowledge.add(of(y, t, rng.choice(np.setdiff1d(others, template), 25, replace=False)))
    beliefs = learn(prepared, knowledge).beliefs
    assert (y[beliefs.anchor][beliefs.label] == y).mean() > 0.95
    asked = np.flatnonzero(knowledge.asked)
    assert (y[beliefs.anchor][beliefs.label] == y)[asked].mean() > 0.97


def test_known_classes_may_be_any_items(prepared, y):
    others = np.setdiff1d(np.arange(N), prepared.rows)
    classes = [int(others[y[others] == c][0]) for c in range(4)]
    beliefs = learn(prepared, known(N, classes=classes, complete=True)).beliefs
    assert set(beliefs.anchor.tolist()) == set(classes)


@pytest.mark.parametrize("oracle", ["default", "margin", "captcha", "random"])
def test_oracles_ask_about_the_core_while_it_has_something_to_ask(prepared, y, oracle):
    answers = of(y, 0, np.arange(1, 16))
    knowledge = known(N, answers)
    model = learn(prepared, knowledge)
    held = np.zeros(N, dtype=bool)
    state = State(knowledge, answers.silent, model, 10, np.random.default_rng(3), held)
    (page, *_) = ask(get_oracle(oracle), state)
    assert set(page.items.tolist()) | {page.template} <= set(model.core.rows.tolist())
    held[model.core.rows] = True
    pages = ask(get_oracle(oracle), State(knowledge, answers.silent, model, 10, np.random.default_rng(3), held))
    assert not {i for p in pages for i in p.items.tolist()} & set(model.core.rows.tolist())


def test_a_state_among_items_grows_from_what_the_model_was_fitted_on(prepared, y):
    """What is known among the core is the same, whether folded anew or grown by the answers since."""
    rng = np.random.default_rng(5)
    before = of(y, 0, np.arange(1, 40))
    since = concatenate([of(y, t, rng.choice(np.arange(50, 400), 12, replace=False)) for t in range(0, 40, 4)])
    model, learned = learn(prepared, known(N, before)), known(N, before)
    held, every = np.zeros(N, dtype=bool), concatenate([before, since])
    anew, grown = (
        State(learned.add(since), every.silent, model, 10, rng, held, *more).among(model.core.rows, model.core.model)
        for more in ((), (learned, since))
    )
    np.testing.assert_array_equal(grown.knowledge.group, anew.knowledge.group)
    np.testing.assert_array_equal(grown.knowledge.differing, anew.knowledge.differing)
    for one, other in zip(grown.knowledge.ballots.all(), anew.knowledge.ballots.all(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(grown.since) < len(since), "some are about items outside"
    assert learned.among(model.core.rows) is learned.among(model.core.rows), "kept from page to page"


def test_an_oracle_of_a_model_without_a_core_sees_the_state_as_it_is(y):
    model = learn(prepare(np.random.default_rng(0).standard_normal((30, 2))), known(30))
    state = State(known(30), Answers.empty(), model, 5, np.random.default_rng(0), np.zeros(30, dtype=bool))
    seen = []
    assert ask(lambda given: seen.append(given) or [], state) == []
    assert seen == [state]


@pytest.mark.parametrize("of_core", [True, False])
def test_a_model_of_some_rows_is_placed_among_all(prepared, y, of_core):
    knowledge = known(N, of(y, 0, np.arange(1, 16)))
    model = learn(prepared, knowledge) if of_core else learn(prepare(prepared.x), knowledge)
    if not of_core:
        model = learn(prepare(prepared.x[:150]), knowledge.among(np.arange(150)))
    n = len(model.beliefs.label)
    rows = np.sort(np.random.default_rng(4).choice(1000, n, replace=False))
    made = placed(model, rows, 1000)
    np.testing.assert_allclose(made.beliefs.probability[rows], model.beliefs.probability, atol=1e-6)
    np.testing.assert_array_equal(made.beliefs.anchor, rows[model.beliefs.anchor])
    others = np.setdiff1d(np.arange(1000), rows)
    np.testing.assert_allclose(made.beliefs.probability[others], 1.0 / len(model.beliefs.anchor), rtol=1e-6)
    np.testing.assert_allclose(made.embedding[rows], model.embedding)
    assert not made.embedding[others].any()
    expected = csr_array(model.affinity)
    np.testing.assert_allclose(made.affinity[rows][:, rows].toarray(), expected.toarray())
    assert placed(model, np.arange(n), n) is model


def test_knowledge_among_items_is_that_of_the_answers_among_them(y):
    rng = np.random.default_rng(5)
    template, item = rng.integers(0, N, 300), rng.integers(0, N, 300)
    kept = template != item
    nothing = np.zeros(kept.sum(), dtype=np.int64)
    relation = rng.choice([-1, 0, 1], kept.sum())
    answers = Answers(template[kept], item[kept], relation, nothing, nothing, nothing)
    rows = rng.permutation(N)[:400]
    found, expected = known(N, answers).among(rows), known(400, answers.among(rows, N))
    np.testing.assert_array_equal(found.group, expected.group)
    np.testing.assert_array_equal(found.differing, expected.differing)
    for one, other in zip(found.votes.all(), expected.votes.all(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_classes_go_with_their_items():
    knowledge = known(10, classes=[1, 4, 7], complete=True)
    among = knowledge.among(np.array([7, 1, 0]))
    assert among.classes == (1, 0)
    assert not among.complete
    assert knowledge.among(np.array([4, 1, 7])).complete


def test_the_embedding_is_that_of_the_believed_graph(prepared, y):
    x = prepared.x[:200]
    knowledge = known(200, of(y[:200], 0, np.arange(1, 60)))
    model = learn(prepare(x), knowledge)
    direct = GraphEmbedding(1, n_landmarks=512, random_state=0).fit(np.asarray(x, dtype=np.float64))
    direct.n_components = model.embedding.shape[1]
    direct.update(from_beliefs(model.beliefs.probability))
    np.testing.assert_allclose(model.embedding, direct.embedding_, rtol=1e-6, atol=1e-9)
