"""Sets drawn from a few lines each: curves, many classes, rare ones, clumps, words, symbols, heavy tails, noise.

Each is a function of a generator: features (n, d) and classes (n,).
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

Drawn = tuple[Float[ndarray, "n d"], Int64[ndarray, " n"]]


def _spirals(rng: np.random.Generator) -> Drawn:
    """600 points along three arms that wind round one another one and a half times."""
    y = np.repeat(np.arange(3), 200)
    turn = 3.0 * np.pi * np.sqrt(rng.random(600))
    angle = turn + 2.0 * np.pi * y / 3.0
    along = np.stack([turn * np.cos(angle), turn * np.sin(angle)], axis=1)
    return along + 0.4 * rng.standard_normal((600, 2)), y


def _blobs80(rng: np.random.Generator) -> Drawn:
    """1,600 points in 80 overlapping blobs of 12 dimensions, about 20 each."""
    y = rng.integers(80, size=1600)
    return 1.6 * rng.standard_normal((80, 12))[y] + rng.standard_normal((1600, 12)), y


def _rare(rng: np.random.Generator) -> Drawn:
    """1,200 points in three overlapping blobs of 8 dimensions: 95, 3 and 2 %."""
    y = np.repeat(np.arange(3), [1140, 40, 20])
    return 1.3 * rng.standard_normal((3, 8))[y] + rng.standard_normal((1200, 8)), y


def _clumps(rng: np.random.Generator) -> Drawn:
    """1,500 points in six classes, each four blobs that lie apart."""
    clump = rng.integers(24, size=1500)
    return 3.0 * rng.standard_normal((24, 8))[clump] + rng.standard_normal((1500, 8)), clump % 6


def _topics(rng: np.random.Generator) -> Drawn:
    """1,500 texts of 40 words that mix twelve topics, of which one leads; TF-IDF and 40 singular directions."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfTransformer

    words = rng.dirichlet(np.full(600, 0.02), size=12)
    y = rng.integers(12, size=1500)
    mix = np.stack([rng.dirichlet(np.where(np.arange(12) == c, 4.0, 0.25)) for c in y])
    counts = np.stack([rng.multinomial(40, topic @ words) for topic in mix])
    weighed = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
    return TruncatedSVD(40, random_state=0).fit_transform(weighed), y


def _symbols(rng: np.random.Generator) -> Drawn:
    """1,000 rows of 15 columns, each one of four symbols, one-hot; five classes."""
    y = rng.integers(5, size=1000)
    share = rng.dirichlet(np.full(4, 0.6), size=(5, 15)).cumsum(axis=2)
    symbol = (rng.random((1000, 15, 1)) > share[y]).sum(axis=2)
    return np.eye(4)[np.minimum(symbol, 3)].reshape(1000, -1), y


def _heavy_tails(rng: np.random.Generator) -> Drawn:
    """1,200 points in eight clouds of 10 dimensions whose tails are Student's, two degrees of freedom."""
    y = rng.integers(8, size=1200)
    return 2.5 * rng.standard_normal((8, 10))[y] + rng.standard_t(2, size=(1200, 10)), y


def _handfuls(rng: np.random.Generator) -> Drawn:
    """360 points in 60 classes of six, which lie apart in 8 dimensions."""
    y = np.repeat(np.arange(60), 6)
    return rng.standard_normal((60, 8))[y] + 0.15 * rng.standard_normal((360, 8)), y


def _bursts(rng: np.random.Generator) -> Drawn:
    """2,000 points: five classes of 80 bursts of five near-copies each, as cameras make them, in 8 dimensions."""
    burst = np.repeat(np.arange(400), 5)
    centre = 1.5 * rng.standard_normal((5, 8))[np.arange(400) // 80] + 0.8 * rng.standard_normal((400, 8))
    return centre[burst] + 0.1 * rng.standard_normal((2000, 8)), burst // 80


def _crescents(rng: np.random.Generator) -> Drawn:
    """800 points along two crescents in one another, each cut across into two classes; two dimensions of noise."""
    y = rng.integers(4, size=800)
    angle = np.pi * (rng.random(800) + y % 2) / 2.0
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    along = np.where((y < 2)[:, None], upper, [1.0, 0.5] - upper)
    return np.hstack([along + 0.12 * rng.standard_normal((800, 2)), 0.05 * rng.standard_normal((800, 2))]), y


def _checkerboard(rng: np.random.Generator) -> Drawn:
    """1,000 points all over a board of 4 × 4 fields, coloured in turn by three classes: no gap parts these."""
    x = 4.0 * rng.random((1000, 2))
    return x, (np.floor(x) @ (1.0, 2.0)).astype(np.int64) % 3


def _shells(rng: np.random.Generator) -> Drawn:
    """900 points on three spheres inside one another, in 5 dimensions."""
    y = rng.integers(3, size=900)
    x = rng.standard_normal((900, 5))
    return x * ((1.0 + y) / np.linalg.norm(x, axis=1))[:, None] + 0.12 * rng.standard_normal((900, 5)), y


def _redundant(rng: np.random.Generator) -> Drawn:
    """1,000 points in six classes of two clumps each, in 8 of 40 dimensions; four more repeat these, 28 are noise."""
    from sklearn.datasets import make_classification

    x, y = make_classification(
        n_samples=1000,
        n_features=40,
        n_informative=8,
        n_redundant=4,
        n_classes=6,
        class_sep=1.6,
        random_state=int(rng.integers(2**31)),
    )
    return x, y


def _noisy_digits(rng: np.random.Generator) -> Drawn:
    """1,797 digits whose pixels, 0 to 16, carry noise of deviation 6."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return x + 6.0 * rng.standard_normal(x.shape), y


def _parity(rng: np.random.Generator) -> Drawn:  # noqa: ARG001, digits are what they are
    """1,797 digits, even or odd: two classes of five communities each."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return x, y % 2


def _slabs(rng: np.random.Generator) -> Drawn:
    """1,200 points of one cloud in 8 dimensions, cut into five classes across one direction: no gap parts these."""
    x = rng.standard_normal((1200, 8))
    along = x @ rng.standard_normal(8)
    return x, np.digitize(along, np.quantile(along, [0.2, 0.4, 0.6, 0.8]))


def _onion(rng: np.random.Generator) -> Drawn:
    """800 points of one cloud in 3 dimensions, cut into four classes by how far out they lie: no gap parts these."""
    x = rng.standard_normal((800, 3))
    out = np.linalg.norm(x, axis=1)
    return x, np.digitize(out, np.quantile(out, [0.25, 0.5, 0.75]))


MADE: dict[str, Callable[[np.random.Generator], Drawn]] = {
    "spirals": _spirals,
    "blobs80": _blobs80,
    "rare": _rare,
    "clumps": _clumps,
    "topics": _topics,
    "symbols": _symbols,
    "heavy-tails": _heavy_tails,
    "crescents": _crescents,
    "checkerboard": _checkerboard,
    "shells": _shells,
    "redundant": _redundant,
    "noisy-digits": _noisy_digits,
    "parity": _parity,
    "slabs": _slabs,
    "onion": _onion,
    "bursts": _bursts,
    "handfuls": _handfuls,
}
