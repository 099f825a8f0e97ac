"""Calibration: no error where labels are right as often as they are sure, the gap where they aren't."""

import numpy as np
import pytest

from benchmarks.calibration import Judged, error, execute


def test_who_is_right_as_often_as_sure_has_no_error():
    rng = np.random.default_rng(0)
    confidence = rng.random(200_000)
    assert error(Judged(confidence, rng.random(200_000) < confidence)) < 0.01


@pytest.mark.parametrize("right", [True, False])
def test_the_error_is_the_gap(right):
    judged = Judged(np.full(50, 0.75), np.full(50, right))
    assert error(judged) == pytest.approx(0.25 if right else 0.75)


def test_over_and_under_confidence_in_different_bins_both_count():
    judged = Judged(np.repeat([0.15, 0.95], 10), np.repeat([True, False], 10))
    assert error(judged) == pytest.approx(0.5 * (0.85 + 0.95))


def test_the_command(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- begin calibration -->\n<!-- end calibration -->\n")
    rows = execute(["--data", "iris", "--answers", "30", "--seeds", "1", "--docs", str(page)], tmp_path)
    assert [row.what for row in rows] == ["iris, 30 answers: calibration error"]
    assert 0 <= rows[0].ours <= 1
    assert (tmp_path / "calibration.png").stat().st_size > 5000
    assert "iris, 30 answers" in page.read_text()
