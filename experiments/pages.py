"""``python -m experiments.pages results/ results/authors/``: put results into the pages of docs/figures.

For each NAME.json of the first folder with a page docs/figures/NAME.md: copies the picture, and writes the command, the
seconds and the table of :mod:`experiments.facts` between the page's marks. A second folder has results of the authors'
protocol; their pictures are NAME-authors.png.
"""

import re
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from experiments.facts import table
from experiments.results import Result, load
from pal.errors import PalError

PAGES = Path(__file__).parents[1] / "docs" / "figures"
MARKED = re.compile(r"(<!-- numbers -->\n).*?(<!-- /numbers -->)", re.DOTALL)


def numbers(result: Result, /) -> str:
    """Command, seconds and table of one result."""
    settings = result.parameters
    command = f"python -m experiments {result.figure} --trials {settings['trials']} --seed {settings['seed']}"
    if settings["protocol"] != "clean":
        command += f" --protocol {settings['protocol']}"
    return f"`{command}`: {result.seconds:.0f} seconds.\n\n{table(result)}\n"


def refresh(folders: Sequence[Path], pages: Path = PAGES, /) -> list[Path]:
    """Rewrite the pages that there are results for; returns them."""
    written = []
    for page in sorted(pages.glob("*.md")):
        parts = []
        for folder, suffix in zip(folders, ("", "-authors"), strict=False):
            source = folder / f"{page.stem}.json"
            if source.exists():
                parts.append(numbers(load(source)))
                shutil.copyfile(source.with_suffix(".png"), pages / f"{page.stem}{suffix}.png")
        if parts:
            text = "\n" + "\n".join(parts) + "\n"
            page.write_text(MARKED.sub(partial(_between, text), page.read_text("utf-8")), "utf-8")
            written.append(page)
    return written


def _between(text: str, marks: re.Match[str]) -> str:
    return marks[1] + text + marks[2]


def main(folders: Sequence[str]) -> int:
    """Refresh, and say what was written."""
    try:
        for page in refresh([Path(folder) for folder in folders]):
            print(page)
    except (PalError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
