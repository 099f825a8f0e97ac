"""What a command says while bars are shown."""

import io
import sys

import pytest
from rich.console import Console
from rich.progress import Progress

from pal.cli.bars import say, setter

ADDRESS = "open http://127.0.0.1:8642/?token=64unjOgk9iU0Hx-KR_lkegpl4S1Kk23h [a] :smile:"


@pytest.fixture
def terminal():
    """A terminal of 30 columns with a bar on it."""
    shown = Progress(console=Console(file=io.StringIO(), force_terminal=True, width=30))
    with shown:
        shown.add_task("reading files", total=None)
        yield shown


def test_an_address_stays_in_one_piece_and_has_a_line_of_its_own(terminal, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    say(terminal, ADDRESS)
    said = terminal.console.file.getvalue()
    before, _, after = said.partition(ADDRESS)
    assert after.startswith("\n")
    assert before.rpartition("reading files")[2].rstrip(" 0123456789-:%").endswith("\x1b[2K"), "the bar is taken away"


def test_what_is_piped_is_said_on_standard_output(terminal, capsys):
    say(terminal, ADDRESS)
    assert capsys.readouterr().out == f"{ADDRESS}\n"


def test_a_bar_learns_how_much_there_is_and_tells_the_time_left():
    """What was there before the first report took no time, and says nothing of the rest."""
    now = [0.0]
    shown = Progress(console=Console(file=io.StringIO()), get_time=lambda: now[0])
    set_to = setter(shown, shown.add_task("reading files", total=None))
    assert shown.tasks[0].total is None
    for now[0], done in enumerate((1000, 1001, 1002)):
        set_to(done, 1009)
    assert shown.tasks[0].total == 1009
    assert shown.tasks[0].time_remaining == 7
    set_to(1009)
    assert shown.finished
