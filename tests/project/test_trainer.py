"""When the model is made anew, and when there is nothing to learn."""

import numpy as np

from pal.project import Page, Project
from pal.project.learning import Here
from tests.test_project import reply, three_clumps


class Counting(Here):
    """How often a model was made."""

    learned = 0

    def learn(self, knowledge, /):
        self.learned += 1
        return super().learn(knowledge)


def test_nothing_is_learned_from_no_news(tmp_path):
    """An encoder at work wakes the trainer after every batch, long before there are twice as many items."""
    x, labels = three_clumps()
    np.savez(tmp_path / "clumps.npz", x=x, y=labels)
    learning = Counting()
    with Project.create_or_open(tmp_path / "clumps.npz", learning=learning) as project:
        project.settle()
        assert learning.learned == 1
        model = project.model()
        for _ in range(3):
            project._trainer.wake()
            project.settle()
        assert learning.learned == 1
        assert project.model() is model
        page = project.page("ann")
        assert isinstance(page, Page)
        project.record([reply(project, page)])
        project.settle()
        assert learning.learned == 2
        assert project.model().position == project.position
