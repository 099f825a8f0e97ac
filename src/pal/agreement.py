"""How far people agree: Krippendorff's alpha, for any number of people, each of whom judged some of the units.

Definition. With o_ck the ordered pairs of values (c, k) that two people gave one unit, each divided by m − 1 of its m
values, n_c = Σ_k o_ck and n = Σ_c n_c: alpha = 1 − (n − 1) Σ_{c≠k} o_ck / Σ_{c≠k} n_c n_k. It is 1 where all agree, 0
where they agree as often as by chance, and less where they agree less often.

Source: Krippendorff, *Computing Krippendorff's Alpha-Reliability* (2011), nominal values.
"""

import numpy as np
from jaxtyping import Integer
from numpy import ndarray

from pal.answers import Answers
from pal.errors import InvalidInputError
from pal.votes import pair_key


def krippendorff_alpha(unit: Integer[ndarray, " n"], value: Integer[ndarray, " n"]) -> float | None:
    """Agreement on nominal values; O(n log n).

    Parameters
    ----------
    unit, value
        Row r says that somebody gave ``unit[r]`` the value ``value[r]``; one row for each person and unit, whoever it
        was. Units with one value don't count.

    Returns
    -------
    float or None
        Alpha, at most 1; None where no unit has two values, or all values are one, so that nothing could differ.

    Raises
    ------
    InvalidInputError
        If the columns differ in length.
    """
    if unit.shape != value.shape:
        raise InvalidInputError(f"expected one value a row, got {unit.shape} units and {value.shape} values")
    _, unit, size = np.unique(unit, return_inverse=True, return_counts=True)
    paired = size[unit] > 1
    values, value = np.unique(value[paired], return_inverse=True)
    if len(values) < 2:
        return None
    unit = unit[paired]
    # How often each unit got each value: m_u² − Σ_c m_uc² ordered pairs of it differ.
    cells, count = np.unique(unit * len(values) + value, return_counts=True)
    same = np.bincount(cells // len(values), weights=count.astype(float) ** 2, minlength=len(size))
    counted = size > 1
    m = size[counted].astype(float)
    observed = float(((m**2 - same[counted]) / (m - 1.0)).sum())
    total = np.bincount(value).astype(float)
    n = float(total.sum())
    return 1.0 - (n - 1.0) * observed / float(n**2 - (total**2).sum())


def answers_alpha(answers: Answers, n_items: int) -> tuple[float | None, int]:
    """Agreement on pairs of items: alike or unlike, by each person's latest word; "cannot tell" is none.

    Parameters
    ----------
    answers
        Answers about ``n_items`` items, in the order of the log.
    n_items
        Number of items.

    Returns
    -------
    tuple
        Alpha (see :func:`krippendorff_alpha`), and the number of pairs that two people or more judged.
    """
    said = answers.take(answers.relation != 0)
    key = pair_key(n_items, said.template, said.item)[::-1]
    who = said.labeler[::-1]
    _, last = np.unique(np.stack([key, who]), axis=1, return_index=True)
    unit, value = key[last], said.relation[::-1][last].astype(np.int64)
    _, size = np.unique(unit, return_counts=True)
    return krippendorff_alpha(unit, value), int((size > 1).sum())
