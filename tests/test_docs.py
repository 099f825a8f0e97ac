"""Documentation is executed, complete, and points at what exists."""

import doctest
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
EXECUTED = [page for page in PAGES if ">>>" in page.read_text()]
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def name(page):
    return str(page.relative_to(ROOT))


def prose(page):
    return FENCE.sub("", page.read_text())


@pytest.mark.slow
@pytest.mark.parametrize("page", EXECUTED, ids=name)
def test_examples_run(page):
    result = doctest.testfile(str(page), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
    assert result.attempted > 0


@pytest.mark.parametrize("page", EXECUTED, ids=name)
def test_every_python_fence_is_executed(page):
    """A fence marked python would look like code that runs, and never be run."""
    assert not re.search(r"^```(python|py)\s*$", page.read_text(), re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("script", sorted(ROOT.glob("docs/*.py")), ids=name)
def test_scripts_of_the_docs_find_what_they_import(script, tmp_path):
    pytest.importorskip("playwright")
    start = f"import runpy; runpy.run_path({str(script)!r})"
    done = subprocess.run([sys.executable, "-c", start], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_story_is_told_in_order():
    story = sorted(ROOT.glob("docs/[0-9]-*.md"))
    assert [page.name[0] for page in story] == [str(i) for i in range(1, len(story) + 1)]
    for page, following in pairwise(story):
        assert f"({following.name})" in page.read_text(), f"{page.name} doesn't lead on to {following.name}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_and_pictures_exist(page):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose(page)):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{name(page)} points at {target}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_named_exist(page):
    """Paths in backticks, ``src/…``, ``tests/…``, ``docs/…``; NAME or … marks a file to be written, :: a test in it."""
    for path in re.findall(r"`((?:src|tests|docs|experiments|benchmarks)/[^`\s]+)`", prose(page)):
        if not re.search(r"NAME|…|\*", path):
            file, *tests = path.split("::")
            assert (ROOT / file).exists(), f"{name(page)} names {path}"
            for test in tests:
                assert f"def {test}(" in (ROOT / file).read_text(), f"{name(page)} names {path}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_make_targets_exist(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)`", page.read_text())) <= targets


def commands():
    from typer.main import get_command

    from pal.cli.app import app

    return get_command(app).commands


def test_every_command_is_documented():
    text = "\n".join(page.read_text() for page in PAGES)
    for command in commands():
        assert re.search(rf"\bpal {command}\b", text), f"`pal {command}` stands in no page"


def test_every_documented_command_exists():
    for page in PAGES:
        named = set(re.findall(r"`pal ([a-z]+)", prose(page)))
        assert named <= commands().keys(), f"{name(page)} names an unknown command"
