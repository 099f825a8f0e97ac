"""The child process that reads files of others: ``python -m pal.media.worker``, asked over its standard input.

A request is a line of JSON ("op" and its options, "path" or "length") and, if it has a length, so many bytes of file.
A reply is a line of JSON and the parts whose lengths it lists. Before the first request the process gives up what it
doesn't need: memory beyond a limit, writing files, starting processes.
"""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from pal.errors import InvalidInputError, MissingExtraError

MEMORY = 2 << 30
"""Bytes that reading files may take beyond what the process has at its start."""

WHOLE = 16 << 20
"""Files up to so many bytes are read once, into memory."""

READY = b"ready\n"
"""First line that the process writes."""

Reply = tuple[dict[str, Any], list[bytes]]


def look(request: dict[str, Any], _: bytes) -> Reply:
    """Hash files and see whether they are pictures or sounds: [id, why not] for each of "paths"."""
    from pal.media.pictures import hash_file, open_picture
    from pal.media.sounds import check_sound

    found = []
    for path, kind in request["paths"]:
        try:
            data, whole = beginning(path)
            if kind == "image":
                open_picture(data if whole else Path(path)).close()
            elif kind == "audio":
                check_sound(Path(path))
            found.append([hashlib.sha256(data).hexdigest() if whole else hash_file(Path(path)), None])
        except InvalidInputError as error:
            found.append([None, str(error)])
        except OSError as error:
            found.append([None, f"not readable: {error.strerror or error}"])
    return {"found": found}, []


def beginning(path: str, /) -> tuple[bytes, bool]:
    """What a file holds, and whether that is all: not of one larger than :data:`WHOLE`, or that grows meanwhile.

    Asked for no more than the file has: memory for more would be mapped, and given back, for each file.
    """
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  a Path takes as long to make as the file to open
        expected = min(os.fstat(file.fileno()).st_size, WHOLE)
        parts, found = [], 0
        while found <= expected and (part := file.read(expected + 1 - found)):
            parts.append(part)
            found += len(part)
    return b"".join(parts), found <= expected


def picture(request: dict[str, Any], data: bytes) -> Reply:
    """Decode a picture once: its pixels at most "side" large, and a thumbnail at most "thumbnail" large, either 0."""
    from PIL import Image

    from pal.media.pictures import encode_picture, read_picture

    side, thumbnail = request["side"], request["thumbnail"]
    read = read_picture(data or Path(request["path"]), max(side, thumbnail))
    drawn = b""
    if thumbnail:
        small = read.copy()
        small.thumbnail((thumbnail, thumbnail), Image.Resampling.LANCZOS)
        drawn = encode_picture(small)
    if not side:
        return {"size": [0, 0]}, [b"", drawn]
    read.thumbnail((side, side), Image.Resampling.LANCZOS)
    return {"size": read.size}, [read.tobytes(), drawn]


def sound(request: dict[str, Any], data: bytes) -> Reply:
    """Decode a sound to samples for encoders."""
    from pal.media.sounds import read_sound, resampled

    samples, rate = resampled(read_sound(data or Path(request["path"])))
    return {"rate": rate}, [samples.astype("<f4").tobytes()]


def play(request: dict[str, Any], data: bytes) -> Reply:
    """Encode a sound anew, for the page."""
    from pal.media.sounds import flac, read_sound

    return {}, [flac(read_sound(data or Path(request["path"])))]


OPS: dict[str, Callable[[dict[str, Any], bytes], Reply]] = {
    "look": look,
    "picture": picture,
    "sound": sound,
    "play": play,
}


def answer(line: bytes, requests: IO[bytes]) -> Reply:
    """Answer one request; what goes wrong with a file is a reply too."""
    request = json.loads(line)
    data = requests.read(request.get("length", 0))
    try:
        return OPS[request["op"]](request, data)
    except (InvalidInputError, MissingExtraError) as error:
        return {"why": str(error), "missing": isinstance(error, MissingExtraError)}, []
    except MemoryError:
        return {"why": f"broken file: reading it takes more than {MEMORY >> 30} GiB of memory"}, []
    except Exception as error:  # noqa: BLE001  whatever a decoder trips over is the file's fault, and is listed
        return {"why": f"broken file: {type(error).__name__}: {error}"}, []


def give_up_rights() -> None:
    """Limit memory, and forbid core dumps, writing files and new processes, where the system knows how."""
    try:
        import resource
    except ImportError:  # Windows
        return
    statm = Path("/proc/self/statm")
    if statm.exists():
        used = int(statm.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    for name in ("RLIMIT_CORE", "RLIMIT_FSIZE", "RLIMIT_NPROC"):
        if hasattr(resource, name):
            resource.setrlimit(getattr(resource, name), (0, 0))


def main() -> None:
    """Answer until standard input ends."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not spoil a reply
    import warnings

    warnings.simplefilter("ignore")  # on files that are skipped with a reason anyway
    import PIL.Image
    import PIL.ImageOps

    PIL.Image.preinit()
    give_up_rights()
    replies.write(READY)
    replies.flush()
    while line := requests.readline():
        about, parts = answer(line, requests)
        replies.write(json.dumps({**about, "parts": [len(part) for part in parts]}).encode() + b"\n")
        for part in parts:
            replies.write(part)
        replies.flush()


if __name__ == "__main__":
    main()
