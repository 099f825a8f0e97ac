"""States built by hand, so that an oracle is tested without the learner."""

import numpy as np
import pytest
from scipy.sparse import eye_array

from pal.answers import Answers, Question
from pal.beliefs import Beliefs
from pal.knowledge import known
from pal.learner import Model
from pal.oracles.state import State


def _state(
    embedding,
    probability,
    anchor,
    *,
    answers=(),
    same=None,
    classes=(),
    complete=False,
    page_size=5,
    seed=0,
    held=(),
):
    """State with these beliefs; ``answers`` are (template, items, relations)."""
    embedding = np.asarray(embedding, dtype=np.float64)
    n, anchor = len(embedding), np.asarray(anchor, dtype=np.int64)
    told = Answers.empty()
    for template, items, relation in answers:
        told = told + Answers.of(Question(template, np.array(items)), relation)
    same = np.zeros((len(anchor),) * 2) if same is None else np.asarray(same, dtype=np.float64)
    beliefs = Beliefs(np.asarray(probability, dtype=np.float64), anchor, np.zeros(n, dtype=np.int8), same, 0.0)
    mask = np.zeros(n, dtype=bool)
    mask[list(held)] = True
    return State(
        known(n, told, classes=classes, complete=complete),
        told.silent,
        Model(embedding, beliefs, eye_array(n, format="csr")),
        page_size,
        np.random.default_rng(seed),
        mask,
    )


@pytest.fixture(scope="session")
def make_state():
    return _state
