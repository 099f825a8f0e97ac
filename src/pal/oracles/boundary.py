"""Boundary: items nearest the decision boundary of a linear probe on the embedding (paper, section 4.3)."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from pal.answers import Question
from pal.oracles.askable import Askable, believed
from pal.oracles.linear import ridge_probe, with_ones
from pal.oracles.pages import entropy_of, likely_page
from pal.oracles.state import State


def boundary(state: State, /) -> list[Question]:
    """Ask about the items nearest the boundary between the two classes of highest score; O(N k C) a page.

    The distance is (s_a − s_b) / ‖w_a − w_b‖ for a probe on the items of known label (Tong and Koller 2001,
    https://www.jmlr.org/papers/v2/tong01a.html). Entropy decides until two classes are known.
    """
    askable = believed(state)
    if len(np.unique(askable.label[askable.label >= 0])) < 2:
        return likely_page(state, askable, entropy_of(askable.probability))
    distance = boundary_distance(state.embedding, askable)
    typical = max(float(np.median(distance[askable.any_open])) if askable.any_open.any() else 1.0, 1e-12)
    return likely_page(state, askable, 1.0 / (1.0 + distance / typical))


def boundary_distance(embedding: Float[ndarray, "n k"], askable: Askable, /) -> Float[ndarray, " n"]:
    """Distance of each item to the nearest boundary of its highest-scored class, in units of the scaled embedding."""
    z = with_ones(embedding)
    known = askable.label >= 0
    classes, label = np.unique(askable.label[known], return_inverse=True)
    weights = ridge_probe(z[known], label, n_classes=len(classes))
    score = z @ weights
    first = score.argmax(axis=1)
    between = np.linalg.norm(weights[:-1, :, None] - weights[:-1, None, :], axis=0)
    gap = score[np.arange(len(z)), first][:, None] - score
    gap = gap / np.maximum(between[first], 1e-12)
    gap[np.arange(len(z)), first] = np.inf
    return np.minimum(gap.min(axis=1), 1e12)
