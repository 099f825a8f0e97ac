"""Sources of items: folders of pictures, tables of vectors, named sets, toy data. One source a file."""

from pal.datasets.circles import circles
from pal.datasets.mixture import mixture
from pal.datasets.named import NAMED, load_named
from pal.datasets.open import open_source

__all__ = ["NAMED", "circles", "load_named", "mixture", "open_source"]
