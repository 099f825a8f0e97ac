"""Zip files as sources: the folder they are, and what they may not do."""

import io
import json
import os
import stat
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pal.datasets import Reading, open_source
from pal.datasets import archive as module
from pal.datasets.archive import unpack
from pal.errors import InvalidInputError, PalError, StoreError
from pal.project import Project
from pal.project.opening import default_directory, stored_source


def png(number):
    """A picture of its own for each number."""
    made = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 255, (24, 24, 3), dtype=np.uint8)).save(made, "PNG")
    return made.getvalue()


def packed(path, members, *, method=zipfile.ZIP_DEFLATED):
    """A zip file of those members, by name or by ZipInfo."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names that come twice
        with zipfile.ZipFile(path, "w", method) as made:
            for name, data in members:
                made.writestr(name, data)
    return path


def below(folder):
    """Files below a folder, relative."""
    return {str(found.relative_to(folder)) for found in folder.rglob("*") if found.is_symlink() or found.is_file()}


@pytest.fixture
def photos(tmp_path):
    return packed(tmp_path / "photos.zip", [(f"photos/{i}.png", png(i)) for i in range(6)])


@pytest.fixture
def place(tmp_path):
    return tmp_path / "p.pal" / "unpacked"


def test_a_zip_file_is_the_folder_it_is_of(photos, tmp_path):
    (tmp_path / "same").mkdir()
    with zipfile.ZipFile(photos) as opened:
        opened.extractall(tmp_path / "same")
    items, same = open_source(photos, cache=tmp_path / "p.pal" / "seen.jsonl"), open_source(tmp_path / "same")
    assert (items.kind, items.id, items.name) == (same.kind, same.id, same.name)
    assert items.source == str(photos)
    assert all(items.file(i).is_relative_to(tmp_path / "p.pal") for i in range(6))
    assert below(photos.parent / "p.pal" / "unpacked") == set(items.name)


def test_a_project_of_a_zip_file_goes_on_where_it_was(photos):
    directory = default_directory(photos)
    with Project.create_or_open(photos, encoder="pixels") as project:
        project.rename(project.items.id[0], "first", "ann")
    with Project.create_or_open(stored_source(directory), encoder="pixels") as project:
        assert "first" in [group.name for group in project.groups()]
        assert project.thumbnail(project.items.id[0], 96)


def test_without_a_project_it_is_unpacked_until_the_program_ends(photos, tmp_path, monkeypatch):
    ends = []
    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(module.atexit, "register", lambda act, *args, **options: ends.append((act, args, options)))
    items = open_source(photos)
    assert items.file(0).is_file()
    ((act, args, options),) = ends
    act(*args, **options)
    assert below(tmp_path) == {"photos.zip"}


def test_what_is_no_item_is_left_out_and_named(tmp_path, place):
    inner = packed(tmp_path / "inner.zip", [("deep.png", png(9))])
    link = zipfile.ZipInfo("link.png")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    device = zipfile.ZipInfo("device.png")
    device.create_system, device.external_attr = 3, (stat.S_IFCHR | 0o666) << 16
    squeezed = zipfile.ZipInfo("squeezed.png")
    squeezed.compress_type = zipfile.ZIP_LZMA
    path = packed(
        tmp_path / "mixed.zip",
        [
            ("a.png", png(0)), ("a.png", png(1)), ("b.png/c.png", png(2)), ("b.png", png(3)), ("./d/e.png", png(4)),
            ("w\\x.png", png(5)), (link, "/etc/passwd"), (device, b""), (squeezed, png(6)), ("run.exe", b"MZ"),
            ("inner.ZIP", inner.read_bytes()), ("x" * 250 + ".png", png(7)), ("__MACOSX/._a.png", b"\0"),
            (".hidden/f.png", png(8)), ("old.pal/f.png", png(8)), ("empty/", b""),
        ],
    )  # fmt: skip
    why = {skip.name[:20]: skip.why for skip in unpack(path, place)}
    assert below(place) == {"a.png", "b.png/c.png", "d/e.png", "w/x.png"}
    assert (place / "a.png").read_bytes() == png(0)
    assert why == {
        "a.png": "a name that was there before",
        "b.png": "a file and a folder at once",
        "link.png": "a link, or no file at all",
        "device.png": "a link, or no file at all",
        "squeezed.png": "packed in another way than deflate; pack it again",
        "run.exe": "of no known kind (.exe)",
        "inner.ZIP": "an archive in the archive; unpack it yourself",
        "x" * 20: "a name that is too long",
    }
    assert not any(found.is_symlink() or os.access(found, os.X_OK) for found in place.rglob("*.png") if found.is_file())


@pytest.mark.parametrize(
    "name", ["../evil.png", "a/../../evil.png", "/tmp/evil.png", "..\\evil.png", "\\evil.png", "C:/evil.png", "a/.."]
)
def test_names_that_lead_elsewhere_are_refused_before_anything_is_written(tmp_path, place, name):
    path = packed(tmp_path / "slip.zip", [("good.png", png(0)), (name, png(1))])
    before = below(tmp_path)
    with pytest.raises(InvalidInputError, match="outside of its folder"):
        unpack(path, place)
    assert below(tmp_path) == before
    assert not Path("/tmp/evil.png").exists()


@given(
    names=st.lists(
        st.one_of(
            st.text(min_size=1, max_size=12),
            st.lists(
                st.sampled_from(["..", ".", "", "a", "b.png", "\\", "/", "C:", "c.txt"]), min_size=1, max_size=6
            ).map("/".join),
        ).map(lambda name: f"{name}.png"),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_members_are_called_they_lie_in_the_folder(tmp_path_factory, names):
    home = tmp_path_factory.mktemp("any")
    try:
        path = packed(home / "any.zip", [(name, b"x") for name in names])
    except (ValueError, UnicodeError):
        return  # no name of a member
    place = home / "p.pal" / "unpacked"
    try:
        unpack(path, place)
    except InvalidInputError:
        assert below(home) == {"any.zip"}
        return
    assert all(one in ("any.zip", "p.pal/unpacked.json") or one.startswith("p.pal/unpacked/") for one in below(home))


@pytest.mark.parametrize(
    ("members", "limit", "most", "words"),
    [
        ([(f"{i}.png", b"x") for i in range(4)], "MOST_FILES", 3, "4 files, at most 3"),
        ([(f"{i}.png", b"x" * 50) for i in range(4)], "MOST_BYTES", 199, "200 bytes to unpack, at most 199"),
        ([(f"{i}.png", b"x") for i in range(4)], "MOST_LISTED", 100, "a table of contents of"),
        ([("a/" * 40 + "b.png", b"x")], "MOST_FILES", 3, "41 folders in each other"),
        (
            [(f"{i}.txt", bytes(40_000_000)) for i in range(3)],
            "MOST_FILES",
            3,
            "120,000,000 bytes to unpack for its own",
        ),
    ],
    ids=["many", "large", "listed", "deep", "bomb"],
)
def test_more_than_is_sensible_is_refused(tmp_path, place, monkeypatch, members, limit, most, words):
    path = packed(tmp_path / "much.zip", members)
    monkeypatch.setattr(module, limit, most)
    with pytest.raises(InvalidInputError, match=words):
        unpack(path, place)
    assert below(tmp_path) == {"much.zip"}


def test_an_encrypted_archive_is_refused(photos, place):
    data = bytearray(photos.read_bytes())
    for signature, at in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        data[data.index(signature) + at] |= 1
    photos.write_bytes(data)
    with pytest.raises(InvalidInputError, match="encrypted; unpack it yourself and give the folder"):
        unpack(photos, place)


@pytest.mark.parametrize("says", [10, 5_000])
def test_a_member_that_is_not_what_it_says_is_refused(tmp_path, place, says):
    """Of 1,000 bytes, or so many more or fewer: not one byte more is written than was said, and none is kept."""
    path = packed(tmp_path / "liar.zip", [("a.txt", bytes(range(250)) * 4)])
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\1\2") + 24, says)
    path.write_bytes(data)
    with pytest.raises(InvalidInputError, match=r"can't read .* as a zip file: .*; pack it again"):
        unpack(path, place)
    assert below(tmp_path) == {"liar.zip"}


def test_overlapping_members_give_no_more_than_their_checksums(tmp_path, place):
    """Two members of one packed content: what the second says isn't what stands there."""
    path = packed(tmp_path / "twice.zip", [("a.txt", b"one thing" * 9), ("b.txt", b"another" * 9)])
    data = bytearray(path.read_bytes())
    first = data.index(b"PK\1\2")
    struct.pack_into("<I", data, data.index(b"PK\1\2", first + 4) + 42, 0)  # begins where the first does
    path.write_bytes(data)
    with pytest.raises(InvalidInputError, match="can't read"):
        unpack(path, place)
    assert "b.txt" not in {Path(one).name for one in below(tmp_path)}


