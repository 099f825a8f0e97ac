"""Pages, leases, progress and the two screens, over a real project."""

import re

import pytest
from starlette.testclient import TestClient

from pal.web.app import create_app

HASH = re.compile(r"[0-9a-f]{64}")


def get_page(client, hold=()):
    reply = client.get("/api/page", params={"hold": ",".join(hold)})
    assert reply.status_code == 200, reply.text
    return reply.json()["page"]


def items_of(page):
    return {page["template"]["id"], *(tile["id"] for tile in page["tiles"])}


def test_a_page_shows_a_template_its_group_and_fifteen_tiles(client, project):
    page = get_page(client)
    assert len(page["tiles"]) == 15
    assert page["mode"] in ("same", "different")
    assert len(items_of(page)) == 16  # each item once
    for tile in [page["template"], *page["exemplars"], *page["tiles"]]:
        assert HASH.fullmatch(tile["id"])
        assert project.items.name[project.items.row[tile["id"]]] == tile["name"]
    assert len(page["exemplars"]) <= 5


def test_pages_loaded_ahead_share_no_tile(client):
    first = get_page(client)
    second = get_page(client, [first["id"]])
    third = get_page(client, [first["id"], second["id"]])
    tiles = [tile["id"] for page in (first, second, third) for tile in page["tiles"]]
    assert len(set(tiles)) == len(tiles)
    assert len({first["id"], second["id"], third["id"]}) == 3


def test_leases_are_renewed_and_unknown_pages_do_no_harm(client):
    page = get_page(client)
    assert client.post("/api/renew", json={"pages": [page["id"]]}).status_code == 200
    assert client.post("/api/renew", json={"pages": ["of-a-server-that-is-gone"]}).status_code == 200
    assert client.get("/api/page", params={"hold": "of-a-server-that-is-gone"}).status_code == 200


def test_pages_given_back_are_free_at_once(client, project):
    page, kept = get_page(client), get_page(client)
    reply = client.post("/api/release", json={"pages": [page["id"], "of-a-server-that-is-gone"]})
    assert reply.status_code == 200
    leased = set(project._leases.items())
    assert not leased & {tile["id"] for tile in page["tiles"]}
    assert leased >= {tile["id"] for tile in kept["tiles"]}


def test_progress_counts_every_item_once(client, project):
    progress = client.get("/api/progress").json()
    assert progress["n_items"] == len(project.items)
    assert progress["told"] + progress["deduced"] + progress["predicted"] == len(project.items)


@pytest.mark.parametrize("address", ["/", "/groups"])
def test_screens_carry_no_inline_script_and_nothing_from_elsewhere(client, address):
    reply = client.get(address)
    assert reply.status_code == 200
    assert "text/html" in reply.headers["content-type"]
    assert not re.findall(r"<script(?![^>]*\bsrc=)", reply.text)
    assert not re.findall(r"<style|\bstyle=|\bon\w+=", reply.text)
    links = re.findall(r'\b(?:src|href)="([^"]*)"', reply.text)
    assert links
    assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in links)
    for link in links:
        if link.startswith("/static/"):
            assert client.get(link).status_code == 200, link


def test_modules_import_only_each_other(client):
    from pathlib import Path

    import pal.web

    folder = Path(pal.web.__file__).parent / "static"
    for script in folder.glob("*.js"):
        for name in re.findall(r'from "([^"]+)"', script.read_text()):
            assert (folder / name).is_file(), f"{script.name} imports {name}"
        assert "innerHTML" not in script.read_text()


def test_the_rule_is_shown_as_text(project):
    rule = 'Same species <script>alert("x")</script> & same age'
    with TestClient(create_app(project, token=None, rule=rule), base_url="http://127.0.0.1:8000") as client:
        page = client.get("/").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_whole_way_in_and_back_after_a_restart(project):
    token = "t" * 32
    address = "http://127.0.0.1:8000"
    with TestClient(create_app(project, token=token), base_url=address) as client:
        assert client.get("/api/page").status_code == 401
        assert "Pick the same" in client.get("/", params={"token": token}).text
        cookies = dict(client.cookies)
    with TestClient(create_app(project, token="another" * 5), base_url=address, cookies=cookies) as client:
        assert client.get("/api/progress").status_code == 200


def test_description_names_every_route(client):
    paths = set(client.get("/api/openapi.json").json()["paths"])
    assert {"/api/page", "/api/events", "/api/renew", "/api/groups", "/thumbnails/{item}"} <= paths
    assert client.get("/docs").status_code == 404
