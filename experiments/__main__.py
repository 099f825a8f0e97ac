"""``python -m experiments fig3 --trials 100 --seed 0 --out results/``: compute a figure, write its results, draw them.

``cifar``, ``learning``, ``neighbors``, ``rounds``, ``augmentations`` and ``graphs`` train networks and have options of
their own. Writes NAME.json and NAME.png, and NAME-honest.json with the errors of a probe fitted on known training
labels.
"""

import argparse
import importlib
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from experiments.protocol import N_CLASSES, Data, Options, Protocol
from experiments.results import load, save
from pal.errors import PalError

FIGURES = ("fig3", "fig4", "fig5", "fig6", "fig7", "fig8", "fig9", "fig10", "table1", "theorem2")
# Experiments with networks, which have options of their own: ``python -m experiments cifar --help``.
COMMANDS = ("cifar", "learning", "neighbors", "rounds", "augmentations", "graphs")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 2 for bad input, which argparse returns too."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in COMMANDS:
        return _command(arguments[0], arguments[1:])
    wanted = _parser().parse_args(arguments)
    try:
        options = Options(wanted.trials, wanted.seed, wanted.n, wanted.data, wanted.protocol, wanted.jobs, wanted.quiet)
        if wanted.out.exists() and not wanted.out.is_dir():
            raise NotADirectoryError(f"--out must be a folder, got the file {wanted.out}; name another")
        for figure in FIGURES if wanted.figure == "all" else (wanted.figure,):
            print(run(figure, options, wanted.out), flush=True)
    except (PalError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def run(figure: str, options: Options, out: Path, /) -> str:
    """Compute one figure, write and draw it; returns a line on what was written."""
    module = importlib.import_module(f"experiments.{figure}")
    start = time.perf_counter()
    results = module.compute(options)
    seconds = round(time.perf_counter() - start, 2)
    shared = {
        "trials": options.trials, "seed": options.seed, "data": options.data, "protocol": options.protocol,
        "n_classes": N_CLASSES, "n_components": N_CLASSES + 1, "regularization": 1e-3, "kernel": "laplacian",
    }  # fmt: skip
    if figure == "fig10":
        shared["data"] = "mixture"
    paths = [
        save(replace(result, parameters={**shared, **result.parameters}, seconds=seconds), out) for result in results
    ]
    module.plot([load(path) for path in paths], out / f"{figure}.png")
    return f"{figure}: {seconds:.1f} s, wrote {', '.join(str(path) for path in paths)} and {out / figure}.png"


def _command(name: str, arguments: Sequence[str]) -> int:
    try:
        importlib.import_module(f"experiments.{name}").main(arguments)
    except (PalError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments", description=__doc__)
    parser.add_argument(
        "figure",
        choices=[*FIGURES, "all"],
        metavar="FIGURE",
        help=f"{', '.join(FIGURES)}, all; or one of {', '.join(COMMANDS)}",
    )
    parser.add_argument("--trials", type=int, default=100, help="runs to average (100); table1 stops at 5")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder of the results (results)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument("--n", type=int, default=None, help="training items; each figure has its own N by default")
    parser.add_argument("--data", choices=get_args(Data), default="circles")
    parser.add_argument("--protocol", choices=get_args(Protocol), default="clean")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


if __name__ == "__main__":
    sys.exit(main())
