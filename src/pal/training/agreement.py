"""Which augmentations agree with known relations? One of the paper's open questions.

Definition. Features of a view of item i *agree* if, of all other labelled items, those nearest to them are mostly of
i's group. A change that breaks groups lowers the agreement; one that changes nothing leaves that of the items.
"""

import numpy as np
import torch
from jaxtyping import Integer
from numpy import ndarray
from torch import Tensor, nn

from pal.errors import InvalidInputError
from pal.training.augmentations import Views
from pal.training.embed import embed
from pal.training.items import as_tensor, batch_of


def agreement(
    encoder: nn.Module | None,
    items: ndarray | Tensor,
    groups: Integer[ndarray, " n"],
    views: Views,
    /,
    *,
    n_views: int = 2,
    n_neighbors: int = 5,
    seed: int = 0,
) -> float:
    """Share of views whose nearest neighbours, among the other items, are mostly of their item's group; O(n² d).

    Parameters
    ----------
    encoder
        Features to look for neighbours in; None for the items themselves.
    items, groups
        Items, and the group of each; −1 unknown ones are left out.
    views
        The change.
    n_views
        Views an item.
    n_neighbors
        Neighbours that vote.

    Raises
    ------
    InvalidInputError
        If fewer items than ``n_neighbors`` + 1 have a known group.
    """
    known = np.flatnonzero(np.asarray(groups) >= 0)
    if len(known) <= n_neighbors:
        raise InvalidInputError(f"expected more than {n_neighbors} items of known group, got {len(known)}; label more")
    tensor, group = as_tensor(items)[torch.from_numpy(known)], np.asarray(groups)[known]
    here = _unit(_features(encoder, tensor))
    parts = np.array_split(np.arange(len(known)), 1 + len(known) // 512)
    votes = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for _ in range(n_views):
            view = torch.cat([views(batch_of(tensor, part)) for part in parts])
            cosine = _unit(_features(encoder, view)) @ here.T
            np.fill_diagonal(cosine, -np.inf)
            nearest = np.argpartition(-cosine, n_neighbors, axis=1)[:, :n_neighbors]
            votes.append((group[nearest] == group[:, None]).mean(1) > 0.5)
    return float(np.mean(votes))


def _features(encoder: nn.Module | None, items: Tensor) -> ndarray:
    if encoder is not None:
        return embed(encoder, items)
    flat = items.reshape(len(items), -1).to(torch.float32).numpy()
    return flat / np.float32(255.0) if items.dtype == torch.uint8 else flat


def _unit(x: ndarray) -> ndarray:
    x = x - x.mean(0)
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
