"""Reading labels out of an embedding: linear probes, their errors, and lemma 1.

Definition. A probe is the matrix W that minimises ‖Z W − Y‖² over the items whose label is known, with Y one-hot; it
predicts argmax over the columns of Z W. Labels are 0..C − 1, and −1 is unknown. With an intercept, W has one more row,
for a column of ones behind Z. Where several W fit equally well, it is the smallest.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int64, Integer
from numpy import ndarray

from pal.errors import InvalidInputError


def fit_probe(
    embedding: Float[ndarray, "n k"], labels: Integer[ndarray, " n"], /, *, intercept: bool = False
) -> Float[ndarray, "p c"]:
    """Least-squares probe on the items of known label; O(n k²).

    Parameters
    ----------
    embedding
        Z.
    labels
        Class of each item, 0..C − 1; −1 items are left out of the fit.
    intercept
        Whether to add a constant; the paper's probe has none.

    Returns
    -------
    ndarray
        W, (k, C), or (k + 1, C) with an intercept.

    Raises
    ------
    InvalidInputError
        If no label is known, or the arrays don't fit.
    """
    labels = np.asarray(labels)
    if labels.shape != embedding.shape[:1]:
        raise InvalidInputError(
            f"expected one label for each of {len(embedding)} items, got shape {labels.shape}; use -1 where unknown"
        )
    known = np.flatnonzero(labels >= 0)
    if not len(known):
        raise InvalidInputError("a probe needs at least one known label, got none; label an item first")
    one_hot = np.eye(int(labels.max()) + 1)[labels[known]]
    z = _with_ones(embedding[known]) if intercept else embedding[known]
    return np.linalg.lstsq(z.astype(np.float64), one_hot, rcond=None)[0]


def predict(embedding: Float[ndarray, "n k"], probe: Float[ndarray, "p c"], /) -> Int64[ndarray, " n"]:
    """Class of each item under a probe of :func:`fit_probe`, O(n k c).

    Raises
    ------
    InvalidInputError
        If the probe was fitted on another number of components.
    """
    k = embedding.shape[1]
    if len(probe) not in (k, k + 1):
        raise InvalidInputError(
            f"expected a probe of {k} rows, or {k + 1} with an intercept, got {len(probe)}; "
            "fit it on this embedding's components"
        )
    z = _with_ones(embedding) if len(probe) == k + 1 else embedding
    return (z @ probe).argmax(axis=1).astype(np.int64)


def error(predicted: Integer[ndarray, " n"], labels: Integer[ndarray, " n"], /) -> float:
    """Share of the items of known label that are predicted wrong.

    Raises
    ------
    InvalidInputError
        If no label is known.
    """
    known = np.asarray(labels) >= 0
    if not known.any():
        raise InvalidInputError("an error needs at least one known label, got none; give the true labels")
    return float((predicted[known] != labels[known]).mean())


def optimal_error(
    embedding: Float[ndarray, "n k"], labels: Integer[ndarray, " n"], /, *, intercept: bool = False
) -> float:
    """Error of the probe fitted on these very items: the paper's test error (section 6, "optimal linear classifier").

    It measures whether the classes are linearly apart, not what a user would get; see :func:`honest_error`.
    """
    return error(predict(embedding, fit_probe(embedding, labels, intercept=intercept)), labels)


def honest_error(
    train: Float[ndarray, "n k"],
    train_labels: Integer[ndarray, " n"],
    test: Float[ndarray, "q k"],
    test_labels: Integer[ndarray, " q"],
    /,
    *,
    intercept: bool = False,
) -> float:
    """Error on test items of the probe fitted on the known training labels (−1 unknown)."""
    return error(predict(test, fit_probe(train, train_labels, intercept=intercept)), test_labels)


def read_out(
    embedding: Float[ndarray, "n k"], templates: Integer[ndarray, " c"] | Sequence[int], /
) -> Float[ndarray, "n c"]:
    """Recover Y from Z given one item of each class (lemma 1), as scores whose argmax is the class.

    An optimal Z is Y A, with row c of A the image of class c, which is where template c lies: Z A⁺ = Y, exactly
    whenever A has rank C. For VIC², A is a rotation; for Barlow Twins a rotation and a scale of each column.

    Parameters
    ----------
    embedding
        Z, (n, k).
    templates
        (C,) one item of each class, in the order of the classes.

    Returns
    -------
    ndarray
        (n, C); equal to Y at an optimum with K ≥ C.

    Raises
    ------
    InvalidInputError
        If a template is missing from the items.
    """
    items = np.asarray(templates, dtype=np.int64)
    if items.ndim != 1 or not len(items) or items.min() < 0 or items.max() >= len(embedding):
        raise InvalidInputError(
            f"templates must be items in 0..{len(embedding) - 1}, one a class, got {items.tolist()}; index these rows"
        )
    return embedding @ np.linalg.pinv(embedding[items])


def _with_ones(z: Float[ndarray, "n k"]) -> Float[ndarray, "n k+1"]:
    return np.column_stack([z, np.ones(len(z))])
