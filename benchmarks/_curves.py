"""One curve: an oracle (or a peer) on a set with one seed, a point a page.

A point says, after so many answers:

- ``answers``, ``pages``, ``seconds``: distinct pairs asked, pages, and a person's time (:mod:`pal.cost`);
- ``naming``: seconds more to name the groups from a list, as peers name every item;
- ``ari``: adjusted Rand index of the best current partition of the items labelled; ``classes`` in it;
- ``told``, ``deduced``, ``predicted``: share of right labels by source, a group named by the true class of its anchor;
- ``settled``: share of the items told or deduced; ``error``: estimated share of wrong answers; ``wrong``: share of the
  labels that are wrong; ``doubt``: mean of 1 − confidence;
- ``heldout``: accuracy on items that nobody labels of one classifier for all (a support vector machine), fitted to the
  labels weighed by confidence;
- ``learn``, ``choose``: CPU seconds to refit, and to choose the page.
"""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from benchmarks._label_peers import label_order
from benchmarks._pair_peers import asked_pairs, partition
from benchmarks._sets import Data
from pal.answers import Question
from pal.beliefs import SOURCES, Beliefs
from pal.cost import page_seconds
from pal.labelers import get_labeler
from pal.learner import learn, prepare
from pal.loop import Loop
from pal.oracles import ORACLES, State, ask
from pal.project.standing import Standing, standing

# A class chosen from a list of C (CIFAR-10N and -100N logs): 4.3 s at C = 10, 17.6 s at C = 100.
_LIST, _LIST_EACH = 4.3, 0.148
# Answers after which the peers that ask about pairs are looked at; their time grows with the square of the answers.
_MARKS = (20, 50, 100, 200)

Point = dict[str, float]


class Settings(NamedTuple):
    """What a curve depends on, beside the set, the oracle and the seed."""

    answers: int = 525
    page: int = 15
    items: int = 3000
    held_out: float = 1 / 3
    labeler: str = "perfect"


def list_seconds(n_classes: int) -> float:
    """Seconds to choose one of ``n_classes`` from a list."""
    return _LIST + _LIST_EACH * max(n_classes - 10, -10)


def oracle_curve(data: Data, oracle: str, settings: Settings, seed: int) -> Iterator[Point]:
    """Play an oracle of ours; ends when enough is answered, or nothing is left to ask."""
    prepared = prepare(data.x, seed=seed)
    loop = Loop(
        data.x,
        ORACLES[oracle],
        page_size=settings.page,
        seed=seed,
        learner=lambda knowledge: learn(prepared, knowledge),
    )
    labeler = get_labeler(settings.labeler, data.y, seed=seed)
    who: Callable[[Question], int] = getattr(labeler, "who", lambda question: 0)  # noqa: ARG005
    test = tester(data)
    nobody = np.zeros(len(data.x), dtype=bool)
    asked: set[tuple[int, int]] = set()
    pages, seconds, template = 0, 0.0, -1
    while True:
        start = time.process_time()
        beliefs = loop.model.beliefs
        learned = time.process_time() - start
        point = {"answers": float(len(asked)), "pages": float(pages), "seconds": seconds}
        point |= _scores(data, beliefs, standing(loop.knowledge, beliefs), test) | {"learn": learned}
        if len(asked) >= settings.answers:
            yield point
            return
        start = time.process_time()
        state = State(loop.knowledge, loop.answers.silent, loop.model, settings.page, loop.rng, nobody)
        questions = ask(ORACLES[oracle], state)
        yield point | {"choose": time.process_time() - start}
        if not questions:
            return
        for question in questions:
            relation = labeler(question)
            seconds += page_seconds(question, relation, new_template=question.template != template)
            template = question.template
            asked |= {(min(template, i), max(template, i)) for i in question.items.tolist()}
            loop.tell(question, relation, labeler=who(question))
        pages += max(sum(len(question.items) > 1 for question in questions), 1)


def _scores(data: Data, beliefs: Beliefs, stands: Standing, test: "Test") -> Point:
    """Figures of what a project would show and export now."""
    from sklearn.metrics import adjusted_rand_score

    named = np.append(data.y[stands.anchor], -1)[stands.label]  # −1: in no group
    weight = np.where(stands.source > 0, 1.0, stands.confidence)
    n_groups = len(stands.anchor)
    point = {
        "ari": float(adjusted_rand_score(data.y, stands.label)),
        "heldout": test(named, weight),
        "classes": float(n_groups),
        "naming": n_groups * list_seconds(n_groups),
        "settled": float((stands.source > 0).mean()),
        "error": float(beliefs.error),
        "wrong": float((named != data.y).mean()),
        "doubt": float((1.0 - stands.confidence).mean()),
    }
    for source, word in enumerate(SOURCES):
        of = stands.source == source
        point[word] = float((named[of] == data.y[of]).mean()) if of.any() else float("nan")
    return point


