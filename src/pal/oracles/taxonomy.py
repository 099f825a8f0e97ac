"""A taxonomy of classes: which of them share a parent.

Parents are given by item, ``{item: parent}``: a class is named by its items, never by a number, so the parent of a
class is that of any item known to be in it. A class without one is its own parent.
"""

from collections.abc import Hashable, Mapping

import numpy as np
from jaxtyping import Float, Int64, Integer
from numpy import ndarray

from pal.errors import InvalidInputError
from pal.knowledge import Knowledge
from pal.oracles.clusters import k_means

Parents = Mapping[int, Hashable]


def parents_of(knowledge: Knowledge, template: Integer[ndarray, " c"], parents: Parents, /) -> Int64[ndarray, " c"]:
    """Number of each class's parent, 0.., for classes given by a template; O(C + items with a parent).

    Raises
    ------
    InvalidInputError
        If an item lies outside the items.
    """
    if parents and not (min(parents) >= 0 and max(parents) < knowledge.n_items):
        raise InvalidInputError(
            f"parents must be given for items in 0..{knowledge.n_items - 1}, got {min(parents)}..{max(parents)}; "
            "name an item of each class"
        )
    of_group = {int(knowledge.group[item]): parent for item, parent in sorted(parents.items(), reverse=True)}
    number: dict[tuple[bool, Hashable], int] = {}
    groups = knowledge.group[template].tolist()
    keys = [(True, of_group[g]) if g in of_group else (False, g) for g in groups]
    return np.array([number.setdefault(key, len(number)) for key in keys], dtype=np.int64)


def derived_parents(
    embedding: Float[ndarray, "n k"], probability: Float[ndarray, "n c"], /, *, rng: np.random.Generator
) -> Int64[ndarray, " c"]:
    """Parents from the embedding alone: believed class centres in about √C clusters; O(N C k)."""
    n_classes = probability.shape[1]
    if n_classes < 4:
        return np.arange(n_classes)
    share = probability / np.maximum(probability.sum(axis=0), 1e-12)
    _, parent = k_means(share.T @ embedding, round(np.sqrt(n_classes)), rng=rng)
    return parent
