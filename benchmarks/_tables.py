"""Real tables with classes, of R's package mlbench: Letter and nine others, from the UCI repository.

Numbers have mean 0 and variance 1, and a word is a column of its own, so that two rows with other words are as far
apart as by a number on average. What is missing is the median, or a word like the others.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from benchmarks._rdata import read_frame
from pal.errors import InvalidInputError

MLBENCH = Path("/usr/lib/R/site-library/mlbench/data")


class Table(NamedTuple):
    """A data frame, its column of classes, and columns that say who was measured rather than what."""

    frame: str
    classes: str
    without: tuple[str, ...] = ()


TABLES = {
    "letter": Table("LetterRecognition", "lettr"),
    "glass": Table("Glass", "Type"),
    "vehicle": Table("Vehicle", "Class"),
    "vowel": Table("Vowel", "Class", without=("V1",)),
    "zoo": Table("Zoo", "type"),
    "soybean": Table("Soybean", "Class"),
    "satellite": Table("Satellite", "classes"),
    "shuttle": Table("Shuttle", "Class"),
    "dna": Table("DNA", "Class"),
    "ionosphere": Table("Ionosphere", "Class"),
}


def read_table(name: str, /) -> tuple[Float[ndarray, "n d"], Int64[ndarray, " n"]]:
    """Features and classes of a table by name.

    Raises
    ------
    InvalidInputError
        If the package isn't installed.
    """
    table = TABLES[name]
    path = MLBENCH / f"{table.frame}.rda"
    if not path.exists():
        raise InvalidInputError(f"{name} needs {path}; install Debian's package r-cran-mlbench")
    columns = read_frame(path, table.frame)
    y = np.unique(columns.pop(table.classes), return_inverse=True)[1].astype(np.int64)
    parts = [_features(column) for word, column in columns.items() if word not in table.without]
    return np.concatenate(parts, axis=1), y


def _features(column: ndarray) -> Float[ndarray, "n k"]:
    """A column of numbers as one of mean 0 and variance 1, one of words as one for each; none if all are the same."""
    if column.dtype.kind == "U":
        words = np.unique(column)
        return (column[:, None] == words[len(words) == 1 :]).astype(np.float64)
    numbers = column.astype(np.float64)
    numbers = np.where(np.isnan(numbers), np.nanmedian(numbers), numbers)
    spread = numbers.std()
    return (numbers - numbers.mean())[:, None] / spread if spread else np.zeros((len(numbers), 0))