def label_peer_curve(data: Data, peer: str, settings: Settings, seed: int) -> Iterator[Point]:
    """A classifier on the labels asked so far, told the classes; a point every page's worth of answers.

    A label counts the yes/no answers that name it, most likely class first; wrong answers (``wrong:``) are as likely in
    each of them, other labelers' faults are spared.
    """
    from sklearn.metrics import adjusted_rand_score

    n_classes = int(data.y.max()) + 1
    kind, _, number = settings.labeler.partition(":")
    error = float(number or 0.1) if kind == "wrong" else 0.0
    rng = np.random.default_rng((seed, 7))
    test = tester(data)
    known, said = np.zeros(len(data.x), dtype=bool), np.zeros(len(data.x), dtype=np.int64)
    answers, reported = 0, -1
    for asked, item in enumerate(label_order(peer, data.x, said, known, n_classes=n_classes, seed=seed)):
        if answers - reported >= settings.page or reported < 0 or answers >= settings.answers:
            score = _guess(data, said, known)
            predicted = np.where(known, said, score.argmax(axis=1))
            yield {
                "answers": float(answers),
                "pages": float(asked),
                "seconds": asked * list_seconds(n_classes),
                "naming": 0.0,
                "ari": float(adjusted_rand_score(data.y, predicted)),
                "heldout": test(said, known.astype(float)),
                "classes": float(len(np.unique(predicted))),
            }
            reported = answers
        if answers >= settings.answers:
            return
        order = np.argsort(-score[item], kind="stable")
        for rank, c in enumerate(order.tolist(), start=1):
            if rank == n_classes or (bool(c == data.y[item]) != bool(rng.random() < error)):
                said[item] = c
                answers += min(rank, max(n_classes - 1, 1))
                break
        known[item] = True


def pair_peer_curve(data: Data, peer: str, settings: Settings, seed: int) -> Iterator[Point]:
    """Semi-supervised clustering, told the number of classes, looked at after a few numbers of answers only."""
    from sklearn.metrics import adjusted_rand_score

    n_classes = int(data.y.max()) + 1
    labeler = get_labeler(settings.labeler, data.y, seed=seed)
    most = min(settings.answers, _MARKS[-1])
    marks = [m for m in _MARKS if m < most] + [most]
    pairs = asked_pairs(peer, data.x, labeler, n_classes=n_classes, n_answers=most, seed=seed)
    test = tester(data)
    each = [
        page_seconds(Question(a, np.array([b])), np.array([r], dtype=np.int8), new_template=True) for a, b, r in pairs
    ]
    for mark in marks:
        label, centre = partition(data.x, pairs[:mark], n_classes=n_classes, seed=seed)
        named = data.y[centre][label]
        yield {
            "answers": float(mark),
            "pages": float(np.ceil(mark / settings.page)),
            "seconds": float(sum(each[:mark])),
            "naming": n_classes * list_seconds(n_classes),
            "ari": float(adjusted_rand_score(data.y, label)),
            "heldout": test(named, np.ones(len(named))),
            "classes": float(n_classes),
        }


def _guess(data: Data, said: Int64[ndarray, " n"], known: ndarray) -> Float[ndarray, "n c"]:
    """Scores of the classes for every item, from a logistic regression on the known ones."""
    from sklearn.linear_model import LogisticRegression

    score = np.full((len(data.x), int(data.y.max()) + 1), -1.0)
    found = np.unique(said[known])
    if len(found) < 2:
        score[:, found] = 1.0
        return score
    model = LogisticRegression(C=10.0, max_iter=200).fit(data.x[known], said[known])
    score[:, found] = model.predict_proba(data.x)
    return score


Test = Callable[[ndarray, ndarray], float]


def tester(data: Data) -> Test:
    """Accuracy on the held-out items of a classifier fitted to (n,) labels with (n,) weights; NaN without any."""
    from sklearn.svm import SVC

    def test(label: ndarray, weight: ndarray) -> float:
        used = weight > 0
        found = np.unique(label[used])
        if not len(data.x_test) or not len(found):
            return float("nan")
        if len(found) == 1:
            return float((data.y_test == found[0]).mean())
        model = SVC(C=10.0, random_state=0).fit(data.x[used], label[used], sample_weight=weight[used])
        return float((model.predict(data.x_test) == data.y_test).mean())

    return test
