"""Every export format of a project of 50,000 items, and how long each takes.

The items are embeddings with small pictures of their own, so that the image folder has files to write. There is no
rival to run here; users of Label Studio report four minutes for 50,000 rows (its issue 5811).
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.report import Row, row
from pal.export import FORMATS, export


def pictures(folder: Path, n_items: int, rng: np.random.Generator) -> np.ndarray:
    """Write that many different PNG files and return embeddings of them."""
    from PIL import Image

    folder.mkdir(parents=True)
    names = []
    for number in range(n_items):
        names.append(f"{number:06d}.png")
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / names[-1], compress_level=1)
    centre = rng.normal(size=(10, 8)) * 4.0
    label = rng.integers(10, size=n_items)
    (folder.parent / "rows.csv").write_text("path\n" + "\n".join(f"pictures/{name}" for name in names) + "\n")
    x = (centre[label] + rng.normal(size=(n_items, 8))).astype(np.float32)
    np.savez(folder.parent / "rows.npz", x=x)
    return x


def run(args: list[str]) -> list[Row]:
    """Time each format alone."""
    parser = argparse.ArgumentParser(prog="export", description=__doc__)
    parser.add_argument("--items", type=int, default=50_000)
    options = parser.parse_args(args)
    from pal.project import NoPage, Project
    from pal.store import Answered

    rng = np.random.default_rng(0)
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        pictures(home / "pictures", options.items, rng)
        with Project.create_or_open(home / "rows.npz", oracle="captcha") as project:
            for _ in range(20):
                page = project.page("person")
                if isinstance(page, NoPage):
                    break
                said = tuple(int(r) for r in rng.choice([-1, 1], len(page.tiles)))
                tiles = tuple(tile.id for tile in page.tiles)
                project.record(
                    [Answered(page=page.id, template=page.template.id, items=tiles, relations=said, labeler="person")]
                )
            project.settle()
            project.snapshot()
            for name in FORMATS:
                start = time.perf_counter(), time.process_time()
                export(project, home / "out" / name, formats=[name])
                wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
                what = f"{len(project.items):,} items as {name}"
                rows.append(row(f"{what}, wall", wall, "no rival", "s", "< 10 s"))
                rows.append(row(f"{what}, CPU", cpu, "no rival", "s", "-"))
    return rows
