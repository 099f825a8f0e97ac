"""Oracles: which relations next. One strategy a file; an oracle is a function of the :class:`State`."""

from pal.errors import InvalidInputError
from pal.oracles.captcha import captcha
from pal.oracles.random_pairs import random_pairs
from pal.oracles.state import Oracle, State

__all__ = ["ORACLES", "Oracle", "State", "captcha", "get_oracle", "random_pairs"]

ORACLES: dict[str, Oracle] = {
    "random": random_pairs,
    "captcha": captcha,
}


def get_oracle(name: str, /) -> Oracle:
    """Look up an oracle by name.

    Raises
    ------
    InvalidInputError
        If there is none of that name.
    """
    if name not in ORACLES:
        raise InvalidInputError(f"unknown oracle {name!r}; choose one of {', '.join(sorted(ORACLES))}")
    return ORACLES[name]
