"""Files of others, read by processes apart: what they can't do, and what comes back when they are ended."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from pal.errors import InvalidInputError
from pal.media import Pool, kind_of, pool, worker
from pal.media.kinds import stem_and_ending
from pal.media.pictures import hash_file
from pal.media.worker import MEMORY
from tests.waiting import PATIENCE, wait_until

GRADIENT = np.linspace(0, 255, 40 * 60 * 3).reshape(40, 60, 3).astype(np.uint8)


@pytest.fixture
def picture(tmp_path):
    Image.fromarray(GRADIENT).save(tmp_path / "x.png")
    return tmp_path / "x.png"


@pytest.fixture
def own():
    made = Pool(1)
    yield made
    made.close()


def test_a_picture_comes_back_in_both_sizes(picture):
    read, drawn = pool().picture(picture, side=60, thumbnail=30)
    np.testing.assert_array_equal(np.asarray(read), GRADIENT)
    with Image.open(io.BytesIO(drawn)) as small:
        assert (small.format, small.size) == ("JPEG", (30, 20))
        wanted = np.asarray(Image.fromarray(GRADIENT).resize((30, 20)), dtype=int)
        assert np.abs(np.asarray(small, dtype=int) - wanted).mean() < 3
    nothing, drawn = pool().picture(picture, side=0, thumbnail=30)
    assert nothing is None
    assert drawn
    from_bytes, _ = pool().picture(picture.read_bytes(), side=60)
    np.testing.assert_array_equal(np.asarray(from_bytes), GRADIENT)


def test_relative_paths_are_this_process_s(picture, monkeypatch):
    pool().picture(picture, side=8)
    monkeypatch.chdir(picture.parent)
    assert pool().picture(Path("x.png"), side=8)[0] is not None


def test_looking_hashes_and_checks(picture, tmp_path):
    (tmp_path / "fake.png").write_text("<script>")
    files = [(str(picture), "image"), (str(tmp_path / "fake.png"), "image"), (str(tmp_path / "no"), "text")]
    looked = pool().look(files)
    assert looked[0] == (hash_file(picture), None)
    assert "known format" in looked[1].why
    assert "No such file" in looked[2].why


@pytest.mark.parametrize("more", [-1, 0, 1, 1000])
def test_files_are_hashed_whole_whatever_their_size(tmp_path, monkeypatch, more):
    monkeypatch.setattr(worker, "WHOLE", 5000)
    file = tmp_path / "x.txt"
    file.write_bytes(np.random.default_rng(0).bytes(5000 + more))
    data, whole = worker.beginning(str(file))
    assert whole == (more <= 0)
    assert file.read_bytes().startswith(data)
    assert worker.look({"paths": [[str(file), "text"]]}, b"")[0] == {"found": [[hash_file(file), None]]}


def test_a_file_that_grows_while_it_is_read_is_not_taken_for_its_beginning(tmp_path, monkeypatch):
    (tmp_path / "x.txt").write_bytes(b"some more than there was")
    monkeypatch.setattr(worker.os, "fstat", lambda _: SimpleNamespace(st_size=4))
    assert not worker.beginning(str(tmp_path / "x.txt"))[1]
    found = worker.look({"paths": [[str(tmp_path / "x.txt"), "text"]]}, b"")[0]["found"]
    assert found == [[hash_file(tmp_path / "x.txt"), None]]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs named pipes")
def test_a_file_that_takes_too_long_is_given_up(tmp_path, picture, own):
    """A pipe that nobody writes to: reading it never ends."""
    os.mkfifo(tmp_path / "slow.png")
    own._all[0]._seconds = 1.0
    with pytest.raises(InvalidInputError, match="takes longer than 1 s"):
        own.picture(tmp_path / "slow.png", side=8)
    own._all[0]._seconds = PATIENCE
    assert own.picture(picture, side=8)[0] is not None, "the next file gets a new child"


def test_files_beside_one_that_ends_the_child_are_read(picture, own, monkeypatch):
    asked = own._ask

    def ask(request, *rest, **options):
        if request["op"] == "look" and any(path == "bomb" for path, _ in request["paths"]):
            raise InvalidInputError("broken file: ends whatever reads it")
        return asked(request, *rest, **options)

    monkeypatch.setattr(own, "_ask", ask)
    looked = own.look([(str(picture), "image")] * 3 + [("bomb", "image")] + [(str(picture), "image")])
    assert [seen.id is None for seen in looked] == [False, False, False, True, False]
    assert "ends whatever reads it" in looked[3].why


def test_a_killed_child_is_replaced(picture, own):
    own.picture(picture, side=8)
    own._all[0]._process.kill()
    own._all[0]._process.wait()
    assert own.picture(picture, side=8)[0] is not None


@pytest.mark.parametrize("said", [b"nonsense\n", b'{"parts": [99]}\n', b'{"parts": [-1]}\n', b"[]\n", b""])
def test_a_child_that_answers_nonsense_is_ended(picture, own, monkeypatch, said):
    """What a child says is never trusted: it may have been taken over by a file."""
    script = "import sys; print('ready', flush=True); sys.stdin.readline(); "
    script += f"sys.stdout.buffer.write({said!r}); sys.stdout.flush()"
    real = subprocess.Popen
    monkeypatch.setattr(
        "pal.media.readers.subprocess.Popen", lambda command, **options: real([sys.executable, "-c", script], **options)
    )
    with pytest.raises(InvalidInputError, match="broken file"):
        own.picture(picture, side=8)


def limited(code):
    """Run code in a process that has given up its rights."""
    script = f"from pal.media.worker import give_up_rights\ngive_up_rights()\n{code}"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of Linux")
def test_a_child_cannot_write_files_nor_take_all_memory():
    asked = "import resource as r; print(r.getrlimit(r.RLIMIT_FSIZE), r.getrlimit(r.RLIMIT_NPROC))"
    assert limited(asked).stdout == "(0, 0) (0, 0)\n"
    full = limited(f"try:\n    bytearray({MEMORY * 5 // 4})\nexcept MemoryError:\n    print('refused')")
    assert full.stdout == "refused\n"
    fits = limited(f"bytearray({MEMORY // 2}); print('fits')")
    assert fits.stdout == "fits\n"


def test_memory_that_runs_out_is_the_file_s_fault(monkeypatch):
    from pal.media import worker

    def hungry(request, data):
        raise MemoryError

    monkeypatch.setitem(worker.OPS, "picture", hungry)
    reply, _ = worker.answer(json.dumps({"op": "picture"}).encode(), io.BytesIO())
    assert "more than 2 GiB of memory" in reply["why"]


def test_children_end_with_their_parent():
    code = "from pal.media import Pool; import os, time\np = Pool(1); p.look([('/dev/null', 'text')])\n"
    code += "print(p._all[0]._process.pid, flush=True); os._exit(0)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    child = int(found.stdout)
    wait_until(lambda: state_of(child) in ("gone", "Z"))


def state_of(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "gone"


def test_kinds_by_name():
    assert [kind_of(n) for n in ("a.JPG", "b/c.Flac", "n.txt", "x.svg", "plain", ".png")] == [
        "image", "audio", "text", None, None, None,
    ]  # fmt: skip
    assert stem_and_ending("a.b/c") == ("a.b/c", "")
    assert stem_and_ending("a/b.c.png") == ("a/b.c", ".png")
