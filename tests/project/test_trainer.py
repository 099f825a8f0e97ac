"""When the model is made anew, and when there is nothing to learn."""

import numpy as np

from pal.project import Page, Project
from pal.project.learning import Here
from tests.test_project import reply, three_clumps


class Counting(Here):
    """How often a model was made, and of how many items each time they were made ready for it."""

    def __init__(self):
        super().__init__()
        self.learned, self.prepared = 0, []

    def learn(self, knowledge, /):
        self.learned += 1
        return super().learn(knowledge)

    def prepare(self, raw, /, **how):
        self.prepared.append(len(raw))
        return super().prepare(raw, **how)


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


def test_very_many_vectors_are_learned_from_in_steps_to_the_last(tmp_path, monkeypatch):
    """Never all of them first, however soon the trainer is at work: then it would never ask for more."""
    monkeypatch.setattr("pal.project.features._STEP", 300)
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "many.npz", x=rng.normal(size=(2000, 3)).astype(np.float32))
    for name in "abc":
        learning = Counting()
        with Project.create_or_open(tmp_path / "many.npz", tmp_path / name, learning=learning) as project:
            while project.features.working:
                project.settle()
            project.settle()
            assert len(project.model().rows) == 2000
            assert project.features.n_ready == 2000
        assert learning.prepared[0] == 300
        assert learning.prepared[-1] == 2000
