"""Who errs how: one short run, told apart and not."""

import pytest

from benchmarks.people import execute


@pytest.mark.slow
def test_a_run_compares_both_and_draws(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- begin people -->\n<!-- end people -->\n")
    args = ["--labelers", "uneven:0.4", "--answers", "30", "90", "--seeds", "1", "--docs", str(page)]
    rows = execute(args, tmp_path)
    assert [row.what.split(":")[-1].strip() for row in rows] == ["ARI", "ARI", "classes (10)"]
    assert all(0.5 < row.ours <= 1.0 for row in rows[:2])
    assert (tmp_path / "people.png").stat().st_size > 5000
    assert "uneven:0.4, 90 answers" in page.read_text()
