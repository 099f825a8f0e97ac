"""Pictures by item id, and nothing else by any name."""

import io

import pytest


def test_a_thumbnail_is_a_small_picture_that_may_be_kept(client, project):
    from PIL import Image

    reply = client.get(f"/thumbnails/{project.items.id[0]}", params={"size": 96})
    assert reply.status_code == 200
    assert reply.headers["content-type"] in ("image/png", "image/jpeg", "image/webp")
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in reply.headers["cache-control"]
    with Image.open(io.BytesIO(reply.content)) as picture:
        assert max(picture.size) <= 96


@pytest.mark.parametrize(
    "name",
    [
        "..%2f..%2f..%2fetc%2fpasswd",
        "../../etc/passwd",
        "digit 0000",
        "%00",
        "A" * 64,
        "g" * 64,
        "0" * 63,
        "0" * 65,
        "0" * 64,
    ],
)
def test_only_ids_of_items_are_served(client, name):
    assert client.get(f"/thumbnails/{name}").status_code in (404, 422)


@pytest.mark.parametrize("size", ["1", "100000", "-96", "96.0", "", "NaN"])
def test_only_three_sizes_are_made(client, project, size):
    assert client.get(f"/thumbnails/{project.items.id[0]}", params={"size": size}).status_code == 422


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd", "/static/"]
)
def test_static_files_stay_in_their_folder(client, path):
    assert client.get(path).status_code == 404
