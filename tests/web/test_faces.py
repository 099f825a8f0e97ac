"""How items look on screen, in a real Chromium: pictures of any shape, texts, rows of a table; another template."""

import shutil

import numpy as np
import pytest

pytest.importorskip("playwright")

from browsing import READ, new_context, serving, wait_until
from PIL import Image

from pal.datasets import Reading
from pal.project import Project
from pal.store.events import Answered
from pal.web.app import create_app

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium on the path; apt install chromium"),
]

WORDS = ["moon rocket orbit", "bread butter oven", "goal match ball"]

# Of every picture on screen that is painted: by how many pixels it sticks out of its place, at most.
STICKS_OUT = """() => {
    const shown = [...document.images].filter((img) => img.closest(".face") && img.offsetWidth);
    return Math.max(...shown.map((img) => {
        const own = img.getBoundingClientRect(), place = img.parentElement.getBoundingClientRect();
        return Math.max(place.left - own.left, own.right - place.right, place.top - own.top, own.bottom - place.bottom);
    }));
}"""


# Tiles of the pages on the desk.
ON_DESK = """() => {
    const key = Object.keys(localStorage).find((key) => /desk\\/[^/]+\\/open$/.test(key));
    const { current, ahead } = JSON.parse(localStorage.getItem(key));
    return [current, ...ahead].filter(Boolean).flatMap((entry) => entry.page.tiles.map((tile) => tile.id));
}"""

# Where the first point of the map is in the window; a 25th of what they cover is left around all.
FIRST_POINT = """async () => {
    const { x, y } = await (await fetch("/api/map")).json();
    const place = document.getElementById("points").getBoundingClientRect();
    const along = (all, size) => {
        const low = Math.min(...all), high = Math.max(...all);
        const wide = Math.max(high - low, 1e-9);
        return ((all[0] - low) / wide + 0.04) / 1.08 * size;
    };
    return [place.left + along(x, place.width), place.bottom - along(y, place.height)];
}"""