@given(at=st.integers(0, 10**6), byte=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_archive_is_read_or_refused_in_a_sentence(tmp_path_factory, at, byte, cut):
    home = tmp_path_factory.mktemp("damaged")
    path = packed(home / "d.zip", [(f"{i}.txt", f"text {i}" * 20) for i in range(3)])
    data = bytearray(path.read_bytes())
    at %= len(data)
    data[at:] = b"" if cut else bytes([byte]) + data[at + 1 :]
    path.write_bytes(data)
    said = str(home)
    try:
        unpack(path, home / "p.pal" / "unpacked")
    except PalError as error:
        said = str(error)
    assert str(home) in said
    assert all(one == "d.zip" or one.startswith("p.pal/unpacked") for one in below(home))


def test_what_was_broken_off_goes_on_and_torn_files_are_mended(photos, place):
    def stop(done, total):
        assert total == 6
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack(photos, place, progress=stop)
    assert len(below(place)) == 4
    kept, torn = place / "photos" / "0.png", place / "photos" / "1.png"
    os.utime(kept, (1, 1))
    torn.write_bytes(bytes(torn.stat().st_size))
    unpack(photos, place)
    assert kept.stat().st_mtime == 1, "not unpacked again"
    assert [(place / "photos" / f"{i}.png").read_bytes() for i in range(6)] == [png(i) for i in range(6)]


def test_it_is_unpacked_once_and_again_when_it_changes(photos, place):
    unpack(photos, place)
    asked = []
    unpack(photos, place, progress=lambda *seen: asked.append(seen))
    assert asked == []
    packed(photos, [("photos/1.png", png(1)), ("photos/new.png", png(9)), ("photos/2.png", png(20))])
    os.utime(photos, ns=(1, 1))
    unpack(photos, place, progress=lambda *seen: asked.append(seen))
    assert asked == [(0, 3), (1, 3), (2, 3)]
    assert below(place) == {"photos/1.png", "photos/2.png", "photos/new.png"}
    assert (place / "photos" / "2.png").read_bytes() == png(20)
    assert json.loads(place.with_suffix(".json").read_text()) == [photos.stat().st_size, 1]


def test_no_room_is_said_in_a_sentence(photos, place, monkeypatch):
    used = module.shutil.disk_usage(photos)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: used._replace(free=10))
    with pytest.raises(StoreError, match="bytes are needed; make room, or give another --project"):
        unpack(photos, place)


def test_other_mistakes_are_said_in_a_sentence(tmp_path, photos):
    cache = tmp_path / "p.pal" / "seen.jsonl"
    with pytest.raises(InvalidInputError, match="no such file"):
        open_source(tmp_path / "none.zip", cache=cache)
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(InvalidInputError, match=r"can't read .* as a zip file"):
        open_source(tmp_path / "text.zip", cache=cache)
    with pytest.raises(InvalidInputError, match=r"got none; the first file left out is a\.exe: of no known kind"):
        open_source(packed(tmp_path / "programs.zip", [("a.exe", b"MZ")]), cache=cache)
    with pytest.raises(InvalidInputError, match=r"expected pictures, sounds or texts in .*, got none$"):
        open_source(packed(tmp_path / "empty.zip", []), cache=cache)
    with pytest.raises(InvalidInputError, match="--column and --ids are for tables"):
        open_source(photos, reading=Reading(ids="x"))
