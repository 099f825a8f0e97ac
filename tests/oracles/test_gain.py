"""The default oracle: it ends, and asks nothing for ever."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from pal.answers import Answers
from pal.knowledge import known
from pal.labelers import SimulatedLabeler
from pal.loop import Loop
from pal.oracles.gain import gain
from pal.oracles.state import State

LABELS = np.repeat(np.arange(4), 20)
LABELS_OF_THREE = np.repeat(np.arange(4), 3)


@pytest.mark.slow
def test_what_is_known_to_differ_is_not_asked_again_while_items_wait():
    x = 5.0 * np.eye(4)[LABELS] + np.random.default_rng(0).standard_normal((80, 4))
    labeler = SimulatedLabeler(LABELS)
    loop = Loop(x, gain, page_size=5, seed=0)
    n_answers, n_known = 0, 0
    while (loop.model.beliefs.source == 0).any():
        question = loop.ask()
        n_known += int((loop.knowledge.relation(question.template, question.items) < 0).sum())
        relation = labeler(question)
        n_answers += len(relation)
        loop.tell(question, relation)
    assert n_known == 0
    assert n_answers < 110


def test_a_model_that_is_behind_asks_about_what_nobody_was_asked_since():
    """Full pages of what isn't known, though the model is never fitted anew; a few items stand for their classes."""
    x = 5.0 * np.eye(4)[LABELS] + np.random.default_rng(0).standard_normal((80, 4))
    labeler, nobody = SimulatedLabeler(LABELS), np.zeros(80, dtype=bool)
    model, nothing, said = Loop(x, gain, page_size=5, seed=0).model, known(80), Answers.empty()
    rng = np.random.default_rng(0)
    at_once = []
    for _ in range(14):
        state = State(nothing.add(said), said.silent, model, 5, rng, nobody, nothing, said)
        pages = gain(state)
        on_pages = [i for page in pages for i in (page.template, *page.items.tolist())]
        assert len(set(on_pages)) == len(on_pages), "pages asked at once share nothing"
        at_once.append(len(pages))
        question = pages[0]
        assert len(question.items) == 5
        assert not state.knowledge.relation(question.template, question.items).any()
        said = said + Answers.of(question, labeler(question))
    assert len(np.unique(said.item)) > 50
    assert at_once[:4] == [1, 1, 1, 1]
    assert max(at_once) == 3


def erring(state):
    """The same state, where the beliefs say that one answer in ten is wrong."""
    return replace(state, model=replace(state.model, believe=replace(state.beliefs, error=0.1)))


def test_what_the_model_doubts_is_asked_again_where_people_err_and_not_what_it_does_not_know(make_state):
    probability = np.array([[0.9, 0.1]] * 3 + [[0.5, 0.5]] * 4 + [[0.1, 0.9]])
    state = make_state(
        np.eye(8), probability, [0, 7], answers=[(0, [1, 2], [1, 1]), (1, [3], [1]), (0, [7], [-1])], page_size=8
    )
    assert state.knowledge.relation(0, [3])[0] == 1
    for state_, again in ((erring(state), True), (replace(erring(state), learned=known(8)), False), (state, False)):
        question = gain(state_)[0]
        asked = zip(np.broadcast_to(question.template, len(question.items)), question.items.tolist(), strict=True)
        assert any({int(a), b} in ({0, 3}, {7, 3}) for a, b in asked) == again


def test_what_a_wrong_answer_put_elsewhere_is_asked_about_again_in_its_class(make_state):
    """Item 3 was found alike to 6 by mistake; the beliefs, less than sure, hold it for one of class 0 all the same."""
    probability = np.repeat([[1.0, 0.0], [0.0, 1.0]], 5, axis=0)
    probability[3] = 0.97, 0.03
    answers = [(0, [1, 2, 4, 5], [1, 1, 1, -1]), (5, [6, 7, 8, 9], [1, 1, 1, 1]), (6, [3], [1])]
    state = make_state(np.eye(10), probability, [0, 5], answers=answers)
    assert state.knowledge.relation(0, [3])[0] == -1
    question = gain(erring(state))[0]
    assert question.items.tolist() == [3]
    assert question.template in (0, 1, 2, 4)
    assert all(3 not in (question.template, *question.items) for question in gain(state))


