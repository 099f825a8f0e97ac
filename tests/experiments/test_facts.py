"""Known figures beside ours, and the pages they go into."""

from dataclasses import replace

import pytest

from experiments.facts import FACTS, Fact, main, table
from experiments.pages import PAGES, refresh
from experiments.results import Result, save

CURVE = {"mean": [0.6, 0.25, 0.05], "std": [0.0, 0.0, 0.0]}


def _result(name="fig8", curves=None):
    parameters = {"trials": 3, "seed": 0, "protocol": "clean", "data": "circles"}
    return Result(name, [0, 100, 290], "Number", curves or {"error": CURVE}, parameters, 1.6)


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (Fact("error", 1.0, at=0), 0.6),
        (Fact("error", 1.0, at=130), 0.25),
        (Fact("error", 1.0, below=0.3), 100),
        (Fact("error", 1.0, below=0.01), None),
    ],
)
def test_a_fact_reads_the_curve(fact, expected):
    assert fact.ours(_result()) == expected


def test_table_has_a_row_a_fact():
    lines = table(_result()).splitlines()
    assert len(lines) == 2 + len(FACTS["fig8"])
    assert lines[2] == "| error: at 0 | 0.026 | 0.6 |"


def test_table_without_facts_has_first_and_last_values():
    assert table(_result("fig99")).splitlines()[2] == "| error | 0.6 | 0.05 |"


def test_table_of_methods_has_a_column_each():
    result = replace(_result("table1", {"top": {"mean": [71.7, None], "std": [None, 1.0]}}), x=["SimCLR", "NNCLR"])
    assert table(result).splitlines() == ["| | SimCLR | NNCLR |", "|---|---|---|", "| top | 71.7 | – |"]


def test_command_prints_the_table(tmp_path, capsys):
    path = save(_result(), tmp_path)
    assert main([str(path)]) == 0
    assert "| error: at 290 | 0.62 | 0.05 |" in capsys.readouterr().out


def test_command_refuses_what_is_no_result(tmp_path, capsys):
    (tmp_path / "x.json").write_text("[1]")
    assert main([str(tmp_path / "x.json")]) == 2
    assert "isn't a figure's results" in capsys.readouterr().err


def test_pages_take_numbers_and_picture(tmp_path):
    results, pages = tmp_path / "results", tmp_path / "pages"
    save(_result(), results)
    (results / "fig8.png").write_bytes(b"picture")
    pages.mkdir()
    (pages / "fig8.md").write_text("before\n<!-- numbers -->\nold\n<!-- /numbers -->\nafter\n")
    (pages / "fig9.md").write_text("untouched")
    for _ in range(2):  # once more changes nothing
        assert refresh([results], pages) == [pages / "fig8.md"]
        text = (pages / "fig8.md").read_text()
        assert text.startswith("before\n")
        assert text.endswith("after\n")
        assert text.count("| error: at 0 | 0.026 | 0.6 |") == 1
        assert "old" not in text
        assert "python -m experiments fig8 --trials 3 --seed 0`: 2 seconds" in text
    assert (pages / "fig8.png").read_bytes() == b"picture"
    assert (pages / "fig9.md").read_text() == "untouched"


def test_every_known_figure_has_a_page():
    for name in FACTS:
        assert "<!-- numbers -->" in (PAGES / f"{name}.md").read_text()
