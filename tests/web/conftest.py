"""A small project of real digits behind the application."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # browsing.py and posting.py


@pytest.fixture
def project(tmp_path):
    from pal.project import Project

    made = Project.create_or_open("digits", tmp_path / "digits.pal", seed=0)
    yield made
    made.close()


@pytest.fixture
def client(project):
    from starlette.testclient import TestClient

    from pal.web.app import create_app

    with TestClient(create_app(project, token=None), base_url="http://127.0.0.1:8000") as made:
        yield made


@pytest.fixture
def digit(project):
    """True digit by item id, from scikit-learn itself."""
    from sklearn.datasets import load_digits

    target = load_digits().target
    return {
        item: int(target[int(name.split()[-1])])
        for item, name in zip(project.items.id, project.items.name, strict=True)
    }