@pytest.fixture
def opened(browser):
    """Function that serves a project and opens its page for somebody who knows what to do."""
    contexts = []

    def _open(address):
        context = new_context(browser, viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
        contexts.append(context)
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector(".tile")
        return page

    yield _open
    for context in contexts:
        context.close()


def project_of(source, tmp_path, **options):
    project = Project.create_or_open(source, tmp_path / "p.pal", seed=0, **options)
    project.store.set_meta("welcomed owner", "1")
    return project


def test_tall_and_wide_pictures_are_shown_whole(opened, tmp_path):
    """What is cut off can't be judged."""
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for i in range(24):
        shape = [(160, 40, 3), (40, 160, 3)][i % 2]
        Image.fromarray(rng.integers(0, 255, shape, dtype=np.uint8)).save(tmp_path / "photos" / f"{i:02d}.png")
    project = project_of(tmp_path / "photos", tmp_path, encoder="pixels")
    with project, serving(create_app(project, token=None)) as address:
        page = opened(address)
        assert page.evaluate(STICKS_OUT) < 1
        page.goto(f"{address}groups")
        page.wait_for_selector(".card")
        page.wait_for_function("() => [...document.images].every((picture) => picture.complete)")
        assert page.evaluate(STICKS_OUT) < 1
        page.goto(f"{address}map")
        page.wait_for_selector(".legend-row img")
        assert page.evaluate(STICKS_OUT) < 1


def test_groups_of_texts_can_be_read(opened, tmp_path):
    """A line a text, in the cards and beside the map, where pictures would be too small for words."""
    table = tmp_path / "t.csv"
    texts = [f"{WORDS[i % 3]} {i}" for i in range(30)]
    table.write_text("id,text\n" + "".join(f"{i},{text}\n" for i, text in enumerate(texts)))
    project = project_of(table, tmp_path, reading=Reading(columns=("text",), ids="id"), encoder="tfidf")
    with project, serving(create_app(project, token=None)) as address:
        page = opened(address)
        page.goto(f"{address}groups")
        page.wait_for_selector(".card")
        lines = page.locator(".card-line")
        assert set(lines.all_inner_texts()) <= set(texts)
        assert lines.count() >= page.locator(".card").count()
        widths = lines.evaluate_all("(lines) => lines.map((line) => line.scrollWidth - line.clientWidth)")
        assert max(widths) <= 0, "these are short enough to be read whole"
        page.goto(f"{address}map")
        page.wait_for_selector(".legend-row")
        assert set(page.locator(".legend-name").all_inner_texts()) <= set(texts), (
            "a group without a name says what it is"
        )
        page.wait_for_selector("#points .point")
        page.mouse.move(*page.evaluate(FIRST_POINT))
        page.wait_for_selector("#peek:not([hidden])")
        assert page.locator("#peek .card-text").inner_text() in texts


def test_vectors_alone_are_bars_with_a_name(opened, tmp_path):
    """The name stands on tiles and nowhere twice; nothing sticks out, and in small no name would be read."""
    x = np.random.default_rng(0).standard_normal((60, 20)) + 4.0 * np.eye(20)[np.arange(60) % 3]
    np.save(tmp_path / "x.npy", x)
    project = project_of(tmp_path / "x.npy", tmp_path)
    with project, serving(create_app(project, token=None)) as address:
        page = opened(address)
        page.wait_for_function("() => [...document.querySelectorAll('.tile img')].every((one) => one.naturalWidth)")
        assert page.locator(".tile img").count() == 15
        names = page.locator(".tile .card-name:visible").all_inner_texts()
        assert set(names) <= set(project.items.name)
        assert len(names) == 15
        assert page.evaluate(STICKS_OUT) < 1
        page.goto(f"{address}groups")
        page.wait_for_selector(".card img")
        assert page.locator(".card .card-name:visible").count() == 0


def test_long_names_stay_inside_on_a_phone(opened, tmp_path):
    """Names of files are paths, without a space to break them at."""
    names = [f"photographs/{'holiday_' * 6}{i:02d}.png" for i in range(20)]
    rng = np.random.default_rng(0)
    for name in names:
        (tmp_path / "all" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(tmp_path / "all" / name)
    project = project_of(tmp_path / "all", tmp_path, encoder="pixels")
    first, *others = project.items.id
    project.record(
        [Answered(labeler="person", page="p", template=first, items=tuple(others), relations=(1, -1, 0) * 6 + (1,))]
    )
    with project, serving(create_app(project, token=None)) as address:
        page = opened(address)
        page.set_viewport_size({"width": 390, "height": 844})
        for place, part in [
            (f"item#{others[0]}", ".answer"),
            ("review", ".asking"),
            ("groups", ".card"),
            ("team", "td"),
        ]:
            page.goto(f"{address}{place}")
            page.wait_for_selector(part)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place
            right = page.locator("main .panel, main .answer, main .card").evaluate_all(
                "(all) => all.map((one) => one.getBoundingClientRect().right)"
            )
            assert max(right) <= 390, place


def test_the_last_pages_of_a_project_come_at_once(opened, tmp_path):
    """One page holds nearly all items: nobody is told that none is left while the answer that frees them is sent."""
    texts = [f"{word} number {i}" for i in range(6) for word in ("dog", "sun")]
    (tmp_path / "few.csv").write_text("text\n" + "\n".join(texts) + "\n")
    project = project_of(tmp_path / "few.csv", tmp_path, encoder="tfidf", oracle="captcha")
    with project, serving(create_app(project, token=None)) as address:
        page = opened(address)
        page.evaluate(
            """() => {
                window.told = [];
                const place = document.getElementById("notice-words");
                new MutationObserver(() => window.told.push(place.textContent)).observe(place, { childList: true });
            }"""
        )
        for pages in range(1, 20):
            page.wait_for_selector(READ)
            page.keyboard.press("Space")
            wait_until(page, lambda n=pages: project.progress().pages == n)
            page.wait_for_function(
                """() => !document.getElementById("desk").hidden
                    || document.getElementById("notice-words").textContent.includes("settle every item")"""
            )
            if page.locator("#desk").is_hidden():
                break
        assert page.locator("#desk").is_hidden()
        assert pages > 1
        assert not [words for words in page.evaluate("window.told") if "on open pages" in words]


@pytest.mark.parametrize("longest", [2, 9, 40])
def test_the_texts_of_a_page_are_read_in_one_size(opened, tmp_path, longest):
    """A size that one text has to itself would say something about it; short ones alone are large."""
    words = " ".join(WORDS).split()
    texts = [" ".join(words[(i + j) % 9] for j in range(1 + i % longest)) + f" {i}" for i in range(24)]
    (tmp_path / "texts.csv").write_text("text\n" + "\n".join([*texts, " ".join(words * 5)[: 10 * longest]]) + "\n")
    project = project_of(tmp_path / "texts.csv", tmp_path, page_size=24, oracle="captcha")
    with project, serving(create_app(project, token=None)) as address:
        page = opened(address)
        sizes = page.locator(":is(.tile, .template) .card-text").evaluate_all(
            "(shown) => shown.map((one) => parseFloat(getComputedStyle(one).fontSize))"
        )
    assert len(sizes) == 25
    assert len(set(sizes)) == 1
    assert (sizes[0] > 20) == (longest == 2)


def test_unclear_brings_another_template(opened, tmp_path):
    """Also where pages with the same one were loaded ahead."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", 5 * np.eye(3)[np.arange(60) % 3] + 0.3 * rng.normal(size=(60, 3)))
    project = project_of(tmp_path / "x.npy", tmp_path, page_size=5, oracle="captcha")
    with project, serving(create_app(project, token=None)) as address:
        page = opened(address)
        for _ in range(2):
            page.wait_for_selector(READ)
            before = page.locator("#template [data-item]").get_attribute("data-item")
            page.keyboard.press("KeyU")
            page.wait_for_function(
                "(before) => !document.getElementById('desk').hidden"
                " && document.querySelector('#template [data-item]').dataset.item !== before",
                arg=before,
            )
        said = [event for _, event in project.store.read_after(0) if isinstance(event, Answered)]
        assert [event.note for event in said] == ["unclear", "unclear"]


def test_pages_given_up_hold_no_tile(opened, tmp_path):
    """What is on no page of the desk may be on somebody else's, at once."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", 5 * np.eye(3)[np.arange(60) % 3] + 0.3 * rng.normal(size=(60, 3)))
    project = project_of(tmp_path / "x.npy", tmp_path, page_size=5, oracle="captcha")
    project._leases.seconds = 1e6  # none ends by itself
    with project, serving(create_app(project, token=None)) as address:
        page = opened(address)
        for key in ("KeyU", "Escape", "KeyU"):
            page.wait_for_selector(READ)
            count = len(project.store.read_after(0))
            page.keyboard.press(key)
            wait_until(page, lambda count=count: len(project.store.read_after(0)) > count)
            wait_until(page, lambda: sorted(project._leases.items()) == sorted(page.evaluate(ON_DESK)))


def test_columns_of_a_table_can_be_told_apart(opened, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.normal(size=(24, 3)) + 4 * np.eye(3)[np.arange(24) % 3])
    columns = ["sepal length", "sepal width", "petal length"]
    rows = [",".join(f"{value:.1f}" for value in rng.uniform(1, 9, 3)) for _ in range(24)]
    (tmp_path / "x.csv").write_text("\n".join([",".join(columns), *rows]) + "\n")
    project = project_of(tmp_path / "x.npy", tmp_path, reading=Reading(table=tmp_path / "x.csv"))
    with project, serving(create_app(project, token=None)) as address:
        page = opened(address)
        cut = page.locator(".tile .cell-name").evaluate_all(
            "(names) => names.filter((name) => name.scrollWidth > name.clientWidth).length"
        )
        assert cut == 0
        page.goto(f"{address}progress")
        page.wait_for_selector("#people-none:not([hidden])")
        assert page.locator("#people-table").is_hidden()
