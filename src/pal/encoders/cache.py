"""Features on disk, by content hash: what was encoded once is never encoded again.

Two files that only grow: rows of float16, and the id of each row. Rows go first, so a file of ids that is shorter, or
a last row cut in half, is what an interruption leaves, and is cut off when the cache is opened again.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from pal.errors import StoreError

_DTYPE = np.dtype("<f2")
_ID = 65  # 64 hex digits and a newline


class FeatureCache:
    """Rows of ``n_features`` numbers by item id, in ``directory``.

    One thread writes; others may read meanwhile.
    """

    def __init__(self, directory: Path, n_features: int) -> None:
        self.n_features = n_features
        self._rows = directory / "rows.f16"
        self._ids = directory / "ids.txt"
        self._broken = directory / "broken.txt"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            for file in (self._rows, self._ids, self._broken):
                file.touch()
            self._repair()
        except OSError as error:
            raise StoreError(f"can't write features to {directory}: {error.strerror}; give another --project") from None
        ids = self._ids.read_bytes().decode("ascii").split()
        self._at = {item: i for i, item in enumerate(ids)}
        self._order = ids

    def __contains__(self, item: str) -> bool:
        return item in self._at

    def __len__(self) -> int:
        return len(self._at)

    def since(self, n: int, /) -> list[str]:
        """Ids of the rows after the first n, in the order they were written."""
        return self._order[n:]

    @property
    def broken(self) -> Mapping[str, str]:
        """Why an item can't be encoded, by id."""
        lines = self._broken.read_text(encoding="utf-8").splitlines()
        return {line[:64]: line[65:] for line in lines if len(line) > 65}

    def add(self, ids: Sequence[str], features: Float[ndarray, "b d"]) -> None:
        """Write some rows; they are there when this returns."""
        rows = np.clip(features, -60_000.0, 60_000.0).astype(_DTYPE)
        with self._rows.open("ab") as file:
            file.write(rows.tobytes())
        with self._ids.open("ab") as file:
            file.write("".join(f"{item}\n" for item in ids).encode("ascii"))
        start = len(self._at)
        self._at.update((item, start + i) for i, item in enumerate(ids))
        self._order += ids  # last: whoever finds an id here finds its row

    def add_broken(self, item: str, why: str) -> None:
        """Remember that an item can't be encoded."""
        with self._broken.open("a", encoding="utf-8") as file:
            file.write(f"{item} {' '.join(why.split())}\n")

    def get(self, ids: Sequence[str]) -> Float32[ndarray, "b d"]:
        """Rows of some items, all of them encoded."""
        n = len(self._at)
        if not n:
            return np.zeros((len(ids), self.n_features), dtype=np.float32)
        rows = np.memmap(self._rows, dtype=_DTYPE, mode="r", shape=(n, self.n_features))
        return np.asarray(rows[[self._at[item] for item in ids]], dtype=np.float32)

    def _repair(self) -> None:
        row = self.n_features * _DTYPE.itemsize
        whole = min(self._rows.stat().st_size // row, self._ids.stat().st_size // _ID)
        for file, size in ((self._rows, whole * row), (self._ids, whole * _ID)):
            if file.stat().st_size != size:
                with file.open("r+b") as handle:
                    handle.truncate(size)
