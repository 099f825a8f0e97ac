"""Beliefs: right where the answers say so, humble where they don't, and robust to answers that are wrong."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score

from pal.answers import Answers, Question
from pal.communities import neighborhood
from pal.knowledge import known
from pal.labelers import SimulatedLabeler
from pal.learner import learn, prepare
from pal.loop import Loop, run
from pal.oracles.gain import gain
from pal.posterior import believe
from pal.project.standing import standing
from pal.votes import pair_key

LABELS = np.repeat(np.arange(4), 20)


@pytest.fixture(scope="module")
def blobs():
    return 5.0 * np.eye(4)[LABELS] + np.random.default_rng(0).standard_normal((80, 4)) * 0.6


@pytest.fixture(scope="module")
def prepared(blobs):
    return prepare(blobs)


def asked(pairs, relation):
    return sum(
        (Answers.of(Question(a, np.array([b])), [r]) for (a, b), r in zip(pairs, relation, strict=True)),
        Answers.empty(),
    )


def test_rows_are_distributions_and_same_is_symmetric(prepared):
    beliefs = believe(prepared.near, known(80, asked([(0, 1), (0, 25)], [1, -1])))
    np.testing.assert_allclose(beliefs.probability.sum(axis=1), 1.0)
    assert (beliefs.probability >= 0).all()
    np.testing.assert_allclose(beliefs.same, beliefs.same.T)
    assert (np.diag(beliefs.same) == 0).all()


@pytest.mark.slow
def test_answers_about_all_known_classes_are_believed_as_they_are_given():
    """Of two classes, the beliefs in which every answer is wrong explain the answers as well, but for one item each."""
    digits = load_digits()
    x, y = digits.data, digits.target % 2
    classes = tuple(int(np.flatnonzero(y == c)[0]) for c in (0, 1))
    loop = Loop(x, gain, page_size=5, seed=0, classes=classes, complete=True)
    labeler = SimulatedLabeler(y)
    for _ in range(24):
        question = loop.ask()
        assert question is not None
        loop.tell(question, labeler(question))
        beliefs = loop.model.beliefs
        items = np.flatnonzero(loop.knowledge.asked)
        assert (y[beliefs.anchor][beliefs.label[items]] == y[items]).mean() > 0.9


def test_whether_known_classes_are_one_is_no_question(prepared):
    beliefs = believe(prepared.near, known(80, asked([(0, 21)], [-1]), classes=(0, 1, 21)))
    assert (beliefs.anchor[:3] == (0, 1, 21)).all()  # two of them of one kind
    assert (beliefs.same[:3, :3] == 0).all()
    assert beliefs.same[:3, 3:].all()


def test_before_any_answer_the_communities_are_the_classes(prepared):
    beliefs = believe(prepared.near, known(80))
    for c in range(4):
        assert len(np.unique(beliefs.label[c == LABELS])) == 1
    assert len(np.unique(beliefs.label)) == 4
    assert (beliefs.source == 0).all()


def test_answers_join_two_communities_and_others_part_them(prepared):
    before = believe(prepared.near, known(80))
    one, other = (np.flatnonzero(before.label == c)[:3] for c in (0, 1))
    pairs = [(a, b) for a in one for b in other]

    def same(relation, n):
        beliefs = believe(prepared.near, known(80, asked(pairs[:n], [relation] * n)))
        a, b = beliefs.label[[one[0], other[0]]]
        return 1.0 if beliefs.partition[a] == beliefs.partition[b] else beliefs.same[a, b]

    assert same(-1, 1) < before.same[0, 1] < same(1, 1)
    assert same(1, 9) == 1.0
    assert same(-1, 9) < 0.01


def test_what_is_denied_a_class_is_less_of_another_that_was_found_alike(prepared):
    """A person joins two communities and denies items of the second: features alone say that these are of it."""
    before = believe(prepared.near, known(80))
    one, other = before.anchor[:2]
    items = np.setdiff1d(np.flatnonzero(before.label == 1), other)[:6]
    pairs = [(int(one), int(i)) for i in (other, *items)]
    parted, joined = (believe(prepared.near, known(80, asked(pairs, [r] + [-1] * 6))) for r in (-1, 1))
    of_second = [beliefs.probability[items, beliefs.label[other]] for beliefs in (parted, joined)]
    assert (of_second[1] < of_second[0] - 0.03).all()
    assert parted.same[tuple(parted.label[[one, other]])] < 0.05
    assert joined.same[tuple(joined.label[[one, other]])] > 0.2, "so they hardly speak against the person"


def test_consistent_answers_are_believed_whatever_the_features_say(prepared):
    labels = np.random.default_rng(1).permutation(LABELS)
    anchors = [int(np.argmax(labels == c)) for c in range(4)]
    pairs = [(a, i) for a in anchors for i in range(80) if i != a]
    relation = [1 if labels[a] == labels[i] else -1 for a, i in pairs]
    beliefs = believe(prepared.near, known(80, asked(pairs, relation)))
    named = labels[beliefs.anchor][beliefs.label]
    assert (named == labels).all()
    assert (beliefs.source > 0).all()


def test_known_classes_stay_the_only_ones(prepared):
    classes = [int(np.argmax(c == LABELS)) for c in range(4)]
    beliefs = believe(prepared.near, known(80, classes=classes, complete=True))
    assert sorted(beliefs.anchor.tolist()) == classes
    assert (LABELS[beliefs.anchor][beliefs.label] == LABELS).all()


def test_one_wrong_answer_among_many_is_outvoted(prepared):
    anchors = [int(np.argmax(c == LABELS)) for c in range(4)]
    pairs = [(a, i) for a in anchors for i in range(80) if i not in anchors]
    relation = [1 if LABELS[a] == LABELS[i] else -1 for a, i in pairs]
    right = np.array(relation)
    wrong = pairs.index((anchors[0], 30))
    relation[wrong] = 1
    beliefs = believe(prepared.near, known(80, asked(pairs, relation)))
    assert (LABELS[beliefs.anchor][beliefs.label] == LABELS).all()
    assert beliefs.error > believe(prepared.near, known(80, asked(pairs, right.tolist()))).error


def test_the_order_of_answers_does_not_matter(prepared):
    rng = np.random.default_rng(2)
    pairs = [tuple(rng.choice(80, 2, replace=False).tolist()) for _ in range(30)]
    pairs = list({tuple(sorted(p)): p for p in pairs}.values())
    relation = [1 if LABELS[a] == LABELS[b] else -1 for a, b in pairs]
    order = rng.permutation(len(pairs))
    first = believe(prepared.near, known(80, asked(pairs, relation)))
    second = believe(prepared.near, known(80, asked([pairs[k] for k in order], [relation[k] for k in order])))
    np.testing.assert_allclose(first.probability, second.probability)


def test_all_is_found_in_few_answers_and_kept(blobs, prepared):
    loop = Loop(blobs, gain, page_size=8, learner=lambda knowledge: learn(prepared, knowledge))
    for _ in run(loop, SimulatedLabeler(LABELS), n_pages=4):
        pass
    beliefs = loop.model.beliefs
    assert (LABELS[beliefs.anchor][beliefs.label] == LABELS).all()
    assert len(loop.answers) <= 32


def test_identical_items_do_no_harm():
    near = neighborhood(np.ones((12, 3)))
    beliefs = believe(near, known(12, asked([(0, 1), (0, 2)], [1, -1])))
    assert np.isfinite(beliefs.probability).all()
    assert beliefs.label[0] == beliefs.label[1] != beliefs.label[2]


@pytest.mark.parametrize("n_classes", [6, 20])
def test_right_answers_are_believed_where_features_hardly_part_the_classes(n_classes):
    """Features that mistake many items join no classes that an answer keeps apart, nor make answers look wrong."""
    rng = np.random.default_rng(0)
    y = rng.integers(n_classes, size=600)
    x = (rng.standard_normal((n_classes, 8)) * 1.6)[y] + rng.standard_normal((600, 8))
    knowledge = known(600)
    first: dict[int, int] = {}
    asked = rng.permutation(600)[:240]
    for item in asked.tolist():
        templates = [first[y[item]]] if y[item] in first else list(first.values())
        first.setdefault(int(y[item]), item)
        for template in templates:
            page = Answers.of(Question(template, np.array([item])), [1 if y[template] == y[item] else -1])
            knowledge = knowledge.add(page)
    beliefs = learn(prepare(x, seed=0), knowledge).beliefs
    named = y[beliefs.anchor][beliefs.label]
    rival = LogisticRegression(C=10.0, max_iter=1000).fit(x[asked], y[asked]).predict(x)
    rest = np.setdiff1d(np.arange(600), asked)
    assert (named[asked] == y[asked]).mean() > 0.97
    assert (named[rest] == y[rest]).mean() > (rival[rest] == y[rest]).mean() - 0.03
    assert beliefs.error < 0.03


@pytest.mark.parametrize("n_pages", [0, 2, 8])
def test_an_anchor_is_of_its_class(n_pages):
    """Also that of a community which nobody was asked about: what is shown of a class is one of its members."""
    rng = np.random.default_rng(3)
    y = rng.integers(8, size=300)
    x = (rng.standard_normal((8, 5)) * 1.5)[y] + rng.standard_normal((300, 5))
    loop = Loop(x, gain, seed=0)
    for _ in run(loop, SimulatedLabeler(y, seed=0), n_pages=n_pages):
        pass
    beliefs = loop.model.beliefs
    np.testing.assert_array_equal(beliefs.label[beliefs.anchor], np.arange(len(beliefs.anchor)))


@pytest.mark.slow
def test_who_errs_weighs_less(prepared):
    """Of four people one says the opposite of what is right as often as not: the others are believed."""
    score, without = np.zeros((2, 4))
    for seed in range(4):
        rng = np.random.default_rng(seed)
        y = LABELS.copy()
        mistaken = rng.permutation(80)[:8]  # what features say of these is wrong
        y[mistaken] = rng.permutation(y[mistaken])
        knowledge, anybody = known(80), known(80)
        for turn in range(24):
            template, who = int(rng.integers(80)), turn % 4
            page = Question(template, np.delete(np.arange(80), template)[rng.permutation(79)[:30]])
            said = SimulatedLabeler(y, error=0.5 * (who == 3), seed=seed)(page)
            knowledge = knowledge.add(Answers.of(page, said, labeler=who))
            anybody = anybody.add(Answers.of(page, said))
        beliefs = believe(prepared.near, knowledge)
        np.testing.assert_array_equal(beliefs.labeler, [0, 1, 2, 3])
        assert beliefs.specificity[3] < 0.8 < 0.9 < beliefs.specificity[:3].min()
        assert beliefs.sensitivity.argmin() == 3
        score[seed] = adjusted_rand_score(y, beliefs.label)
        without[seed] = adjusted_rand_score(y, believe(prepared.near, anybody).label)
    assert score.mean() > without.mean() + 0.03


def test_wrong_answers_that_chain_two_classes_are_doubted(prepared):
    """An item called alike those of three classes is of one of them at most; the three stay apart."""
    heads = [int(np.argmax(c == LABELS)) for c in range(4)]
    pairs = [(h, i) for h in heads for i in np.flatnonzero(LABELS[h] == LABELS)[1:12].tolist()]
    odd = int(np.flatnonzero(LABELS == 3)[15])
    wrong = [(h, odd) for h in heads[:3]]
    apart = [(heads[a], heads[b]) for a, b in ((0, 1), (0, 3), (1, 2), (1, 3), (2, 3))]  # not 0 and 2
    answers = asked([*pairs, *wrong, *apart], [1] * (len(pairs) + len(wrong)) + [-1] * len(apart))
    knowledge = known(80, answers)
    beliefs = believe(prepared.near, knowledge)
    now = standing(knowledge, beliefs)
    assert len(set(now.label[heads].tolist())) == 4
    keys = pair_key(80, *np.array(wrong).T)
    assert np.isin(keys, beliefs.doubted).sum() >= 2


@pytest.mark.parametrize("n_slips", [1, 2, 3])
def test_a_few_slips_do_not_join_classes_that_are_settled(n_slips):
    """Where nearly all tiles are alike people overlook odd ones, of one class as well; others are asked, then."""
    labels = np.repeat(np.arange(4), 150)
    x = 5.0 * np.eye(4)[labels] + np.random.default_rng(0).standard_normal((600, 4)) * 0.6
    anchors = [0, 150, 300, 450]
    pages = [Answers.of(Question(t, np.arange(t + 1, t + 150)), [1] * 149) for t in anchors]
    pages += [Answers.of(Question(t, np.array(anchors[:k])), [-1] * k) for k, t in enumerate(anchors) if k]
    pages += [Answers.of(Question(0, np.arange(160, 160 + n_slips)), [1] * n_slips)]
    knowledge = known(600, sum(pages, Answers.empty()))
    assert len(knowledge.contradictions)
    beliefs = believe(prepare(x).near, knowledge)
    stands = standing(knowledge, beliefs)
    np.testing.assert_array_equal(labels[stands.anchor][stands.label], labels)
    assert len(stands.anchor) == 4


@pytest.mark.parametrize("communities", [2, 3, 4])
def test_right_answers_across_communities_do_not_look_wrong(communities):
    x = 5.0 * np.eye(4)[LABELS] + np.random.default_rng(0).standard_normal((80, 4)) * 0.6
    loop = Loop(x, gain, page_size=5)
    for _ in run(loop, SimulatedLabeler(LABELS // communities), n_pages=3):
        pass
    assert loop.model.beliefs.error < 0.03
    assert len(loop.model.beliefs.anchor) < 4


def test_an_item_denied_by_mistake_may_still_be_of_its_class(prepared):
    """Its own class by one answer that may be wrong, all others by answers that fit: it's worth asking once more."""
    heads = [int(np.argmax(c == LABELS)) for c in range(4)]
    odd = int(np.flatnonzero(LABELS == 3)[15])
    pairs = [(h, i) for h in heads for i in np.flatnonzero(LABELS[h] == LABELS)[1:12].tolist()]
    apart = [(a, b) for a in heads for b in heads if a < b]
    denied = [(h, odd) for h in heads] + [(heads[3] + 1, odd)]
    answers = asked([*pairs, *apart, *denied], [1] * len(pairs) + [-1] * (len(apart) + len(denied)))
    beliefs = believe(prepared.near, known(80, answers))
    assert odd in beliefs.anchor.tolist()
    own, home = beliefs.anchor.tolist().index(odd), beliefs.label[heads]
    assert 0.02 < beliefs.same[own, home[3]] < 0.9
    assert (beliefs.same[own, home[:3]] < 0.01).all()


