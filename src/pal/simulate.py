"""Simulation: play a labeler that knows the classes against an oracle, and keep the curve.

Seconds are an estimate of what the pages would take a person with letter keys (:mod:`pal.cost`), who needs longer where
a new template has to be looked at.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from pal.beliefs import SOURCES
from pal.cost import page_seconds
from pal.errors import InvalidInputError, StoreError, require_extra
from pal.items import Items
from pal.labelers import get_labeler
from pal.loop import Loop, run
from pal.oracles import get_oracle
from pal.project.standing import Standing, standing

Curve = dict[str, Any]


def simulate(
    items: Items,
    /,
    *,
    oracle: str,
    n_pages: int,
    labeler: str = "perfect",
    error: float = 0.0,
    seed: int = 0,
    page_size: int = 15,
    progress: Callable[[int], None] | None = None,
) -> Curve:
    """Label ``items`` for ``n_pages`` pages, or until nothing is left to ask.

    Parameters
    ----------
    items
        Items with vectors and true labels.
    oracle
        Name of the oracle.
    n_pages, page_size
        Pages, and tiles a page.
    labeler
        Name of the labeler (:mod:`pal.labelers.named`).
    error
        Probability that an answer is wrong; short for a labeler ``wrong:error``.
    seed
        Seed of the labeler's mistakes and of the oracle's choices.
    progress
        Called with the number of pages done.

    Returns
    -------
    dict
        ``data``, ``oracle``, ``seed``, and lists with one entry a page: ``pages`` (1, 2, …), ``answers`` and
        ``seconds`` so far, ``ari`` (adjusted Rand index of all items' groups against the classes) and ``accuracy`` of
        told, deduced and predicted labels (None while there are none), an item being of its group anchor's class.

    Raises
    ------
    InvalidInputError
        If the items have no vectors or labels, or an option is out of range.
    """
    if items.vectors is None or items.labels is None:
        raise InvalidInputError(f"a simulation needs vectors and true classes, {items.source} has none")
    if n_pages < 1 or page_size < 1:
        raise InvalidInputError(f"expected at least 1 page of at least 1 tile, got {n_pages} of {page_size}")
    person = get_labeler(f"wrong:{error}" if error else labeler, items.labels, seed=seed)
    loop = Loop(items.vectors, get_oracle(oracle), page_size=page_size, seed=seed)
    curve: Curve = {"data": items.source, "oracle": oracle, "seed": seed, "pages": [], "answers": [], "seconds": []}
    curve |= {"ari": [], "accuracy": {source: [] for source in reversed(SOURCES)}}
    answers, seconds, template = 0, 0.0, -1
    for page, (question, given) in enumerate(run(loop, person, n_pages=n_pages), start=1):
        answers += int((given.relation != 0).sum())
        seconds += page_seconds(question, given.relation, new_template=question.template != template)
        template = question.template
        ari, accuracy = scores(standing(loop.knowledge, loop.model.beliefs), items.labels)
        curve["pages"].append(page)
        curve["answers"].append(answers)
        curve["seconds"].append(round(seconds, 1))
        curve["ari"].append(ari)
        for source, value in accuracy.items():
            curve["accuracy"][source].append(value)
        if progress is not None:
            progress(page)
    return curve


def scores(now: Standing, labels: Int[ndarray, " n"], /) -> tuple[float, dict[str, float | None]]:
    """Adjusted Rand index of the groups, and the accuracy of the labels of each source."""
    from sklearn.metrics import adjusted_rand_score

    right = (now.label >= 0) & (labels[now.anchor][now.label] == labels) if len(now.anchor) else np.zeros(len(labels))
    accuracy: dict[str, float | None] = {}
    for value, source in reversed(list(enumerate(SOURCES))):
        of_source = (now.source == value) & (now.label >= 0)
        accuracy[source] = round(float(right[of_source].mean()), 6) if of_source.any() else None
    return round(float(adjusted_rand_score(labels, now.label)), 6), accuracy


def write_curve(curve: Curve, path: Path, /) -> list[Path]:
    """Write a curve as JSON, and its plot as a PNG beside it."""
    picture = path.with_suffix(".png")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(curve, indent=1) + "\n", encoding="utf-8")
        plot_curve(curve, picture)
    except OSError as error:
        raise StoreError(f"can't write {path}: {error.strerror or error}; give another --out") from None
    return [path, picture]


def plot_curve(curve: Curve, path: Path, /) -> None:
    """Draw adjusted Rand index and accuracies against pages."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise require_extra("matplotlib", "annotate") from None
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(curve["pages"], curve["ari"], color="black", label="adjusted Rand index")
    styles = {"told": ("C0", "--"), "deduced": ("C2", "-."), "predicted": ("C1", "-")}
    for source, (color, line) in styles.items():
        values = [np.nan if value is None else value for value in curve["accuracy"][source]]
        if not np.isnan(values).all():
            axes.plot(curve["pages"], values, line, color=color, label=f"accuracy, {source}")
    axes.set(xlabel="pages", ylim=(0, 1.02), title=f"{curve['data']}, oracle {curve['oracle']}, seed {curve['seed']}")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", loc="lower right")
    figure.savefig(path, dpi=120)
