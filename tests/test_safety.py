"""Attacks on "safe by default" that no other test makes; docs/safety.md lists them all, rule by rule."""

import re
import socket
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import pal
from pal.datasets import open_source
from pal.errors import InvalidInputError
from pal.project import Page, Project
from pal.web.app import create_app
from tests.test_project import three_clumps

SOURCE = Path(pal.__file__).parent
SECRET = "the secret"


def test_every_test_that_the_page_names_exists():
    root = Path(__file__).parents[1]
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", (root / "docs" / "safety.md").read_text(encoding="utf-8"))
    assert len(named) > 20
    for file, name in named:
        assert f"def {name}(" in (root / file).read_text(encoding="utf-8"), f"{file}::{name}"


def picture(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)


def bomb(path, side=60_000):
    """A PNG of a few bytes that says it is ``side`` × ``side`` pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b""))


def test_a_picture_that_would_fill_the_memory_and_one_that_is_a_page_are_skipped(tmp_path):
    for i in range(3):
        picture(tmp_path / "pictures" / f"{i}.png", i)
    bomb(tmp_path / "pictures" / "bomb.png")
    (tmp_path / "pictures" / "page.png").write_text("<html><script>alert(1)</script></html>")
    (tmp_path / "pictures" / "drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    with Project.create_or_open(tmp_path / "pictures", encoder="pixels") as project:
        names = set(project.items.name)
    assert not {name for name in names if "bomb" in name or "page" in name or "drawing" in name}
    assert len(names) == 3


def test_links_out_of_a_folder_are_not_followed(tmp_path):
    picture(tmp_path / "private" / "secret.png", 7)
    for i in range(3):
        picture(tmp_path / "pictures" / f"{i}.png", i)
    (tmp_path / "pictures" / "link.png").symlink_to(tmp_path / "private" / "secret.png")
    (tmp_path / "pictures" / "folder").symlink_to(tmp_path / "private", target_is_directory=True)
    items = open_source(tmp_path / "pictures")
    assert len(items) == 3
    assert not any("secret" in str(path.resolve()) for path in items.path if path is not None)


@pytest.mark.parametrize(
    "place",
    [
        "../private/secret.png",
        "{home}/private/secret.png",
        "..\\private\\secret.png",
        "{home}/table-private/secret.png",
        "../table-private/secret.png",
        "file://{home}/private/secret.png",
    ],
)
def test_a_table_cannot_name_files_outside_of_its_folder(tmp_path, place):
    picture(tmp_path / "private" / "secret.png", 7)
    picture(tmp_path / "table-private" / "secret.png", 8)  # a name that begins alike
    for i in range(3):
        picture(tmp_path / "table" / f"{i}.png", i)
    np.save(tmp_path / "table" / "rows.npy", np.random.default_rng(0).normal(size=(4, 3)))
    rows = ["path", "0.png", "1.png", "2.png", place.format(home=tmp_path)]
    (tmp_path / "table" / "rows.csv").write_text("\n".join(rows) + "\n")
    try:
        items = open_source(tmp_path / "table" / "rows.npy")
    except InvalidInputError:
        return
    assert not any("secret" in str(path.resolve()) for path in items.path if path is not None)


def test_addresses_in_a_table_are_not_fetched(tmp_path, monkeypatch):
    """Somebody else's table must not make this computer ask others for anything."""
    tried = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: tried.append(address))
    for i in range(3):
        picture(tmp_path / f"{i}.png", i)
    places = ["http://127.0.0.1:9/x.png", "https://example.org/x.png", "ftp://example.org/x.png", "//example.org/x.png"]
    (tmp_path / "rows.csv").write_text("\n".join(["image", *(f"{i}.png" for i in range(3)), *places]) + "\n")
    items = open_source(tmp_path / "rows.csv")
    assert items.name == ("0.png", "1.png", "2.png")
    assert len(items.skipped) == len(places)
    assert [address for address in tried if isinstance(address, tuple)] == []


@pytest.fixture
def project(tmp_path):
    x, labels = three_clumps()
    np.savez(tmp_path / "clumps.npz", x=x, y=labels)
    (tmp_path / "secret.txt").write_text(SECRET)
    with Project.create_or_open(tmp_path / "clumps.npz", oracle="captcha", page_size=5) as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.parametrize(
    "address",
    [
        "/thumbnails/../../secret.txt",
        "/thumbnails/..%2f..%2fsecret.txt",
        "/thumbnails/%2e%2e/%2e%2e/secret.txt",
        "/static/../../../secret.txt",
        "/static/..%2f..%2f..%2fsecret.txt",
        "/static//etc/passwd",
        "/exports/..%2f..%2fsecret.txt.zip",
        "/exports/../log.sqlite.zip",
        "/log.sqlite",
        "/session.key",
    ],
)
def test_no_address_leads_to_a_file(project, address):
    with TestClient(create_app(project, token=None), base_url="http://127.0.0.1:8000") as client:
        reply = client.get(address)
    assert reply.status_code in (400, 404, 405, 422), reply.status_code
    assert SECRET not in reply.text
    assert "root:" not in reply.text


def test_nothing_goes_out(project, monkeypatch):
    """A page, an answer and a report, with every connection that isn't to this computer refused and counted."""
    tried = []
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            tried.append(address)
            raise OSError("no network in this test")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    with TestClient(create_app(project, token=None), base_url="http://127.0.0.1:8000") as client:
        assert "page" in client.get("/api/page").json()
        assert client.get("/api/report").status_code == 200
        assert client.get("/").status_code == 200
    assert isinstance(project.page("ann"), Page)
    assert tried == []


def test_screens_name_no_other_host_and_write_no_html():
    served = [*SOURCE.glob("web/static/*"), *SOURCE.glob("web/templates/*")]
    assert len(served) > 20
    for file in served:
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(src|href|url|import|fetch)\W{0,3}\s*[\"'(]?(https?:)?//[a-z]", text), file.name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), (
            file.name
        )
        assert not re.search(r"\son[a-z]+\s*=\s*[\"']|javascript:|\|\s*safe\b", text), file.name


def test_the_code_unpickles_nothing():
    for file in SOURCE.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(
            r"pickle\.loads?\(|allow_pickle\s*=\s*True|joblib\.load|yaml\.load\(|weights_only\s*=\s*False", text
        ), file


def test_an_archive_that_promises_more_than_it_has(tmp_path):
    """An .npz of some hundred bytes whose array would take terabytes."""
    import io
    import zipfile

    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 8)})
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", head.getvalue() + b"\0" * 64)
    with pytest.raises(InvalidInputError):
        open_source(tmp_path / "bomb.npz")
