"""Oracles: which relations next. One strategy a file; an oracle is a function of the :class:`State`."""

from pal.errors import InvalidInputError
from pal.oracles.boundary import boundary
from pal.oracles.captcha import captcha
from pal.oracles.committee import committee
from pal.oracles.coverage import max_herding, typiclust
from pal.oracles.entropy import entropy
from pal.oracles.expected_change import expected_change
from pal.oracles.gain import gain
from pal.oracles.guided_captcha import guided_captcha
from pal.oracles.hierarchical import hierarchical
from pal.oracles.least_certain import least_certain
from pal.oracles.margin import margin
from pal.oracles.neighbours import neighbours
from pal.oracles.outliers import outliers
from pal.oracles.pruning import pruning
from pal.oracles.random_pairs import random_pairs
from pal.oracles.state import Oracle, State, ask, ask_all, ask_core
from pal.oracles.super_instances import super_instances

__all__ = ["ORACLES", "Oracle", "State", "ask", "ask_all", "ask_core", "captcha", "get_oracle", "random_pairs"]

#: Every oracle by name: a new one is a file beside this one and a line here.
ORACLES: dict[str, Oracle] = {
    "default": gain,
    "gain": gain,
    "random": random_pairs,
    "captcha": captcha,
    "guided-captcha": guided_captcha,
    "outliers": outliers,
    "least-certain": least_certain,
    "margin": margin,
    "entropy": entropy,
    "boundary": boundary,
    "committee": committee,
    "expected-change": expected_change,
    "neighbours": neighbours,
    "pruning": pruning,
    "hierarchical": hierarchical,
    "typiclust": typiclust,
    "max-herding": max_herding,
    "super-instances": super_instances,
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
