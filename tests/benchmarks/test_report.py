from benchmarks.report import fill, markdown_rows, row


def test_tables_are_put_between_their_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin a -->\nold\n<!-- end a -->\nafter\n<!-- begin b -->\n<!-- end b -->\n")
    assert fill(page, "a", "| new |\n")
    once = page.read_text()
    assert once == "before\n<!-- begin a -->\n\n| new |\n\n<!-- end a -->\nafter\n<!-- begin b -->\n<!-- end b -->\n"
    assert fill(page, "a", "| new |\n")
    assert page.read_text() == once
    assert not fill(page, "c", "| lost |")
    assert page.read_text() == once


def test_rows_as_a_table():
    rows = [row("one", 3.0, 6.0, "ms", "<= 5"), row("two", float("inf"), "none", "answers", ">= 1")]
    assert markdown_rows(rows).splitlines()[2:] == ["| one | 3 ms | ≤ 5 | 6 |", "| two | not reached | ≥ 1 | none |"]
