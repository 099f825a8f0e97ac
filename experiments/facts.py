"""``python -m experiments.facts FILE…``: figures known of the authors' runs, beside those of our results, as Markdown.

The known figures were read from the authors' published runs (100 trials; Fig. 4: 50). Compare figures 3 and 7 with
``--protocol authors``, Fig. 3 with N = 150.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.results import Result, first_below, load
from pal.errors import PalError


@dataclass(frozen=True)
class Fact:
    """A known value of a curve: at abscissa ``at``, or the first abscissa at which it is below ``below``."""

    curve: str
    known: float
    at: float | None = None
    below: float | None = None

    def ours(self, result: Result, /) -> float | None:
        """The same of our results; an abscissa between two of ours means the nearest."""
        mean = [float(m) for m in result.curves[self.curve]["mean"] if m is not None]
        if self.below is not None:
            return first_below(result.x, mean, self.below)
        if self.at is None:
            return mean[-1]
        return mean[int(np.abs(np.array(result.x, dtype=float) - self.at).argmin())]

    @property
    def words(self) -> str:
        """What it says."""
        if self.below is not None:
            return f"{self.curve}: below {self.below:g} at"
        return f"{self.curve}: at {self.at:g}"


FACTS: dict[str, list[Fact]] = {
    "fig3": [
        Fact("active", 0.663, at=0),
        *(Fact("active", q, below=level) for level, q in ((0.3, 120), (0.2, 170), (0.1, 240), (0.05, 300))),
        Fact("active", 0.0246, at=790),
        Fact("passive", 560, below=0.1),
        Fact("passive", 0.0455, at=790),
    ],
    "fig4": [
        Fact("alpha=0.5", 0.0455, at=199),
        Fact("alpha=0.001", 0.0038, at=199),
        Fact("alpha=1e-06", 0.357, at=199),
    ],
    "fig7": [
        Fact("contrastive", 310, below=0.3),
        Fact("contrastive", 520, below=0.1),
        Fact("non-contrastive", 410, below=0.3),
        Fact("non-contrastive", 630, below=0.1),
    ],
    "fig8": [
        Fact("error", known, at=at)
        for at, known in ((0, 0.026), (50, 0.148), (100, 0.271), (150, 0.388), (200, 0.501), (290, 0.620))
    ],
    "fig9": [
        *(Fact("error", k, at=a) for a, k in ((0.5, 0.051), (0.76, 0.079), (0.895, 0.18), (0.947, 0.391), (1, 0.642))),
        *(Fact("components", k, at=a) for a, k in ((0.5, 4.0), (0.76, 4.3), (0.895, 11.9), (0.947, 38.9), (1, 100))),
    ],
}


def table(result: Result, /) -> str:
    """Markdown table of the known figures and ours; without known ones, of a table's values or curves' ends."""
    lines = ["| | known | ours |", "|---|---|---|"]
    for fact in FACTS.get(result.figure, []):
        ours = fact.ours(result)
        lines.append(f"| {fact.words} | {fact.known:g} | {'never' if ours is None else f'{ours:.3g}'} |")
    if result.x and isinstance(result.x[0], str):
        lines = [f"| | {' | '.join(result.x)} |", "|---" * (1 + len(result.x)) + "|"]
        for name, curve in result.curves.items():
            lines.append(f"| {name} | {' | '.join('–' if m is None else f'{m:.1f}' for m in curve['mean'])} |")
    elif len(lines) == 2:
        lines = ["| | first | last |", "|---|---|---|"]
        lines += [f"| {name} | {c['mean'][0]:.3g} | {c['mean'][-1]:.3g} |" for name, c in result.curves.items()]
    return "\n".join(lines)


def main(paths: Sequence[str]) -> int:
    """Print a table a file."""
    try:
        for path in paths:
            result = load(Path(path))
            settings = ", ".join(f"{k} {result.parameters[k]}" for k in ("trials", "protocol", "data"))
            print(f"{result.figure} ({settings}), {result.seconds:.0f} s\n\n{table(result)}\n")
    except PalError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