def test_answers_that_contradict_one_another_are_asked_about_though_hardly_any_is_wrong(make_state):
    """Items 0 to 4 are alike, by a chain that also says that 4 isn't like 0; the beliefs hold it for one of class 1."""
    probability = np.repeat([[1.0, 0.0], [0.0, 1.0]], 5, axis=0)
    probability[4] = 0.4, 0.6
    answers = [(0, [1, 2, 3], [1, 1, 1]), (3, [4], [1]), (0, [4], [-1]), (5, [6, 7, 8, 9], [1, 1, 1, 1])]
    state = make_state(np.eye(10), probability, [0, 5], answers=answers)
    assert len(state.knowledge.contradictions)
    assert any(4 in question.items for question in gain(state))


@pytest.mark.parametrize("n_denied", [3, 4])
def test_an_item_denied_in_vain_is_asked_about_again_in_its_class(make_state, n_denied):
    """By a wrong "no" it is of no class, and contradicts nothing; another member of its class is asked, not before."""
    labels = np.repeat(np.arange(5), 4)
    probability = 0.02 + 0.9 * np.eye(5)[labels]
    probability[3] = [0.48, 0.13, 0.13, 0.13, 0.13]
    anchors = [0, 4, 8, 12, 16]
    answers = [(a, [a + 1, a + 2, a + 3], [1, 1, 1]) for a in anchors[1:]] + [(0, [1, 2], [1, 1])]
    answers += [(a, anchors[k + 1 :], [-1] * (4 - k)) for k, a in enumerate(anchors[:-1])]
    answers += [(a, [3], [-1]) for a in [1, *anchors[1:]][:n_denied]]
    state = make_state(np.eye(20), probability, anchors, answers=answers)
    assert not len(state.knowledge.contradictions)
    again = [question for question in gain(state) if question.template == 0 and 3 in question.items]
    assert bool(again) == (n_denied == 4)


def pairs_of_classes(make_state, answers, *, chained=1.0):
    """Items of the first page of one tile, where classes 0 and 1 are as probably one as 2 and 3, and no others are."""
    probability, same = np.repeat(np.eye(4), 3, axis=0), np.zeros((4, 4))
    same[[0, 1, 2, 3], [1, 0, 3, 2]] = 0.3
    alike = [(a, [a + 1, a + 2], [1, 1]) for a in (0, 3, 6)]
    state = make_state(np.eye(12), probability, [0, 3, 6, 9], answers=alike + answers, same=same, page_size=1)
    trusting = replace(state, model=replace(state.model, believe=replace(state.beliefs, chained=chained)))
    question = gain(trusting)[0]
    return {question.template, *question.items.tolist()}


def test_along_chains_a_class_that_was_denied_and_is_found_alike_nothing_comes_first_until_answers_contradict(
    make_state,
):
    assert pairs_of_classes(make_state, [(9, [10], [1])]) == {0, 3}
    assert pairs_of_classes(make_state, [(0, [9], [-1])]) == {6, 9}
    assert pairs_of_classes(make_state, [(0, [9], [-1])], chained=0.0) == {0, 3}
    assert pairs_of_classes(make_state, [(0, [9], [-1]), (1, [2], [-1])]) == {0, 3}


def test_what_is_implied_draws_no_page_until_answers_contradict(make_state):
    """Members of classes 0 and 1 were found alike, and nothing is known of 2 and 3, which are a little less doubted."""
    probability, same = np.repeat(np.eye(4), 3, axis=0), np.zeros((4, 4))
    same[[0, 1, 2, 3], [1, 0, 3, 2]] = 0.4, 0.4, 0.3, 0.3
    told = [(a, [a + 1, a + 2], [1, 1]) for a in (0, 3, 6, 9)] + [(1, [4], [1])]

    def asked(answers):
        state = erring(make_state(np.eye(12), probability, [0, 3, 6, 9], answers=answers, same=same, page_size=1))
        question = gain(state)[0]
        return {int(LABELS_OF_THREE[i]) for i in (question.template, *question.items)}

    assert asked(told) == {2, 3}
    assert asked([*told, (1, [2], [-1])]) == {0, 1}


