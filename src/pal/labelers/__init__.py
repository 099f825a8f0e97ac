"""Labelers: who answers. A labeler maps a question to one relation a tile: +1 alike, −1 unlike, 0 cannot tell."""

from collections.abc import Callable

from jaxtyping import Int8
from numpy import ndarray

from pal.answers import Question
from pal.labelers.crowd import Crowd
from pal.labelers.named import LABELERS, get_labeler
from pal.labelers.neighbours import NeighbourLabeler
from pal.labelers.people import Person
from pal.labelers.simulated import SimulatedLabeler

__all__ = ["LABELERS", "Crowd", "Labeler", "NeighbourLabeler", "Person", "SimulatedLabeler", "get_labeler"]

Labeler = Callable[[Question], Int8[ndarray, " q"]]
