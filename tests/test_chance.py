"""What is left to chance while tests run: nothing that depends on what ran before, or beside it."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

CODE = """
import sys
import tests.conftest
for name in sys.argv[1:]:
    __import__(name)
from hypothesis import given, strategies as st
@given(st.lists(st.integers(0, 1000)), st.text(), st.floats())
def show(numbers, text, number):
    print(ascii((numbers, text, number)))
show()
"""


def examples(*modules):
    """What Hypothesis draws in a process that has imported ``modules``."""
    command = [sys.executable, "-c", CODE, *modules]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.slow
def test_examples_do_not_depend_on_what_is_imported():
    alone = examples()
    assert len(alone) == 60
    assert examples() == alone
    assert examples("pal.cli", "pal.web.app", "pal.learner") == alone


def test_examples_are_the_same_every_time():
    assert settings.get_current_profile_name() in {"pal", "quick", "random"}
    assert settings().derandomize == (settings.get_current_profile_name() != "random")
    assert settings().deadline is None
