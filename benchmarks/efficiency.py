"""Answers needed: curves of every oracle against answers, pages and human seconds, beside peers in the same run.

``python -m benchmarks efficiency --data digits --oracles all --seeds 5 --out DIR`` writes DIR/efficiency.json and
DIR/efficiency.png. A *run* is one oracle (or peer) on one set, averaged over seeds; entries are pages:

- ``ari``: adjusted Rand index of the best current partition of the items labelled;
- ``accuracy``: of the labels by source (told, deduced, predicted), a class named by the true class of its anchor;
- ``heldout``: accuracy of a ridge classifier on Nyström features, fitted to told, deduced and confident labels, on
  items that nobody labels (a third by default);
- ``seconds``: of a person, T = a + b M + c k (:mod:`pal.cost`), a = 4.0 s where the template is new.

Peers ask for class labels and are told the classes; a label counts as many yes/no answers as it takes to name it,
most likely class first, and in seconds as a choice from a list (4.3 s at 10 classes).
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from benchmarks._label_peers import PEERS, label_order
from benchmarks.report import Row, machine, missing, row, versions
from pal.answers import Question
from pal.beliefs import SOURCES
from pal.cost import KEYS, MOUSE, n_clicks
from pal.datasets import load_named
from pal.labelers import Labeler, SimulatedLabeler
from pal.labelers.people import Person
from pal.learner import learn, prepare
from pal.loop import Loop
from pal.oracles import ORACLES

CONFIDENT = 0.5
SETS = ("iris", "wine", "breast-cancer")
Curve = dict[str, list[float]]


class Data(NamedTuple):
    """Items to label, and held-out ones, (n, d) and (p, d), with their classes."""

    x: Float[ndarray, "n d"]
    y: Int64[ndarray, " n"]
    x_test: Float[ndarray, "p d"]
    y_test: Int64[ndarray, " p"]


def execute(args: list[str], out: Path) -> list[Row]:
    """Run, write ``out``/efficiency.json and .png, and return rows of answers needed beside the best peer's."""
    options = _parse(args)
    oracles = sorted(ORACLES) if options.oracles == ["all"] else options.oracles
    runs: list[dict[str, Any]] = []
    absent: dict[str, str] = {}
    for name in options.data:
        for oracle in dict.fromkeys([*oracles, *options.peers]):
            if oracle in PEERS and PEERS[oracle].missing():
                absent[oracle] = missing(PEERS[oracle].package)
                continue
            curves = [_averageable(_curve(options, name, oracle, seed)) for seed in range(options.seeds)]
            runs.append({"data": name, "oracle": oracle, **_average(curves)})
            last = runs[-1]
            print(f"{name}  {oracle:16} ari {last['ari']['mean'][-1]:.3f} after {last['answers'][-1]:.0f} answers")
    out.mkdir(parents=True, exist_ok=True)
    document = {"runs": runs, "missing": absent, "machine": machine(), "versions": versions()}
    (out / "efficiency.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    _plot(runs, out / "efficiency.png")
    for peer, words in absent.items():
        print(f"{peer}: {words}")
    return _rows(runs)


def _parse(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks efficiency", description=__doc__)
    parser.add_argument("--data", nargs="+", default=["digits"], help="names of sets, cifar10:PATH, or .npz with x, y")
    parser.add_argument("--oracles", nargs="+", default=["default", "captcha", "random"], help="names, or all")
    parser.add_argument("--peers", nargs="*", default=list(PEERS), help="rivals that ask for labels")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--answers", type=int, default=525, help="stop after so many")
    parser.add_argument("--page", type=int, default=15, help="tiles a page")
    parser.add_argument("--items", type=int, default=3000, help="sample larger sets to so many items")
    parser.add_argument("--held-out", type=float, default=1 / 3, help="share of the items that nobody labels")
    parser.add_argument("--error", type=float, default=0.0, help="share of wrong answers")
    parser.add_argument("--labeler", choices=["simulated", "person"], default="simulated", help="person misses targets")
    return parser.parse_args(args)


def _data(options: argparse.Namespace, name: str, seed: int) -> Data:
    rng = np.random.default_rng(seed)
    if name in SETS:
        import sklearn.datasets

        bunch = getattr(sklearn.datasets, f"load_{name.replace('-', '_')}")()
        x, y = StandardScaler().fit_transform(bunch.data), bunch.target
    else:
        items = load_named(name, seed=seed)
        x, y = np.asarray(items.vectors, dtype=np.float64), np.asarray(items.labels)
    y = np.unique(y, return_inverse=True)[1].astype(np.int64)
    order = rng.permutation(len(x))[: options.items]
    n_test = int(options.held_out * len(order))
    test, train = order[:n_test], np.sort(order[n_test:])
    return Data(x[train], y[train], x[test], y[test])


def _curve(options: argparse.Namespace, name: str, oracle: str, seed: int) -> Iterator[dict[str, float]]:
    data = _data(options, name, seed)
    if oracle in PEERS:
        return _peer_curve(options, data, oracle, seed)
    return _pal_curve(options, data, oracle, seed)


def _pal_curve(options: argparse.Namespace, data: Data, oracle: str, seed: int) -> Iterator[dict[str, float]]:
    prepared = prepare(data.x, seed=seed)
    loop = Loop(
        data.x, ORACLES[oracle], page_size=options.page, seed=seed, learner=lambda knowledge: learn(prepared, knowledge)
    )
    labeler: Labeler = SimulatedLabeler(data.y, error=options.error, seed=seed)
    if options.labeler == "person":
        labeler = Person(data.y, seed=seed)
    test = _tester(data, seed)
    pages, seconds, template = 0, 0.0, -1
    while True:
        start = time.process_time()
        beliefs = loop.model.beliefs
        named = data.y[beliefs.anchor]
        sure = (beliefs.source > 0) | (beliefs.confidence > CONFIDENT)
        point = {
            "answers": float(len(np.unique(_pairs(loop)))),
            "pages": float(pages),
            "seconds": seconds,
            "ari": adjusted_rand_score(data.y, beliefs.label),
            "heldout": test(named[beliefs.label], sure),
            "classes": float(len(np.unique(beliefs.label))),
        }
        for source, word in enumerate(SOURCES):
            of = beliefs.source == source
            point[word] = float((named[beliefs.label[of]] == data.y[of]).mean()) if of.any() else float("nan")
        due = time.process_time() - start
        if point["answers"] >= options.answers:
            yield {**point, "step": due}
            return
        start = time.process_time()
        page: list[Question] = []
        while sum(len(q.items) for q in page) < options.page and (question := loop.ask()) is not None:
            page.append(question)
            if len(question.items) > 1 or not loop._pending:
                break
        yield {**point, "step": due + time.process_time() - start}
        if not page:
            return
        for question in page:
            relation = labeler(question)
            kept = question.template == template
            a = KEYS.page if kept else MOUSE.page
            seconds += a + KEYS.tile * len(relation) + KEYS.click * n_clicks(relation, question.mode)
            template = question.template
            loop.tell(question, relation)
        pages += 1


def _pairs(loop: Loop) -> ndarray:
    answers = loop.answers
    low, high = np.minimum(answers.template, answers.item), np.maximum(answers.template, answers.item)
    return low * loop.knowledge.n_items + high


def _peer_curve(options: argparse.Namespace, data: Data, peer: str, seed: int) -> Iterator[dict[str, float]]:
    """A classifier on the labels asked so far; a point every page's worth of answers."""
    n_classes = int(data.y.max()) + 1
    seconds_each = 4.3 + 0.148 * max(n_classes - 10, -10)
    test = _tester(data, seed)
    known = np.zeros(len(data.x), dtype=bool)
    answers, reported = 0.0, -1.0
    for asked, item in enumerate(label_order(peer, data.x, data.y, known, seed=seed)):
        if answers - reported >= options.page or reported < 0:
            guess = _guess(data, known)
            predicted = guess.argmax(axis=1) if guess is not None else np.zeros(len(data.x), dtype=np.int64)
            predicted[known] = data.y[known]
            yield {
                "answers": answers,
                "pages": float(asked),
                "seconds": asked * seconds_each,
                "ari": adjusted_rand_score(data.y, predicted),
                "heldout": test(np.where(known, data.y, predicted), known),
                "classes": float(len(np.unique(predicted))),
            }
            reported = answers
        if answers >= options.answers:
            return
        rank = 1 + int((guess[item] > guess[item, data.y[item]]).sum()) if guess is not None else n_classes // 2
        answers += min(rank, n_classes - 1)
        known[item] = True


def _guess(data: Data, known: ndarray) -> ndarray | None:
    """Scores of the classes for every item, from a logistic regression on the known ones."""
    found = np.unique(data.y[known])
    if len(found) < 2:
        return None
    model = LogisticRegression(C=10.0, max_iter=200).fit(data.x[known], data.y[known])
    scores = np.full((len(data.x), int(data.y.max()) + 1), -1.0)
    scores[:, found] = model.predict_proba(data.x)
    return scores


def _tester(data: Data, seed: int) -> Callable[[ndarray, ndarray], float]:
    """Accuracy on the held-out items of a classifier fitted to some labels; NaN without any."""
    if not len(data.x_test):
        return lambda label, sure: float("nan")  # noqa: ARG005
    features = Nystroem(gamma=None, n_components=min(300, len(data.x)), random_state=seed)
    scaled = StandardScaler().fit(data.x)
    width = 1.0 / max(data.x.shape[1], 1)
    phi = features.set_params(gamma=width).fit_transform(scaled.transform(data.x))
    phi_test = features.transform(scaled.transform(data.x_test))

    def test(label: ndarray, sure: ndarray) -> float:
        if len(np.unique(label[sure])) < 2:
            return float((data.y_test == (label[sure][0] if sure.any() else 0)).mean())
        model = RidgeClassifier(alpha=0.1).fit(phi[sure], label[sure])
        return float((model.predict(phi_test) == data.y_test).mean())

    return test


def _averageable(points: Iterator[dict[str, float]]) -> Curve:
    rows = list(points)
    return {key: [point[key] for point in rows] for key in rows[0]}


def _average(curves: list[Curve]) -> dict[str, Any]:
    """Mean and deviation over seeds, entry by entry; answers, pages and seconds are means."""
    length = min(len(curve["answers"]) for curve in curves)
    found: dict[str, Any] = {}
    for key in curves[0]:
        values = np.array([curve[key][:length] for curve in curves])
        if key in ("answers", "pages", "seconds"):
            found[key] = values.mean(axis=0).round(2).tolist()
        else:
            known = np.isfinite(values)
            mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
            spread = np.where(known, values - mean, 0.0)
            deviation = np.sqrt((spread**2).sum(axis=0) / np.maximum(known.sum(axis=0), 1))
            none = ~known.any(axis=0)
            found[key] = {
                "mean": [None if gone else round(float(m), 5) for m, gone in zip(mean, none, strict=True)],
                "std": [None if gone else round(float(d), 5) for d, gone in zip(deviation, none, strict=True)],
            }
    found["accuracy"] = {word: found.pop(word) for word in SOURCES if word in found}
    return found


def needed(run: dict[str, Any], measure: str, level: float, *, per: str = "answers") -> float:
    """Answers (pages, seconds) until the mean of a measure first reaches a level; infinite if it doesn't."""
    for at, value in zip(run[per], run[measure]["mean"], strict=True):
        if value is not None and value >= level:
            return float(at)
    return float("inf")


def _rows(runs: list[dict[str, Any]]) -> list[Row]:
    """Answers and seconds to levels, each oracle beside the best peer on that set."""
    rows = []
    for data in dict.fromkeys(run["data"] for run in runs):
        here = [run for run in runs if run["data"] == data]
        peers = [run for run in here if run["oracle"] in PEERS]
        for measure, level in (("ari", 0.9), ("ari", 0.98), ("heldout", 0.9), ("heldout", 0.96)):
            for per in ("answers", "seconds"):
                rival = min((needed(run, measure, level, per=per) for run in peers), default=float("inf"))
                words: float | str = rival if np.isfinite(rival) else "not reached"
                for run in here:
                    ours = needed(run, measure, level, per=per)
                    if run["oracle"] not in PEERS and np.isfinite(ours):
                        what = f"{data}: {run['oracle']}, {measure} {level}"
                        rows.append(row(what, ours, words, per, "fewer than the best peer"))
    return rows


def _plot(runs: list[dict[str, Any]], path: Path) -> None:
    try:
        import matplotlib
    except ImportError:
        print(missing("matplotlib", "experiments"))
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    sets = list(dict.fromkeys(run["data"] for run in runs))
    tried = any(v is not None and np.isfinite(v) for run in runs for v in run["heldout"]["mean"])
    panels = [("answers", "ari"), ("seconds", "ari"), ("answers", "heldout"), ("seconds", "heldout")][
        : 4 if tried else 2
    ]
    size = (5 * len(panels), 4.5 * len(sets))
    figure, axes = plt.subplots(len(sets), len(panels), figsize=size, squeeze=False, layout="constrained")
    for line, data in zip(axes, sets, strict=True):
        for run in (run for run in runs if run["data"] == data):
            style = {"default": {"color": "black", "linewidth": 2.5}}.get(run["oracle"], {"linewidth": 1.0})
            if run["oracle"] in PEERS:
                style["linestyle"] = "--"
            for axis, (per, measure) in zip(line, panels, strict=True):
                values = [np.nan if v is None else v for v in run[measure]["mean"]]
                axis.plot(run[per], values, label=run["oracle"], **style)
                axis.set(xlabel=per, ylabel=measure, title=data)
        line[0].legend(fontsize=7, ncols=2)
    figure.savefig(path, dpi=110)
    plt.close(figure)
