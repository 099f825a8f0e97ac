"""Everything about a project at one position of its log."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pal.answers import Answers
from pal.knowledge import Knowledge
from pal.project.standing import Standing
from pal.project.trainer import Published
from pal.store import Answered, Flagged


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What counts at ``position``; groups are numbered as in ``standing``, flags go by item id.

    ``answers`` are the columns that ``knowledge`` was folded from; ``answers.question`` counts in ``answered``.
    """

    position: int
    knowledge: Knowledge
    answers: Answers
    answered: tuple[Answered, ...]
    standing: Standing
    names: Mapping[int, str]
    parents: Mapping[int, str]
    flagged: tuple[Flagged, ...]
    published: Published

    @cached_property
    def labelers(self) -> dict[int, str]:
        """Name of each labeler, by the number in ``answers``."""
        numbers, first = np.unique(self.answers.labeler, return_index=True)
        questions = self.answers.question[first]
        return {int(n): self.answered[q].labeler for n, q in zip(numbers, questions, strict=True)}

    @property
    def flags(self) -> dict[str, str]:
        """Reason for each flagged item."""
        return {event.item: event.reason for event in self.flagged}
