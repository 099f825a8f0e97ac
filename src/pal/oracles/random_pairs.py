"""Random pairs: the supervised passive oracle (paper, algorithm 2)."""

import numpy as np

from pal.answers import Question
from pal.oracles.askable import open_pairs
from pal.oracles.state import State


def random_pairs(state: State, /) -> list[Question]:
    """Ask ``page_size`` random pairs whose relation isn't known yet, each a page of one tile.

    Pairs are drawn with rejection; when nearly all are known, the rest is listed. O(page_size · N) a page.
    """
    free = np.flatnonzero(~state.held)
    questions: list[Question] = []
    asked: set[tuple[int, int]] = set()
    for _ in range(20 * state.page_size):
        if len(questions) == state.page_size or len(free) < 2:
            return questions
        a, b = sorted(state.rng.choice(free, 2, replace=False).tolist())
        if (a, b) not in asked and open_pairs(state, np.array([a]), items=np.array([b]))[0, 0]:
            asked.add((a, b))
            questions.append(Question(a, np.array([b])))
    for a in state.rng.permutation(free).tolist():
        unknown = free[open_pairs(state, np.array([a]), items=free)[:, 0] & (free > a)]
        for b in state.rng.permutation(unknown).tolist():
            if len(questions) == state.page_size:
                return questions
            if (a, b) not in asked:
                asked.add((a, b))
                questions.append(Question(a, np.array([b])))
    return questions