def test_a_first_page_doesnt_spoil_what_features_said():
    """Clouds of many dimensions: a page about one class made it swallow the others, .89 of all labels fell to .55."""
    rng = np.random.default_rng(1)
    y = rng.integers(5, size=800)
    x = 0.35 * rng.standard_normal((5, 100))[y] + rng.standard_normal((800, 100))
    loop = Loop(x, gain, seed=1)
    before = adjusted_rand_score(y, loop.model.beliefs.label)
    question = loop.ask()
    loop.tell(question, SimulatedLabeler(y)(question))
    assert adjusted_rand_score(y, loop.model.beliefs.label) > 0.5 * before
    sizes = np.bincount(loop.model.beliefs.label)
    assert sizes.max() < 0.5 * len(y)


def test_answers_that_agree_across_communities_are_no_mistakes():
    """Two kinds of six communities each, without a link: a "yes" between any two of a kind was held for wrong."""
    rng = np.random.default_rng(0)
    cloud = np.repeat(np.arange(12), 40)
    x = 8.0 * rng.standard_normal((12, 10))[cloud] + rng.standard_normal((480, 10))
    loop = Loop(x, gain, seed=0)
    for _, _ in run(loop, SimulatedLabeler(cloud % 2), n_pages=5):
        pass
    assert loop.model.beliefs.error < 0.05
    assert adjusted_rand_score(cloud % 2, standing(loop.knowledge, loop.model.beliefs).label) > 0.9


