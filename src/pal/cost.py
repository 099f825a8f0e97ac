"""Human seconds of a page: T = a + b M + c k, for M tiles and k clicks.

a is the time to read the template and to finish, b the look at a tile, c a click. The presets are built from
keystroke-level operators (Card, Moran and Newell 1980, https://doi.org/10.1145/358886.358895); a person's own values
follow from the log by :func:`fit_cost`.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Integer, Num
from numpy import ndarray

from pal.answers import Mode, Question
from pal.errors import InvalidInputError

# Strength of the preset against the log: it only decides what the log leaves open, such as a and b of equal pages.
_PRESET = 1e-4


@dataclass(frozen=True)
class Cost:
    """Seconds of a page: ``page`` (a), ``tile`` (b) each tile, ``click`` (c) each click."""

    page: float
    tile: float
    click: float

    def seconds(self, n_tiles: float, n_clicks: float, /) -> float:
        """T = a + b M + c k."""
        return self.page + self.tile * n_tiles + self.click * n_clicks

    def expected(self, n_tiles: int, share: float, /, *, mode: Mode | None = None) -> float:
        """Seconds of a page of which a ``share`` p of tiles is alike.

        k = p M in mode "same", (1 − p) M in mode "different"; by default the fewer, min(p, 1 − p) M.
        """
        clicked = {"same": share, "different": 1.0 - share, None: min(share, 1.0 - share)}[mode]
        return self.seconds(n_tiles, clicked * n_tiles)


#: Mouse, a new template each page.
MOUSE = Cost(page=4.0, tile=0.30, click=1.0)
#: Letter keys, the template kept from page to page.
KEYS = Cost(page=1.6, tile=0.30, click=0.7)
#: Letter keys, but a new template, which has to be read as with the mouse.
NEW_TEMPLATE = replace(KEYS, page=MOUSE.page)


def n_clicks(relation: Integer[ndarray, " q"], mode: Mode, /) -> int:
    """Clicks that give these answers: a click a tile of the kind asked for, and one a tile that nobody can tell."""
    return int((relation != (-1 if mode == "same" else 1)).sum())


def page_seconds(question: Question, relation: Integer[ndarray, " q"], /, *, new_template: bool) -> float:
    """Estimate the seconds of a page by letter keys; clicks are on the alike tiles, or on the odd ones.

    A page of one tile is a pair taken in at a glance, so nothing is added for its template: 1.9 s without a click,
    2.6 s with one.
    """
    cost = NEW_TEMPLATE if new_template and len(question.items) > 1 else KEYS
    return cost.seconds(len(question.items), n_clicks(relation, question.mode))


def fit_cost(
    n_tiles: Num[ndarray, " p"],
    n_clicks: Num[ndarray, " p"],
    seconds: Float[ndarray, " p"],
    /,
    *,
    preset: Cost = KEYS,
    longest: float = 120.0,
) -> Cost:
    """Fit a, b, c ≥ 0 to a person's pages by least squares.

    Parameters
    ----------
    n_tiles, n_clicks, seconds
        M, k and T of each page.
    preset
        What to keep where the log doesn't say: without any page the preset itself; where all pages have as many tiles,
        the a and b nearest to it that fit.
    longest
        Longer pages are breaks, and left out.

    Raises
    ------
    InvalidInputError
        If the columns aren't of one length, or hold a negative or infinite number.
    """
    from scipy.optimize import nnls

    columns = [np.asarray(column, dtype=np.float64) for column in (n_tiles, n_clicks, seconds)]
    if len({column.shape for column in columns}) != 1 or columns[0].ndim != 1:
        raise InvalidInputError(
            f"expected one number a page in each column, got shapes {[column.shape for column in columns]}; "
            "give tiles, clicks and seconds of the same pages"
        )
    if not all(np.isfinite(column).all() and (column >= 0).all() for column in columns):
        raise InvalidInputError("tiles, clicks and seconds must be 0 or more, got a negative or infinite one; drop it")
    tiles, clicks, time = (column[columns[2] <= longest] for column in columns)
    design = np.column_stack([np.ones(len(time)), tiles, clicks])
    prior = np.array([preset.page, preset.tile, preset.click])
    scale = _PRESET * np.sqrt(max(len(time), 1))
    solution, _ = nnls(np.vstack([design, scale * np.eye(3)]), np.concatenate([time, scale * prior]))
    return Cost(*solution.tolist())
