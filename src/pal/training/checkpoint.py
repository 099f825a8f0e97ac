"""Checkpoints: all of a run in one file, written whole or not at all, and read without unpickling objects.

The file is replaced in one step, so a kill at any moment leaves the last one intact. No state of a random generator is
in it: the random numbers of a step depend on the seed and the step alone, and so a resumed run takes the same steps.
"""

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array

from pal.errors import InvalidInputError, StoreError
from pal.graph import SimilarityGraph

VERSION = 2
NAME = "checkpoint.pt"


def save(folder: Path, state: Mapping[str, Any], /) -> Path:
    """Write ``folder/checkpoint.pt``; it is on disk when this returns.

    Raises
    ------
    StoreError
        If it can't be written.
    """
    path = folder / NAME
    part = path.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            torch.save({"version": VERSION, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise StoreError(f"can't write a checkpoint to {folder}: {error.strerror}; give another folder") from None
    return path


def load(folder: Path, /) -> dict[str, Any] | None:
    """Read the checkpoint of a folder, None if it has none.

    Raises
    ------
    InvalidInputError
        If the file isn't a checkpoint, or is one of a later version.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        version = state["version"]
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InvalidInputError(f"{path} isn't a checkpoint ({reason}); delete it to start anew") from None
    if version != VERSION:
        raise InvalidInputError(
            f"{path} has version {version}, expected {VERSION}; train with the version that wrote it"
        )
    return state


def check_same(saved: Mapping[str, Any], wanted: Mapping[str, Any], folder: Path, /) -> None:
    """Check that a checkpoint is of the same run.

    Raises
    ------
    InvalidInputError
        If a setting differs.
    """
    for name, value in wanted.items():
        if saved.get(name) != value:
            raise InvalidInputError(
                f"{folder} holds a run with {name} = {saved.get(name)}, got {value}; give the same, or another folder"
            )


def of_graph(graph: SimilarityGraph, /) -> dict[str, Any]:
    """A graph's factors as tensors."""
    return {name: _of_sparse(getattr(graph, name)) for name in ("membership", "relation")}


def as_graph(state: Mapping[str, Any], /) -> SimilarityGraph:
    """The graph of :func:`of_graph`."""
    return SimilarityGraph(*(_as_sparse(state[name]) for name in ("membership", "relation")))


def _of_sparse(a: csr_array) -> dict[str, Any]:
    parts = {name: torch.from_numpy(np.array(getattr(a, name))) for name in ("data", "indices", "indptr")}
    return {**parts, "shape": list(a.shape)}


def _as_sparse(state: Mapping[str, Any]) -> csr_array:
    return csr_array(tuple(state[name].numpy() for name in ("data", "indices", "indptr")), shape=tuple(state["shape"]))