@pytest.mark.slow
def test_answers_about_one_class_alone_leave_the_others_where_features_put_them():
    digits = load_digits()
    near = prepare(digits.data, seed=0).near
    before = believe(near, known(1797, Answers.empty()))
    own = np.flatnonzero((before.label == before.label[0]) & (digits.target == digits.target[0]))
    for n_told in (15, 45, 150):
        answers = Answers.of(Question(int(own[0]), own[1 : n_told + 1]), [1] * n_told)
        after = believe(near, known(1797, answers))
        assert adjusted_rand_score(before.label, after.label) > 0.93


def test_a_class_not_seen_may_be_where_nobody_was_asked_unless_all_are_known():
    near = neighborhood(np.random.default_rng(0).random((400, 3)))
    split = np.setdiff1d(np.arange(len(near.parent)), near.part[near.medoid])
    heart = int(near.membership[:, split[0]].argmax())
    unseen = believe(near, known(400, asked([(heart, int(near.medoid[0]))], [1]))).unseen
    np.testing.assert_array_equal(unseen > 0.0, np.isin(near.part, split[1:]))
    assert not believe(near, known(400, classes=near.medoid.tolist(), complete=True)).unseen.any()


@pytest.mark.slow
def test_rare_classes_inside_a_community_are_found():
    """19 of 20 items are of one class: to finish that one would take a thousand answers."""
    rng, y = np.random.default_rng(1), np.repeat(np.arange(3), [1140, 40, 20])
    x = 1.3 * rng.standard_normal((3, 8))[y] + rng.standard_normal((1200, 8))
    loop, labeler = Loop(x, gain, page_size=15, seed=0), SimulatedLabeler(y)
    for _ in range(20):
        question = loop.ask()
        loop.tell(question, labeler(question))
    assert adjusted_rand_score(y, loop.model.beliefs.label) > 0.7


def test_what_is_left_when_all_other_classes_were_denied_may_be_of_one_not_seen(prepared):
    """Until answers contradict one another; and the more, the more classes the item was denied."""
    medoid = prepared.near.medoid
    assert len(medoid) == 4
    own = np.flatnonzero(np.isin(LABELS, LABELS[medoid[0]]))
    item = int(np.setdiff1d(own, medoid)[0])
    unlike = [(int(medoid[i]), int(medoid[j])) for i in range(4) for j in range(i)]
    unseen = []
    for n_denied in (1, 2, 3):
        pairs = unlike + [(int(m), item) for m in medoid[1 : 1 + n_denied]]
        unseen.append(believe(prepared.near, known(80, asked(pairs, [-1] * len(pairs)))).unseen[item])
    assert 0.0 < unseen[0] < unseen[1] < unseen[2] < 1.0
    around = [(int(medoid[0]), int(medoid[1])), (int(medoid[1]), item), (int(medoid[0]), item)]
    clash = asked(around + [(int(m), item) for m in medoid[2:]], [1, 1, -1, -1, -1])
    assert believe(prepared.near, known(80, clash)).unseen[item] == 0.0
