"""Reading pictures and hashing files; see :mod:`pal.media.pictures`."""

from pal.media.pictures import FORMATS, MAX_PIXELS, hash_file, open_picture, read_picture

__all__ = ["FORMATS", "MAX_PIXELS", "hash_file", "open_picture", "read_picture"]
