"""Sources of items: folders, tables, saved datasets, embeddings, named sets, toy data. One source a file."""

from pal.datasets.circles import circles
from pal.datasets.mixture import mixture
from pal.datasets.named import NAMED, load_named
from pal.datasets.open import open_source
from pal.datasets.reading import Reading

__all__ = ["NAMED", "Reading", "circles", "load_named", "mixture", "open_source"]
