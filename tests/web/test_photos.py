"""Real photographs: Debian's tuxpaint stamps, labelled for ten pages over HTTP by a person who goes by the folder."""

import shutil
from pathlib import Path

import pytest
from posting import answered, send
from starlette.testclient import TestClient

from tests.waiting import wait_until

STAMPS = Path("/usr/share/tuxpaint/stamps")
KINDS = ["animals/birds", "animals/fish", "food/fruit", "food/vegetables", "plants/flowers", "household/tools"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not STAMPS.is_dir(), reason="needs the photographs of Debian's package tuxpaint-stamps-default"),
]


@pytest.fixture
def photographs(tmp_path):
    """A folder with a folder for each kind, as people keep them."""
    root = tmp_path / "photographs"
    for kind in KINDS:
        home = root / Path(kind).name
        home.mkdir(parents=True)
        for file in sorted((STAMPS / kind).glob("*.png")):
            shutil.copy(file, home / file.name)
    (root / "notes.png").write_text("not a picture")
    return root


def test_ten_pages_of_photographs(photographs, tmp_path):
    from pal.project import Project
    from pal.web.app import create_app

    project = Project.create_or_open(photographs, tmp_path / "project", seed=0)
    try:
        items = project.items
        kind = {item: name.split("/")[0] for item, name in zip(items.id, items.name, strict=True)}
        assert set(kind.values()) == {Path(one).name for one in KINDS}
        assert "notes.png" in {skipped.name for skipped in items.skipped}
        said = {}
        with TestClient(create_app(project, token=None), base_url="http://127.0.0.1:8000") as client:
            for _ in range(10):
                wait_until(lambda: not project.features.working and len(project.model().rows) == len(items))
                project.settle()  # the same pages every time
                page = client.get("/api/page").json()["page"]
                picture = client.get(f"/thumbnails/{page['template']['id']}", params={"size": 256})
                assert picture.headers["content-type"].startswith("image/")
                event = answered(page, kind)
                said |= {
                    (event["template"], item): told
                    for item, told in zip(event["items"], event["relations"], strict=True)
                }
                assert send(client, event).status_code == 200
            project.settle()
            progress = client.get("/api/progress").json()
            groups = client.get("/api/groups").json()["groups"]
            group_of = {
                member["id"]: (number, member["source"])
                for number, group in enumerate(groups)
                for member in client.get(f"/api/groups/{group['anchor']}/members").json()["members"]
            }
        assert progress["pages"] == 10
        assert progress["told"] >= 10
        # An item that answers keep out of every class believed in is of one that is still to come, and in no group.
        knowledge, believed = project.now().knowledge, project.model().model.beliefs.anchor
        for item in set(items.id) - set(group_of):
            assert (knowledge.relation(items.row[item], believed) == -1).all()
        for (template, item), told in said.items():
            one, other = (group_of.get(end, (None,))[0] for end in (template, item))
            assert (one is not None and one == other) == (told == 1)
        # What is told or deduced is right, for the person was.
        for number in range(len(groups)):
            sure = {
                kind[item] for item, (where, source) in group_of.items() if where == number and source != "predicted"
            }
            assert len(sure) <= 1
    finally:
        project.close()
