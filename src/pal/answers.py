"""Questions and their answers: what was shown, and what a labeler said.

Definition. A :class:`Question` is one page: a template and the items compared with it. An answer to one tile is +1
(alike), −1 (unlike) or 0 (cannot tell). :class:`Answers` holds many of them as columns, one row a tile answered.
Items and labelers are row numbers; the store maps them to content hashes and names.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int8, Int64, Integer
from numpy import ndarray

from pal.errors import InvalidInputError

Mode = Literal["same", "different"]


@dataclass(frozen=True, eq=False)
class Question:
    """One page: which of ``items`` are the same kind as ``template``.

    ``mode`` says which tiles a person clicks ("same": the alike ones, "different": the odd ones); the answer means
    the same in both.
    """

    template: int
    items: Int64[ndarray, " q"]
    mode: Mode = "same"

    def __post_init__(self) -> None:
        items = np.asarray(self.items, dtype=np.int64).reshape(-1)
        if self.template in items:
            raise InvalidInputError(
                f"a template can't be compared with itself, got item {self.template} among the tiles; remove it"
            )
        if len(np.unique(items)) != len(items):
            raise InvalidInputError("a page must show each item once, got repeated tiles; remove the repeats")
        object.__setattr__(self, "items", items)
        object.__setattr__(self, "template", int(self.template))


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers as columns of equal length; row r says that ``labeler[r]`` found ``item[r]`` to be
    ``relation[r]`` to ``template[r]`` on page ``question[r]`` at ``time[r]`` (seconds since the epoch).
    """  # noqa: D205

    template: Int64[ndarray, " n"]
    item: Int64[ndarray, " n"]
    relation: Int8[ndarray, " n"]
    labeler: Int64[ndarray, " n"]
    question: Int64[ndarray, " n"]
    time: Float64[ndarray, " n"]

    def __post_init__(self) -> None:
        if not np.isin(self.relation, (-1, 0, 1)).all():  # before the cast, which would wrap or truncate
            raise InvalidInputError(
                f"relations must be -1, 0 or +1, got {np.unique(self.relation).tolist()}; "
                "use +1 alike, -1 unlike, 0 cannot tell"
            )
        dtypes = {"relation": np.int8, "time": np.float64}
        for field in fields(self):
            column = np.asarray(getattr(self, field.name))
            object.__setattr__(self, field.name, column.astype(dtypes.get(field.name, np.int64), copy=False))
        lengths = {field.name: getattr(self, field.name).shape for field in fields(self)}
        if len(set(lengths.values())) != 1 or self.template.ndim != 1:
            raise InvalidInputError(
                f"columns must be flat and of one length, got {lengths}; give one entry a tile answered"
            )
        if (self.template == self.item).any():
            raise InvalidInputError("an item can't be compared with itself; remove rows where template == item")

    def __len__(self) -> int:
        return len(self.template)

    def __add__(self, other: "Answers") -> "Answers":
        return concatenate([self, other])

    def take(self, rows: ndarray | slice) -> "Answers":
        """Keep some rows, by mask, index or slice."""
        return Answers(*(getattr(self, field.name)[rows] for field in fields(self)))

    def among(self, rows: Int64[ndarray, " r"], n_items: int, /) -> "Answers":
        """Answers between some of ``n_items`` items, by their positions in ``rows``."""
        slot = np.full(n_items, -1)
        slot[rows] = np.arange(len(rows))
        inside = self.take((slot[self.template] >= 0) & (slot[self.item] >= 0))
        return replace(inside, template=slot[inside.template], item=slot[inside.item])

    @cached_property
    def silent(self) -> "Answers":
        """Those that say "cannot tell"."""
        return self.take(self.relation == 0)

    def n_common(self, other: "Answers", /) -> int:
        """How many answers both begin with, whenever these were given."""
        n = min(len(self), len(other))
        same = np.ones(n, dtype=bool)
        for name in ("template", "item", "relation", "labeler"):
            same &= getattr(self, name)[:n] == getattr(other, name)[:n]
        return n if same.all() else int(same.argmin())

    @staticmethod
    def empty() -> "Answers":
        """No answers yet."""
        nothing = np.zeros(0, dtype=np.int64)
        return Answers(nothing, nothing, nothing.astype(np.int8), nothing, nothing, nothing.astype(np.float64))

    @staticmethod
    def of(
        question: Question,
        relation: Integer[ndarray, " q"] | Sequence[int],
        *,
        labeler: int = 0,
        number: int = 0,
        time: float = 0.0,
    ) -> "Answers":
        """Answers to one page; ``number`` is the page's."""
        q = len(question.items)
        relation = np.asarray(relation)
        if relation.shape != (q,):
            raise InvalidInputError(
                f"a page of {q} tiles needs {q} relations, got an array of shape {relation.shape}; "
                "answer 0 where you cannot tell"
            )
        return Answers(
            np.full(q, question.template),
            question.items,
            relation,
            np.full(q, labeler),
            np.full(q, number),
            np.full(q, time, dtype=np.float64),
        )


def concatenate(parts: Sequence[Answers]) -> Answers:
    """Join answers, in order."""
    if not parts:
        return Answers.empty()
    return Answers(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Answers)))


class Growing:
    """Answers that grow by a page at a time, in columns with room to spare: adding a page costs a page, not all.

    Not thread-safe; what :attr:`answers` returned before stays as it was.
    """

    def __init__(self) -> None:
        self._room: list[ndarray] = [getattr(Answers.empty(), field.name) for field in fields(Answers)]
        self._count = 0

    def add(self, part: Answers) -> None:
        """Add answers at the end."""
        end = self._count + len(part)
        if end > len(self._room[0]):
            # As much room again as is needed now.
            self._room = [
                np.concatenate([column, np.zeros(2 * end - len(column), column.dtype)]) for column in self._room
            ]
        for column, field in zip(self._room, fields(Answers), strict=True):
            column[self._count : end] = getattr(part, field.name)
        self._count = end

    @property
    def answers(self) -> Answers:
        """All of them so far, without a copy; the parts were checked when they were made."""
        made = object.__new__(Answers)
        for column, field in zip(self._room, fields(Answers), strict=True):
            object.__setattr__(made, field.name, column[: self._count])
        return made
