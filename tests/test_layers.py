"""The direction of imports, down the ring only, and that ``import pal`` is light."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

import pytest

import pal

ROOT = Path(pal.__file__).parent

# Each unit (a module or a package of pal) may import those above it.
ORDER = [
    "errors",
    # items and their features
    "media",
    "items",
    "datasets",
    "encoders",
    # the ring
    "answers",
    "votes",
    "agreement",
    "knowledge",
    "conflicts",
    "clarity",
    "graph",
    "builders",
    "kernels",
    "spectral",
    "embedding",
    "probe",
    "neighbors",
    "representatives",
    "propagation",
    "ridge",
    "pairwise",
    "communities",
    "beliefs",
    "experts",
    "evidence",
    "strays",
    "doubt",
    "joins",
    "classes",
    "posterior",
    "learner",
    "cost",
    "audit",
    "labelers",
    "oracles",
    "loop",
    # networks on the same graph
    "losses",
    "training",
    # one project, and its faces
    "store",
    "project",
    "simulate",
    "export",
    "imports",
    "web",
    "client",
    "testing",
    "cli",
    "__main__",
]
RING = ORDER[ORDER.index("answers") : ORDER.index("losses")]
STACKS = {"torch", "sqlalchemy", "fastapi", "starlette", "pydantic", "typer", "uvicorn", "matplotlib", "PIL", "pyarrow"}
HEAVY = ["torch", "sklearn", "scipy", "fastapi", "pydantic", "sqlalchemy", "matplotlib", "PIL", "pyarrow", "typer"]


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(["pal", *(parts[:-1] if parts[-1] == "__init__" else parts)]), path


MODULES = dict(modules())


@cache
def parsed(path):
    return ast.parse(path.read_text())


@cache
def imported(path):
    """Absolute names of the modules a file imports, inside functions too; ``from a import b`` gives a.b if a module."""
    names = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= (inner & MODULES.keys()) | ({node.module} if inner - MODULES.keys() else set())
    return names


def unit(module):
    return module.split(".")[1]


@pytest.mark.parametrize("module", [m for m in MODULES if m != "pal"])
def test_imports_point_up_the_table(module):
    assert unit(module) in ORDER, f"{module} is new: give it a place in ORDER"
    above = ORDER[: ORDER.index(unit(module)) + 1]
    for name in imported(MODULES[module]):
        if name.startswith("pal."):
            assert unit(name) in above, f"{module} imports {name}, which stands below it"


def test_there_are_no_cycles():
    graph = {m: {n for n in imported(path) if n in MODULES} for m, path in MODULES.items() if m != "pal"}
    assert set(TopologicalSorter(graph).static_order()) >= graph.keys()  # raises on a cycle


@pytest.mark.parametrize("module", [m for m in MODULES if m != "pal" and unit(m) in RING])
def test_the_ring_knows_no_stack(module):
    """No torch, no database, no web, no pictures in the science, not even inside a function."""
    assert not {name.split(".")[0] for name in imported(MODULES[module])} & STACKS


@pytest.mark.parametrize("module", [m for m in MODULES if m != "pal" and unit(m) in ("web", "cli")])
def test_the_faces_hold_no_science(module):
    assert not {name.split(".")[0] for name in imported(MODULES[module])} & {"scipy", "sklearn", "torch"}


@pytest.mark.parametrize("module", MODULES)
def test_pal_never_imports_what_is_built_on_it(module):
    assert not {name.split(".")[0] for name in imported(MODULES[module])} & {"experiments", "benchmarks", "tests"}


def loaded_by(code):
    """Names in sys.modules after running ``code`` in a new process."""
    report = f"{code}\nimport sys; print(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", report], check=True, capture_output=True, text=True).stdout.split()
    )


def test_importing_pal_is_light():
    loaded = loaded_by("import pal")
    assert "pal" in loaded
    assert not loaded & {*HEAVY, "numpy", "jaxtyping"}


@pytest.mark.slow
def test_importing_the_ring_is_light():
    """All of the science, without scikit-learn too but for the estimator."""
    names = [f"pal.{name}" for name in RING if f"pal.{name}" in MODULES]
    assert not loaded_by("\n".join(f"import {name}" for name in names)) & STACKS
    light = [name for name in names if name not in ("pal.embedding", "pal.learner", "pal.oracles", "pal.loop")]
    assert "sklearn" not in loaded_by("\n".join(f"import {name}" for name in light))


def test_importing_the_command_line_is_light():
    assert not loaded_by("import pal.cli") & {"torch", "sklearn", "fastapi", "sqlalchemy", "matplotlib", "PIL"}


def test_the_child_that_learns_is_light():
    """People wait for it at the start; what asks and serves is none of its business."""
    loaded = loaded_by("import pal.project.fitting")
    assert not loaded & {"torch", "fastapi", "sqlalchemy", "typer", "PIL", "pal.project.core", "pal.oracles"}


@pytest.mark.slow
def test_what_serves_is_light():
    """A child makes its models, and a new log needs no steps: what those take would only hold up the start."""
    loaded = loaded_by("import pal.cli.serve, pal.project.core, pal.project.learning, pal.store.sql, pal.web.app")
    assert "pal.web.app" in loaded
    assert not loaded & {"torch", "sklearn", "alembic", "matplotlib", "scipy.special", "pal.posterior", "pal.export"}


def test_every_export_resolves():
    missing_torch = find_spec("torch") is None
    for name in pal.__all__:
        if not (missing_torch and name in ("losses", "training")):
            assert getattr(pal, name) is not None
    assert set(pal.__all__) <= set(dir(pal))
    assert len(set(pal.__all__)) == len(pal.__all__)
    assert pal.__version__
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        pal.nonsense  # noqa: B018


def test_exports_are_what_type_checkers_see():
    """The lazy names equal the imports under TYPE_CHECKING."""
    tree = ast.parse((ROOT / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(pal.__all__)


@pytest.mark.parametrize("module", MODULES)
def test_everything_public_is_documented(module):
    def undocumented(body, prefix=""):
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name[0] != "_":
                if ast.get_docstring(node) is None:
                    yield prefix + node.name
                if isinstance(node, ast.ClassDef):
                    yield from undocumented(node.body, f"{node.name}.")

    tree = parsed(MODULES[module])
    assert ast.get_docstring(tree), f"{module} has no docstring"
    assert not list(undocumented(tree.body))


def test_python_m_pal():
    result = subprocess.run([sys.executable, "-m", "pal", "--help"], capture_output=True, text=True, check=True)
    assert "annotate" in result.stdout
