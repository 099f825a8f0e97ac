"""Requests made up from the interface's own description; the command for many is ``python -m benchmarks fuzz``."""

import numpy as np
import pytest

pytest.importorskip("schemathesis")

from starlette.testclient import TestClient

from benchmarks._serving import clumps
from benchmarks.fuzz import fuzz
from pal.project import Project
from pal.web.app import create_app

pytestmark = pytest.mark.slow


@pytest.mark.filterwarnings("ignore")  # of the libraries that make the requests
def test_nothing_breaks_and_nothing_is_lost(tmp_path):
    clumps(tmp_path / "clumps.npz", 40, 3)
    with Project.create_or_open(tmp_path / "clumps.npz", oracle="captcha", page_size=5) as project:
        app = create_app(project, token=None)
        with TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as client:
            found = fuzz(project, client, 300)
    assert found.statuses.total() >= 200
    assert found.statuses[200] > 20, "some requests must be right"
    assert found.accepted, "some of them answers"
    assert found.broken == []
    assert (found.lost, found.changed) == (0, 0)
    assert found.rebuilt
    assert np.isin([200, 422], list(found.statuses)).all()