def test_until_answers_contradict_one_another_a_page_has_two_tiles_at_most_whose_answer_is_implied(make_state):
    """Six classes of three items, all known to differ and all doubted, and twenty items of which nothing is known."""
    labels = np.append(np.repeat(np.arange(6), 3), np.arange(20) % 6)
    probability = 0.1 + 0.4 * np.eye(6)[labels]
    anchors = np.arange(0, 18, 3)
    told = [(int(a), [a + 1, a + 2], [1, 1]) for a in anchors]
    told += [(int(a), anchors[k + 1 :], [-1] * (5 - k)) for k, a in enumerate(anchors[:-1])]

    def implied(answers):
        state = make_state(np.eye(38), probability, anchors, answers=answers, same=0.3 * (1 - np.eye(6)), page_size=8)
        question = gain(erring(state))[0]
        assert len(question.items) == 8
        return int((state.knowledge.relation(question.template, question.items) != 0).sum())

    assert 0 < implied(told) <= 2
    assert implied([*told, (1, [2], [-1])]) > 2


def test_where_people_err_the_class_kept_apart_by_least_is_compared_once_more(make_state):
    """One "no" keeps class 2 apart from class 0, which little else speaks against; from class 1 there is no doubt."""
    probability = 0.1 + 0.7 * np.eye(3)[np.append(np.arange(9) % 3, np.zeros(36, dtype=np.int64))]
    told = [(a, [a + 3, a + 6], [1, 1]) for a in range(3)] + [(0, [1, 2], [-1, -1]), (1, [2], [-1])]

    def compares(answers, *, weak):
        same = np.zeros((3, 3))
        same[[0, 2], [2, 0]] = weak
        question = gain(erring(make_state(np.eye(45), probability, [0, 1, 2], answers=answers, same=same)))[0]
        assert question.template in (0, 3, 6)
        return bool(np.isin(question.items, [2, 5, 8]).any())

    contradicting = [*told, (3, [6], [-1])]
    assert compares(contradicting, weak=1e-3)
    assert not compares(contradicting, weak=1e-4)
    assert not compares(told, weak=1e-3)


def test_classes_that_hardly_are_one_make_no_page_of_a_single_tile(make_state):
    """Of one class everything is known; of the other, little is in doubt, but more than whether the two are one."""
    probability = np.repeat([[1.0, 0.0], [1e-4, 1.0 - 1e-4]], 20, axis=0)
    told = [(0, list(range(1, 20)), [1] * 19)]
    hardly, perhaps = (
        gain(make_state(np.eye(40), probability, [0, 20], answers=told, same=s * (1.0 - np.eye(2))))[0]
        for s in (1e-4, 0.1)
    )
    assert len(hardly.items) == 5
    assert (np.append(hardly.items, hardly.template) >= 20).all()
    assert len(np.unique(np.append(perhaps.items, perhaps.template) >= 20)) == 2


def test_where_all_are_of_one_kind_it_ends_when_each_was_told():
    x = np.random.default_rng(0).standard_normal((60, 4))
    labeler, loop = SimulatedLabeler(np.zeros(60, dtype=int)), Loop(x, gain, page_size=5, seed=0)
    while (question := loop.ask()) is not None:
        loop.tell(question, labeler(question))
        assert len(loop.answers) <= 59 + 25, "nothing but checks is asked once more"
    assert (loop.model.beliefs.source > 0).all()


def test_where_all_are_of_one_kind_so_far_tiles_are_from_all_over_the_list():
    """It may be sorted by class."""
    x = np.random.default_rng(0).standard_normal((300, 8))
    labeler, loop = SimulatedLabeler(np.zeros(300, dtype=int)), Loop(x, gain, page_size=15, seed=0)
    for _ in range(10):
        question = loop.ask()
        loop.tell(question, labeler(question))
        assert len(np.unique(question.items // 75)) == 4


@pytest.mark.slow
def test_among_many_items_those_out_of_sight_come_at_last(monkeypatch):
    """Where few are looked at, the others are once these leave nothing to ask: everything is settled all the same."""
    x = 5.0 * np.eye(4)[LABELS] + np.random.default_rng(0).standard_normal((80, 4))
    labeler, settled = SimulatedLabeler(LABELS), []
    for in_sight in (4096, 6):
        monkeypatch.setattr(sys.modules["pal.oracles.gain"], "_IN_SIGHT", in_sight)
        monkeypatch.setattr(sys.modules["pal.oracles.gain"], "_POOL", 1)
        loop = Loop(x, gain, page_size=5, seed=0)
        for _ in range(40):
            if (question := loop.ask()) is None:
                break
            loop.tell(question, labeler(question))
        settled.append((loop.model.beliefs.source > 0).mean())
        assert len(loop.answers) < 130
    assert settled == [1.0, 1.0]
