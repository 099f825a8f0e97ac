"""What is kept for a position of the log is the same until something happens, and never older than the log."""

import numpy as np
import pytest

from pal.project import Project, mapping, present, report, trainer
from tests.test_project import reply, three_clumps


@pytest.fixture
def project(tmp_path):
    x, labels = three_clumps()
    np.savez(tmp_path / "clumps.npz", x=x, y=labels)
    with Project.create_or_open(tmp_path / "clumps.npz", page_size=5, oracle="captcha") as opened:
        yield opened


def test_the_snapshot_is_kept_until_something_happens(project):
    project.settle()
    before = project.now()
    assert project.now() is before
    project.record([reply(project, project.page("ann"))])
    after = project.now()
    assert after is not before
    assert after.position == before.position + 1
    assert len(after.answered) == 1


def test_results_are_made_once_a_position(project):
    made = []
    look = lambda now: made.append(now.position) or report.people(now)  # noqa: E731
    project.settle()
    assert project.present.once("people", look) == project.present.once("people", look) == []
    assert made == [0]
    project.record([reply(project, project.page("ann"))])
    assert [person.labeler for person in project.present.once("people", look)] == ["ann"]
    assert made == [0, 1]


def test_few_results_are_kept(project):
    project.settle()
    made = []
    for _ in range(2):
        for number in range(100):
            project.present.once(f"report {number}", lambda now: made.append(now))
    assert len(made) == 200
    assert len(project.present._kept) <= 64


def test_a_map_stays_put_while_answers_come_in(project):
    project.settle()
    made = []

    def look(published):
        made.append(published)
        return mapping.places(project.items, published)

    before = project.present.once_fitted("places", look)
    project.record([reply(project, project.page("ann"))])
    project.settle()
    after = project.present.once_fitted("places", look)
    assert after is before
    assert len(made) == 1
    fresh = mapping.places(project.items, project.model())
    np.testing.assert_allclose(fresh.at, after.at, atol=1e-12)
    given, worked_out = (mapping.map_of(project.items, project.now(), where) for where in (after, None))
    assert given == worked_out


def test_what_stood_before_the_first_model_gives_way_to_it_at_once(project, monkeypatch):
    """A large project keeps the last result for a while; not one that no model had a part in."""
    project.settle()
    fitted = project._trainer.published
    monkeypatch.setattr(present, "_SMALL", 0)
    monkeypatch.setattr(present, "_SPARE", float("inf"))
    monkeypatch.setattr(project._trainer, "published", trainer._nothing(len(project.items)))
    assert not len(project.present.recent().anchor)
    monkeypatch.setattr(project._trainer, "published", fitted)
    stands = project.present.recent()
    assert len(stands.anchor) > 1
    assert project.present.recent() is stands
