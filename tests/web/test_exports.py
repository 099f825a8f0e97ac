"""The export screen's routes: what is written, what the zip holds, and what nobody can reach by it."""

import hashlib
import io
import json
import zipfile

import pytest
from posting import answered, send

from pal.export import FORMATS
from pal.web.exports import zipped


@pytest.fixture(scope="module")
def labelled(client, project, digit):
    for _ in range(4):
        page = client.get("/api/page").json()["page"]
        assert send(client, answered(page, digit)).status_code == 200
        project.settle()  # the same pages every time
    return project


def test_the_zip_is_the_manifests_files(client, labelled):
    formats = ["csv", "log", "pairs", "embeddings"]
    written = client.post("/api/export", json={"formats": formats})
    assert written.status_code == 200, written.text
    reply = client.get(f"/exports/{written.json()['id']}.zip")
    assert reply.headers["content-type"] == "application/zip"
    assert "attachment" in reply.headers["content-disposition"]
    assert "content-length" not in reply.headers  # it is made while it is sent
    archive = zipfile.ZipFile(io.BytesIO(reply.content))
    assert archive.testzip() is None
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest == written.json()["manifest"]
    assert set(archive.namelist()) == {*manifest["files"], "manifest.json"}
    for name, digest in manifest["files"].items():
        assert hashlib.sha256(archive.read(name)).hexdigest() == digest
    assert manifest["position"] == labelled.progress().position
    assert len(archive.namelist()) == written.json()["n_files"]


def test_formats_are_those_of_the_command(client, labelled):
    assert set(client.get("/api/export").json()["formats"]) <= set(FORMATS)


@pytest.mark.parametrize("formats", [[], ["nonsense"], ["csv", "../x"], "csv", [1]])
def test_nonsense_is_refused(client, formats):
    reply = client.post("/api/export", json={"formats": formats})
    assert reply.status_code == 422
    assert isinstance(reply.json()["detail"], str)


@pytest.mark.parametrize(
    "name", ["0" * 32, "x", "..", "..%2f..%2fsession", "session.key", "0" * 32 + "%2f..%2f..%2fsession.key", "%2e%2e"]
)
def test_only_exports_can_be_downloaded(client, labelled, name):
    assert client.get(f"/exports/{name}.zip").status_code in (404, 422)


def test_old_exports_go(client, labelled):
    made = [client.post("/api/export", json={"formats": ["log"]}).json()["id"] for _ in range(3)]
    assert [client.get(f"/exports/{name}.zip").status_code for name in made] == [404, 200, 200]


def test_zipping_follows_links_and_repeats_itself(tmp_path):
    outside = tmp_path / "picture.png"
    outside.write_bytes(bytes(range(256)) * 1000)
    folder = tmp_path / "export"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "a.png").symlink_to(outside)
    (folder / "labels.csv").write_text("id\n" * 50_000)
    data = b"".join(zipped(folder))
    assert data == b"".join(zipped(folder))
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.read("images/a.png") == outside.read_bytes()
    assert archive.read("labels.csv") == (folder / "labels.csv").read_bytes()
    assert len(data) < 300_000
    assert max(map(len, zipped(folder))) < 200_000  # in pieces
