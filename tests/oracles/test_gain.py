"""The default oracle: it ends, and asks nothing for ever."""

import numpy as np

from pal.labelers import SimulatedLabeler
from pal.loop import Loop
from pal.oracles.gain import gain

LABELS = np.repeat(np.arange(4), 20)


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
