"""The client, against a real server on a real port."""

import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from pal.client import Client
from pal.errors import InvalidInputError, StoreError
from pal.project import Project
from pal.store.accounts import Accounts
from pal.web.background import served
from pal.web.invitations import Invitations
from pal.web.sessions import INVITE_KEY, load_secret
from tests.test_project import three_clumps


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("client")
    x, labels = three_clumps()
    np.savez(folder / "clumps.npz", x=x, y=labels)
    with Project.create_or_open(folder / "clumps.npz", page_size=5, oracle="captcha") as opened:
        yield opened


@pytest.fixture(scope="module")
def owner(project):
    with served(project) as link, Client(link) as client:
        client.link = link
        yield client


@pytest.fixture
def invited(project, owner):
    """Link of a person in a role."""

    def make(name, role):
        account, word = Accounts(project.store).invite(name, role)
        signed = Invitations(load_secret(project.directory / INVITE_KEY)).sign(account.key, word)
        return f"{owner.link.split('?')[0]}?invite={signed}"

    return make


def truth(project, page):
    own = project.items.labels[project.items.row[page.template.id]]
    return {tile.id: 1 if project.items.labels[project.items.row[tile.id]] == own else -1 for tile in page.tiles}


def test_a_page_is_answered_and_taken_back(project, owner):
    page = owner.page()
    assert (page.mode, len(page.tiles), owner.why) == ("same", 5, "")
    before = owner.status()
    event = owner.answer(page, truth(project, page), seconds=2.5)
    (_, written) = project.store.read_after(before["position"])[0]
    assert (written.id, written.seconds, written.labeler) == (event, 2.5, "person")
    assert dict(zip(written.items, written.relations, strict=True)) == truth(project, page)
    assert owner.status()["pages"] == before["pages"] + 1
    owner.retract(event)
    assert owner.status()["pages"] == before["pages"]


def test_relations_in_order_or_by_item(project, owner):
    page = owner.page()
    owner.answer(page, list(truth(project, page).values()))
    page = owner.page()
    owner.answer(page, {page.tiles[0].id: 1})
    (_, last) = project.store.read_after(0)[-1]
    assert last.relations == (1, 0, 0, 0, 0)
    with pytest.raises(InvalidInputError, match="one relation for each item"):
        owner.answer(page, [1])
    with pytest.raises(InvalidInputError, match="relations"):
        owner.answer(page, [7] * len(page.tiles))


def test_names_flags_groups_and_exports(project, owner, tmp_path):
    page = owner.page()
    owner.answer(page, truth(project, page))
    owner.name(page.template.id, "first")
    assert "first" in [group["name"] for group in owner.groups()]
    flagged = owner.status()["flagged"]
    event = owner.flag(page.tiles[0].id, reason="broken")
    assert owner.status()["flagged"] == flagged + 1
    owner.retract(event)
    file = owner.export(tmp_path / "labels.zip", formats=["csv", "pairs"])
    with zipfile.ZipFile(file) as archive:
        assert sorted(archive.namelist()) == ["labels.csv", "manifest.json", "pairs.csv"]
        assert json.loads(archive.read("manifest.json"))["position"] == owner.status()["position"]
    with pytest.raises(InvalidInputError, match="unknown format"):
        owner.export(tmp_path / "other.zip", formats=["nonsense"])
    assert [file.name for file in tmp_path.iterdir()] == ["labels.zip"]
    assert owner.picture(page.template.id).startswith(b"\xff\xd8"), "vectors are drawn, as JPEG"


def test_a_client_may_do_what_its_account_may(project, invited):
    with Client(invited("Ann", "annotator")) as ann:
        page = ann.page()
        ann.answer(page, truth(project, page))
        (_, last) = project.store.read_after(0)[-1]
        assert last.labeler == "Ann"
        for act in (ann.groups, lambda: ann.name(page.template.id, "mine")):
            with pytest.raises(InvalidInputError, match="take"):
                act()


def test_a_link_works_once_and_a_kept_session_goes_on(invited, owner, tmp_path):
    link = invited("Ben", "annotator")
    keep = tmp_path / "session"
    with Client(link, keep=keep) as ben:
        ben.status()
    assert keep.stat().st_mode & 0o077 == 0
    with pytest.raises(InvalidInputError, match="invitation was used"):
        Client(link)
    with Client(link.split("?")[0], keep=str(keep)) as ben:
        assert ben.status()["n_items"] == 45
    keep.write_text(json.dumps(dict.fromkeys(json.loads(keep.read_text()), "x")))
    with pytest.raises(InvalidInputError, match="sign-in"):
        Client(link.split("?")[0], keep=keep)
    with pytest.raises(InvalidInputError, match="no session"):
        Client(link.split("?")[0])
    with pytest.raises(InvalidInputError, match="sign-in"):
        Client(owner.link)  # spent


@pytest.mark.parametrize("address", ["", "photos.pal", "ftp://127.0.0.1/", "http://"])
def test_what_is_no_link(address):
    with pytest.raises(InvalidInputError, match="expected a link"):
        Client(address)


def test_nobody_there(monkeypatch):
    monkeypatch.setattr("pal.client._WAIT", 0.0)
    with pytest.raises(StoreError, match="can't be reached"):
        Client("http://127.0.0.1:1/?token=x")


class Shaky(BaseHTTPRequestHandler):
    """A server that takes an event and loses its reply, twice."""

    taken: list = []  # noqa: RUF012

    def do_GET(self):
        self._say(200, {"n_items": 3})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path != "/api/join":
            self.taken.append(body["events"][0]["id"])
        self._say(503 if 0 < len(self.taken) < 3 else 200, {"detail": "the log didn't answer"})

    def _say(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


def test_a_lost_reply_is_asked_for_again_with_the_same_id(monkeypatch):
    monkeypatch.setattr("pal.client._WAIT", 0.0)
    with HTTPServer(("127.0.0.1", 0), Shaky) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            with Client(f"http://127.0.0.1:{server.server_port}/?invite=x") as client:
                event = client.flag("0" * 64)
        finally:
            server.shutdown()
            thread.join()
    assert Shaky.taken == [event] * 3
