"""The smaller benchmarks of how few answers: goals, stopping, time a page."""

import json

import numpy as np
import pytest

from benchmarks import oracles, stopping, targets
from benchmarks._averages import average


def point(answers, **more):
    return {"answers": float(answers), "pages": answers / 15, "seconds": 10.0 * answers, "ari": 0.9, **more}


def test_a_goal_reads_its_curves(monkeypatch, tmp_path):
    """Every item settled after 1,800 answers with one seed and 1,830 with the other."""
    ends = {0: 1800, 1: 1830}

    def kept(task):
        assert (task.data, task.settings.held_out, task.settings.page) == ("digits", 0.0, 15)
        return [point(a, ari=0.99, settled=float(a >= ends[task.seed])) for a in range(0, 1860, 15)]

    monkeypatch.setattr(targets, "kept", kept)
    page = tmp_path / "page.md"
    page.write_text("<!-- begin targets -->\n<!-- end targets -->\n")
    rows = targets.execute(["--only", "pages", "--seeds", "2", "--docs", str(page)], tmp_path)
    reached = {row.what: row.ours for row in rows}
    assert reached["digits, every item settled without error, answers"] == 1815
    assert reached["digits, every item settled without error, pages"] == 121
    assert reached["digits, pages of 15 to ARI 0.985"] == 0
    assert reached["digits, pages of 15 to ARI 0.998"] == float("inf")
    written = json.loads((tmp_path / "targets.json").read_text())
    assert [row["ours"] for row in written["rows"]] == [0, 0, None, 121, 1815]
    assert "| digits, pages of 15 to ARI 0.998 | not reached | ≤ 35 | - |" in page.read_text()


def test_naming_is_added_to_seconds(monkeypatch, tmp_path):
    def kept(task):
        told = task.oracle == "default"
        return [point(a, heldout=0.9 + a / 1000, naming=43.0 if told else 0.0) for a in range(0, 105, 5)]

    monkeypatch.setattr(targets, "kept", kept)
    asked, named = (row.ours for row in targets.seconds(targets.Runs(tmp_path, 1, again=False), True))
    assert named == asked + 43.0


def test_goals_are_made_anew_once(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(targets, "run_one", lambda task: made.append((task.oracle, task.seed)))
    monkeypatch.setattr(targets, "kept", lambda task: [point(0), point(15)])
    runs = targets.Runs(tmp_path, 2, again=True)
    for _ in range(2):
        runs.curves("default", targets.Settings())
        runs.curves("peer-margin", targets.Settings())
    assert made == [("default", 0), ("default", 1)]


@pytest.mark.slow
def test_coverage_is_what_the_audit_promises():
    rows = stopping.coverage(200, np.random.default_rng(0))
    assert all(row.ours <= 0.05 for row in rows)  # anytime
    assert max(row.rival for row in rows) > 0.1  # fixed, looked at 40 times


def test_few_stop_too_early():
    rows = {row.what: row for row in stopping.stops(300, 0.05, np.random.default_rng(0))}
    early = [row for what, row in rows.items() if "rate 1.5 x" in what or "rate 2 x" in what]
    assert len(early) == 2
    assert all(row.rival < 0.05 and row.ours < 0.02 for row in early)
    assert rows["stops by 600 items, rate 0.25 x 0.05"].rival > 0.9


def test_pages_left_when_doubt_says_which_labels_are_wrong():
    """A page a time, the 15 most doubtful labels are put right: what is foretold is near what it takes."""
    rng = np.random.default_rng(0)
    doubt = np.sort(rng.random(1500))[::-1]
    wrong = rng.random(1500) < doubt**2
    pages = [
        stopping.Page(doubt[15 * i :], float(wrong[15 * i :].mean()), float(wrong[15 * i :].sum() / 1500))
        for i in range(90)
    ]
    median, within = stopping.pages_left("set", stopping.foretold(pages, rng))
    assert 0.7 < median.ours < 1.4 < median.rival
    assert within.ours > 0.8


def test_nothing_is_foretold_without_a_fall():
    rng = np.random.default_rng(0)
    pages = [stopping.Page(np.full(100, 0.3), 0.3, 0.3)] * 20
    assert stopping.pages_left("set", stopping.foretold(pages, rng)) == []


def test_a_page_of_each_oracle_is_timed(capsys):
    names = ["captcha", "margin"]
    rows = oracles.run(["--n", "120", "--classes", "3", "--answers", "0", "60", "--oracles", *names])
    assert [row.what.partition(",")[0] for row in rows] == names
    assert all(row.ours > 0 and row.rival > 0 for row in rows)
    assert "60 answers: refit" in capsys.readouterr().out


def test_answers_of_the_timed_states_are_right():
    y = np.random.default_rng(0).integers(3, size=200)
    pages = oracles._pages(y, 90, np.random.default_rng(1))
    assert len(pages) == 6
    for page in pages:
        assert len(page) == 15
        assert ((y[page.template] == y[page.item]) == (page.relation > 0)).all()
        assert 0.3 < (page.relation > 0).mean() < 0.8


@pytest.mark.parametrize("key", ["settled", "wrong", "doubt"])
def test_averages_keep_what_stopping_needs(key):
    found = average([[point(0, **{key: 0.2}), point(15, **{key: 0.4})]], 15)
    assert found[key]["mean"] == [0.2, 0.4]
