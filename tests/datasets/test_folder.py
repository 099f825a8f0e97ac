import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from pal.datasets import open_source
from pal.datasets.files import MAX_PIXELS, hash_file, open_picture, read_picture
from pal.datasets.folder import folder
from pal.errors import InvalidInputError


def picture(path, color=(200, 30, 30), size=(20, 10), mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(path, **options)
    return path


def huge_png(path, width, height):
    """A small PNG that says it has very many pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


def test_a_folder_as_people_have_them(tmp_path):
    root = tmp_path / "photos"
    first = picture(root / "b" / "one.png")
    picture(root / "a.JPG", (0, 0, 255))
    (root / "b" / "copy of one.png").write_bytes(first.read_bytes())
    (root / "notes.txt").write_text("hello")
    (root / "drawing.svg").write_text("<svg/>")
    (root / "fake.png").write_text("no picture")
    (root / "empty.png").touch()
    picture(root / ".hidden" / "x.png", (1, 2, 3))
    picture(root / "photos.pal" / "x.png", (1, 2, 3))
    huge_png(root / "huge.png", 25_000, 25_000)
    huge_png(root / "large.png", 10_000, 10_000)
    outside = picture(tmp_path / "outside.png", (9, 9, 9))
    (root / "link.png").symlink_to(outside)
    (root / "dangling.png").symlink_to(tmp_path / "missing.png")
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        items = folder(root, progress=lambda done, total: seen.append((done, total)))
    assert items.name == ("a.JPG", "b/copy of one.png")
    assert items.copies == {items.id[1]: ("b/one.png",)}
    assert items.kind == "image"
    assert items.id[1] == hash_file(first)
    why = dict(items.skipped)
    assert why["notes.txt"] == "a text among pictures"
    assert why["drawing.svg"] == "of no known kind (.svg)"
    assert "known format" in why["fake.png"]
    assert "known format" in why["empty.png"]
    assert "too large" in why["huge.png"]
    assert "100 megapixels" in why["large.png"]
    assert why["link.png"] == why["dangling.png"] == "a link that leads out of the folder"
    assert len(why) == 8
    assert (seen[0], seen[-1]) == ((0, 7), (7, 7)), "of the files that may be pictures"


def test_the_same_folder_gives_the_same_items(tmp_path):
    for i in range(5):
        picture(tmp_path / f"{i}.png", (i, i, i))
    one, two = folder(tmp_path), folder(tmp_path)
    assert (one.id, one.name) == (two.id, two.name)


def test_folders_without_two_pictures(tmp_path):
    with pytest.raises(InvalidInputError, match="no such folder"):
        folder(tmp_path / "none")
    with pytest.raises(InvalidInputError, match="is empty"):
        folder(tmp_path)
    picture(tmp_path / "one.png")
    with pytest.raises(InvalidInputError, match="only one picture"):
        folder(tmp_path)


def test_a_torn_picture_is_found_when_read(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "torn.jpg"
    Image.fromarray(rng.integers(0, 255, (200, 200, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:5000])
    open_picture(path).close()
    with pytest.raises(InvalidInputError, match="broken file"):
        read_picture(path)


def test_formats_that_are_not_listed_are_refused(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "x.png", format="ICO")
    with pytest.raises(InvalidInputError, match="known format"):
        open_picture(tmp_path / "x.png")
    assert MAX_PIXELS == Image.MAX_IMAGE_PIXELS, "Pillow's limit stays on"


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("RGB", (200, 30, 30), (200, 30, 30)),
        ("L", 77, (77, 77, 77)),
        ("1", 1, (255, 255, 255)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("LA", (50, 255), (50, 50, 50)),
        ("P", 0, (0, 0, 0)),
        ("I;16", 256 * 77, (77, 77, 77)),
    ],
)
@pytest.mark.parametrize("size", [None, 8])
def test_every_mode_becomes_rgb_on_white(tmp_path, mode, color, expected, size):
    path = picture(tmp_path / "x.png", color, mode=mode)
    read = read_picture(path, size)
    assert read.mode == "RGB"
    assert read.size == ((20, 10) if size is None else (8, 4))
    assert np.abs(np.asarray(read, dtype=int) - expected).max() <= 1


def test_pictures_are_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(tmp_path / "x.jpg", size=(20, 10), exif=exif)
    assert read_picture(tmp_path / "x.jpg").size == (10, 20)
    assert read_picture(tmp_path / "x.jpg", 10).size == (5, 10)


def test_sources_by_kind(tmp_path):
    assert len(open_source("digits")) == 1797
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InvalidInputError, match="folder of pictures, sounds or texts, or a file"):
        open_source(tmp_path / "notes.txt")
    with pytest.raises(InvalidInputError, match="no such file"):
        open_source(tmp_path / "none.npz")


def test_sounds_that_go_with_pictures_are_not_what_a_folder_is_of(tmp_path):
    """A name spoken in ten languages beside each drawing; but a cover beside ten songs makes no folder of pictures."""
    for i, animal in enumerate(["frog", "newt"]):
        picture(tmp_path / "animals" / f"{animal}.png", (i, 9, 9))
        for language in ("", "_desc_de", "_desc_en"):
            (tmp_path / "animals" / f"{animal}{language}.ogg").write_text(animal + language)
    (tmp_path / "animals" / "bee.svg").write_text("<svg/>")
    (tmp_path / "animals" / "bee.ogg").write_text("bee")
    assert folder(tmp_path).kind == "image"
    albums = tmp_path / "albums"
    picture(albums / "cover.png")
    for i in range(3):
        (albums / f"song {i}.ogg").write_text(str(i))
    with pytest.raises(InvalidInputError, match="no sound that can be read"):
        folder(albums)
