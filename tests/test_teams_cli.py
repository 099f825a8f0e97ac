"""Commands for teams, as a person types them."""

import pytest

from pal.project import Project
from tests.test_cli import clumps, label, pal, sentence  # noqa: F401  pal is a fixture


@pytest.fixture
def labelled(tmp_path):
    source = clumps(tmp_path / "data.npz")
    label(source, pages=3, oracle="captcha")
    return source


def test_backup_and_restore(pal, labelled, tmp_path):  # noqa: F811
    project = tmp_path / "data.npz.pal"
    code, out, _ = pal("backup", project, "--to", "one.backup")
    assert code == 0
    assert "one.backup: 3 events" in out
    sentence(pal("backup", project, "--to", "one.backup"), "there already")
    sentence(pal("backup", tmp_path, "--to", "two.backup"), "no project")
    sentence(pal("restore", "one.backup", "--to", project), "has a project already")
    sentence(pal("restore", "data.npz", "--to", "new.pal"), "no whole backup")
    assert not (tmp_path / "new.pal").exists()
    code, out, _ = pal("restore", "one.backup", "--to", "new.pal")
    assert code == 0
    assert f"go on with: pal annotate {labelled} --project new.pal" in out
    with Project.create_or_open(labelled, tmp_path / "new.pal") as again, Project.create_or_open(labelled) as before:
        assert again.store.read_after(0) == before.store.read_after(0)
