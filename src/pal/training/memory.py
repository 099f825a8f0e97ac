"""Memory that a step frees is kept for the next one.

The C library of Linux (glibc) gives each large block back to the system when it is freed, and the next step asks for it
again, page by page and filled with zeros: on a processor that is a large part of the time of a small net
(``python -m benchmarks training``).
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Numbers of mallopt's options in malloc.h, and what they are where nobody set them.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_DEFAULTS = {_TRIM_THRESHOLD: 128 * 1024, _MMAP_MAX: 65536}
_KEPT = {_TRIM_THRESHOLD: 2**31 - 1, _MMAP_MAX: 0}


@contextmanager
def kept() -> Iterator[None]:
    """Keep freed memory inside, and give it back to the system at the end; does nothing without glibc.

    It is for the whole process: other threads' memory is kept too.
    """
    library = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
    if library is None or not (hasattr(library, "mallopt") and hasattr(library, "malloc_trim")):
        yield
        return
    _set(library, _KEPT)
    try:
        yield
    finally:
        _set(library, _DEFAULTS)
        library.malloc_trim(0)


def _set(library: ctypes.CDLL, options: dict[int, int]) -> None:
    for option, value in options.items():
        library.mallopt(option, value)
