"""Rivals that ask for the class of one item at a time: scikit-activeml's strategies, and random items."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy import ndarray

# Items a strategy chooses at a time: one at a time would cost minutes.
_BATCH = 5


def label_order(
    peer: str,
    x: Float[ndarray, "n d"],
    said: Int64[ndarray, " n"],
    known: Bool[ndarray, " n"],
    /,
    *,
    n_classes: int,
    seed: int,
) -> Iterator[int]:
    """Items in the order a peer asks for them; ``said`` and ``known`` are kept up to date by the caller."""
    rng = np.random.default_rng(seed)
    if peer == "peer-random":
        yield from rng.permutation(len(x)).tolist()
        return
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.pool import Badge, MaxHerding, TypiClust, UncertaintySampling
    from sklearn.linear_model import LogisticRegression

    makers: dict[str, Any] = {
        "peer-margin": lambda: UncertaintySampling(method="margin_sampling", random_state=seed),
        "peer-badge": lambda: Badge(random_state=seed),
        "peer-typiclust": lambda: TypiClust(random_state=seed),
        "peer-max-herding": lambda: MaxHerding(random_state=seed),
    }
    strategy = makers[peer]()
    model = SklearnClassifier(LogisticRegression(C=10.0, max_iter=200), classes=np.arange(n_classes), random_state=seed)
    if peer in ("peer-margin", "peer-badge"):
        yield from rng.permutation(len(x))[:_BATCH].tolist()
    while not known.all():
        labels = np.where(known, said, np.nan)
        extra = {"clf": model} if peer in ("peer-margin", "peer-badge") else {}
        count = min(_BATCH, int((~known).sum()))
        for item in strategy.query(x, labels, batch_size=count, **extra):
            yield int(item)
