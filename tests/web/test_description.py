"""The description of the interface is complete, and real replies are of the shapes it gives."""

import pytest
from posting import answered, checked, send

from pal.web import replies


@pytest.fixture(scope="module")
def described(client):
    return client.get("/api/openapi.json").json()


def operations(described):
    return [(m, path, operation) for path, methods in described["paths"].items() for m, operation in methods.items()]


def test_every_operation_is_described(described):
    tags = {tag["name"] for tag in described["tags"]}
    assert all(tag["description"] for tag in described["tags"])
    listed = operations(described)
    assert len({operation["operationId"] for *_, operation in listed}) == len(listed) > 20
    for method, path, operation in listed:
        assert set(operation["tags"]) <= tags, path
        assert len(operation["tags"]) == 1
        assert operation["summary"][0].isupper(), path
        assert operation["summary"] != operation["operationId"]
        assert operation["description"]
        shape = operation["responses"]["200"].get("content", {}).get("application/json", {}).get("schema")
        assert "$ref" in shape if path.startswith("/api/") else shape is None, (method, path)


def test_every_error_has_the_one_shape(described):
    for _, path, operation in operations(described):
        for status in ("400", "401", "403", "404", "413", "415", "422", "503"):
            schema = operation["responses"][status]["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Error"}, (path, status)
    assert "HTTPValidationError" not in str(operations(described))


@pytest.fixture(scope="module")
def labelled(client, project, digit):
    """A project with something on every screen."""
    for _ in range(4):
        assert send(client, answered(client.get("/api/page").json()["page"], digit)).status_code == 200
        project.settle()  # the same pages every time
    a, b, c, d = project.items.id[:4]
    for one, other, relation in ((a, b, 1), (b, c, 1), (a, c, -1), (a, d, 1), (d, a, -1)):
        assert send(client, checked(one, other, relation)).status_code == 200
    project.settle()
    return a


def read(client, path, model, **sent):
    reply = client.post(path, json=sent) if sent else client.get(path)
    assert reply.status_code == 200, reply.text
    return model.model_validate(reply.json())


def test_real_replies_have_the_described_shapes(client, project, labelled):
    item = labelled
    page = read(client, "/api/page", replies.NextPage).page
    assert page.tiles
    assert read(client, "/api/renew", replies.Renewed, pages=[page.id]).renewed == [page.id]
    assert read(client, "/api/release", replies.Released, pages=[page.id]).released == [page.id]
    assert read(client, "/api/progress", replies.Progress).n_items == 1797
    assert read(client, "/api/groups", replies.Groups).groups
    assert read(client, "/api/groups/same", replies.Pairs)
    assert read(client, f"/api/groups/against?a={item}&b={project.items.id[9]}", replies.Against)
    assert read(client, f"/api/groups/{item}/members", replies.Members).members
    assert read(client, "/api/groups/rename", replies.Written, anchor=item, name="x").events
    assert read(client, "/api/groups/place", replies.Written, anchor=item, parent="x").events
    review = read(client, "/api/review", replies.Review)
    assert review.contradictions
    assert review.disagreements
    assert review.audit
    assert read(client, f"/api/items/{item}", replies.Item).pairs
    assert read(client, "/api/report", replies.Report).people
    assert len(read(client, "/api/map", replies.Map).x) == 1797
    assert read(client, "/api/ask", replies.Asked, items=list(project.items.id[100:120])).page
    assert read(client, "/api/flag", replies.Written, item=item, reason="broken").events
    assert read(client, "/api/undo", replies.Written, **{"": 0}).events
    assert read(client, "/api/team", replies.Team).people
    assert read(client, "/api/team/settings", replies.Settings, gold=0.5).gold == 0.5
    assert read(client, "/api/welcomed", replies.Named, **{"": 0}).name == "person"
    assert read(client, "/api/export", replies.Formats).formats
    assert read(client, "/api/export", replies.Export, formats=["pairs"]).n_files == 2


def test_refusals_have_the_one_shape(client):
    for reply in (
        client.get("/api/nowhere"),
        client.get("/api/items/" + "0" * 64),
        client.get("/api/report", params={"target": 7}),
        client.post("/api/events", json={"events": 3}),
        client.post("/api/events", content=b"x", headers={"content-type": "text/plain"}),
        client.get("/api/page", headers={"host": "evil.example"}),
        client.delete("/api/page"),
    ):
        assert reply.status_code >= 400
        assert replies.Error.model_validate(reply.json()).detail
