"""Simulated runs: who answers, what is counted, and the curve on disk."""

import json

import numpy as np
import pytest

from pal.cost import KEYS, MOUSE
from pal.datasets import load_named
from pal.datasets.arrays import items_of
from pal.errors import InvalidInputError
from pal.simulate import simulate, write_curve

ITEMS = load_named("mixture", seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("labeler", ["perfect", "wrong:0.2", "misses", "biased", "crowd:3", "refusing:0.3"])
def test_every_labeler_can_be_chosen(labeler):
    curve = simulate(ITEMS, oracle="captcha", n_pages=3, labeler=labeler, page_size=5)
    assert curve["pages"] == [1, 2, 3]
    assert (np.diff([0, *curve["answers"]]) <= 5).all()
    assert curve["answers"][-1] == 15 or labeler.startswith("refusing")


def test_an_error_is_short_for_a_labeler_who_errs():
    one, other = (
        simulate(ITEMS, oracle="captcha", n_pages=4, **options)
        for options in ({"error": 0.3}, {"labeler": "wrong:0.3"})
    )
    assert one == other


def test_seconds_are_those_of_letter_keys():
    """Captcha changes its template now and then; every page has 5 tiles and at most 5 clicks."""
    curve = simulate(ITEMS, oracle="captcha", n_pages=6, page_size=5)
    each = np.diff([0.0, *curve["seconds"]])
    assert (each >= KEYS.page + 5 * KEYS.tile - 0.1).all()
    assert (each <= MOUSE.page + 5 * (KEYS.tile + KEYS.click) + 0.1).all()
    assert each[0] >= MOUSE.page + 5 * KEYS.tile - 0.1  # the first template is new


def test_a_curve_on_disk(tmp_path):
    curve = simulate(ITEMS, oracle="random", n_pages=2, page_size=4)
    files = write_curve(curve, tmp_path / "deep" / "run.json")
    assert json.loads(files[0].read_text()) == curve
    assert files[1].stat().st_size > 1000


@pytest.mark.parametrize("options", [{"n_pages": 0}, {"n_pages": 1, "page_size": 0}, {"n_pages": 1, "labeler": "best"}])
def test_what_makes_no_sense_is_refused(options):
    with pytest.raises(InvalidInputError):
        simulate(ITEMS, oracle="captcha", **options)


def test_true_classes_are_needed():
    with pytest.raises(InvalidInputError, match="true classes"):
        simulate(items_of(np.eye(4), source="plain"), oracle="captcha", n_pages=1)
