"""``python -m benchmarks NAME --out DIR``: run one benchmark, print its table, write DIR/NAME.json.

A benchmark is a module here with ``run(args: list[str]) -> list[Row]``; it parses its own options. One that writes
files of its own has ``execute(args, out) -> list[Row]`` instead.
"""

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path

import benchmarks
from benchmarks.report import table, write


def names() -> list[str]:
    """Benchmarks there are: modules of this package, but for the report and those with an underscore."""
    found = (module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return sorted(name for name in found if name != "report" and not name.startswith("_"))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=[*names(), "all"])
    parser.add_argument("--out", type=Path, default=Path("results"))
    options, rest = parser.parse_known_args(arguments)
    for name in names() if options.name == "all" else [options.name]:
        module = importlib.import_module(f"benchmarks.{name}")
        if hasattr(module, "execute"):
            print(table(module.execute(rest, options.out)))
            print(options.out)
            continue
        rows = module.run(rest)
        print(table(rows))
        print(write(name, rows, options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
