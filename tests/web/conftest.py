"""A project of real digits behind the application, one for all tests of a file: they look at what they added."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # browsing.py and posting.py


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    from pal.project import Project

    made = Project.create_or_open("digits", tmp_path_factory.mktemp("web") / "digits.pal", oracle="captcha", seed=0)
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(project):
    from starlette.testclient import TestClient

    from pal.web.app import create_app

    with TestClient(create_app(project, token=None), base_url="http://127.0.0.1:8000") as made:
        yield made


@pytest.fixture(scope="module")
def digit(project):
    """True digit by item id, from scikit-learn itself."""
    from sklearn.datasets import load_digits

    target = load_digits().target
    return {
        item: int(target[int(name.split()[-1])])
        for item, name in zip(project.items.id, project.items.name, strict=True)
    }


@pytest.fixture(scope="module")
def browser():
    """A Chromium; its windows come from ``browsing.new_context``."""
    from browsing import chromium

    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def digits():
    """True digit by item id, where a test has a project of its own."""
    from sklearn.datasets import load_digits

    from pal.datasets.digits import digits

    items, target = digits(), load_digits().target
    return {item: int(target[int(name.split()[-1])]) for item, name in zip(items.id, items.name, strict=True)}


@pytest.fixture
def log(project):
    """Events that were written since the test began."""
    start = project.progress().position
    return lambda: [event for _, event in project.store.read_after(start)]
