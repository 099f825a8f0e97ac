"""Rivals of the efficiency benchmark by name, what each needs, and figures of those that no longer run."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import NamedTuple

from benchmarks._curves import Point, Settings, label_peer_curve, pair_peer_curve
from benchmarks._sets import Data


class Peer(NamedTuple):
    """A rival: how to play it, the package that it comes from, the modules that must be there."""

    curve: Callable[[Data, str, Settings, int], Iterator[Point]]
    package: str
    modules: tuple[str, ...]

    def missing(self) -> bool:
        """Whether it can't be measured here."""
        return not all(find_spec(module) for module in self.modules)


_LABELS = Peer(label_peer_curve, "scikit-activeml", ("skactiveml",))
_PAIRS = Peer(pair_peer_curve, "active-semi-supervised-clustering", ("active_semi_clustering", "metric_learn"))
PEERS = {
    "peer-random": Peer(label_peer_curve, "scikit-learn", ("sklearn",)),
    "peer-margin": _LABELS,
    "peer-typiclust": _LABELS,
    "peer-badge": _LABELS,
    "peer-max-herding": _LABELS,
    "peer-pckmeans-minmax": _PAIRS,
    "peer-pckmeans-consolidate": _PAIRS,
}


class Published(NamedTuple):
    """Figures that were not measured in this run: adjusted Rand index after so many answers."""

    data: str
    name: str
    answers: tuple[int, ...]
    ari: tuple[float, ...]
    note: str


_OLD = "not measured in this run"
PUBLISHED = (
    Published("digits", "COBRAS", (20, 50, 100, 200, 500), (0.43, 0.51, 0.70, 0.77, 0.84), f"{_OLD}: cobras_ts 0.1.3"),
    Published(
        "digits",
        "PCKMeans + MinMax",
        (20, 50, 100, 200, 500),
        (0.63, 0.59, 0.65, 0.72, 0.82),
        f"{_OLD}, too slow beyond 200",
    ),
    Published(
        "digits",
        "A3S on spectral features",
        (0, 20, 50, 100, 200),
        (0.74, 0.77, 0.84, 0.934, 0.976),
        f"{_OLD}: no package",
    ),
)
"""Figures of others, mostly of packages that no longer run; cobras_ts needs ``np.int``, gone since numpy 1.24."""
