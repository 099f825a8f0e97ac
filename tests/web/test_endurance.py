"""A hundred pages by keyboard alone and on a phone, in a real Chromium; two tabs; a restart under an open page."""

import shutil
from collections import Counter

import pytest

pytest.importorskip("playwright")

from browsing import KEYS, READ, Person, new_context, serving, wait_until

from benchmarks._serving import Server
from pal.project import Project
from pal.store.events import Answered
from pal.store.fold import fold
from pal.store.sql import SqlStore
from pal.web.app import create_app

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium on the path; apt install chromium"),
]


@pytest.fixture
def served(tmp_path):
    with (
        Project.create_or_open("digits", tmp_path / "digits.pal", oracle="captcha", seed=0) as project,
        serving(create_app(project, token=None)) as address,
    ):
        yield project, address


def answered(project):
    """What counts, as a person says it."""
    events = fold(event for _, event in project.store.read_after(0)).answered
    return [(event.template, dict(zip(event.items, event.relations, strict=True))) for event in events]


def same(log, said):
    """Whether a log holds what was said, each page once, whatever the order of the tabs."""
    return Counter(map(repr, log)) == Counter(map(repr, said))


def ready(page):
    page.wait_for_selector("#desk:not([hidden]) .tile")


def test_a_hundred_pages_by_keyboard_alone(browser, served, digits):
    project, address = served
    context = new_context(browser, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(address)
    person = Person(page, digits)
    for _ in range(100):
        ready(page)
        person.answer()
    person.wait_for_light("saved")
    assert same(answered(project), person.said)
    assert len(person.said) == 100
    context.close()


def test_a_hundred_pages_on_a_phone(browser, served, digits):
    project, address = served
    context = new_context(browser, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(address)
    person = Person(page, digits)
    for _ in range(100):
        ready(page)
        shown = person.look()
        wanted = 1 if shown.mode == "same" else -1
        for item, relation in person.truth(shown).items():
            if relation == wanted:
                page.locator(f'.tile[data-item="{item}"]').tap()
        page.wait_for_selector(READ)
        page.locator("#done").tap()
        person.said.append((shown.template, person.truth(shown)))
    person.wait_for_light("saved")
    assert same(answered(project), person.said)
    context.close()


def test_two_tabs_at_once_lose_nothing_and_share_nothing(browser, served, digits):
    project, address = served
    context = new_context(browser, viewport={"width": 1280, "height": 800})
    people = []
    for _ in range(2):
        page = context.new_page()
        page.goto(address)
        people.append(Person(page, digits))
    for _ in range(8):
        for person in people:
            person.page.bring_to_front()
            ready(person.page)
        open_tiles = [set(person.look().items) for person in people]
        assert not open_tiles[0] & open_tiles[1]
        for person in people:
            person.page.bring_to_front()
            person.answer()
    for person in people:
        person.wait_for_light("saved")
    assert same(answered(project), people[0].said + people[1].said)
    context.close()


PRESSED_AT_THE_LAST_LOOK = """{
    const plain = IDBObjectStore.prototype.getAll;
    IDBObjectStore.prototype.getAll = function (range) {
        if (range.lower === "refused/" && window.armed) {
            window.armed = false;
            for (const [code, key] of [["KeyI", "i"], ["Space", " "]]) {
                document.body.dispatchEvent(new KeyboardEvent("keydown", { code, key, bubbles: true }));
            }
        }
        return plain.call(this, range);
    };
}"""


def test_an_answer_that_comes_while_the_outbox_closes_is_sent(browser, served):
    """Everything is sent and only what was refused is looked at still: what is said just then must not stay behind."""
    project, address = served
    project.store.set_meta("welcomed owner", "1")  # or the guide covers the tiles
    context = new_context(browser, viewport={"width": 1280, "height": 800})
    context.add_init_script(PRESSED_AT_THE_LAST_LOOK)
    page = context.new_page()
    page.goto(address)
    ready(page)
    page.wait_for_function(
        """() => Object.keys(localStorage).some((key) => key.endsWith("/open")
            && JSON.parse(localStorage.getItem(key)).ahead.length >= 2)"""
    )
    page.evaluate("window.armed = true")
    page.keyboard.press("Space")
    wait_until(page, lambda: len(answered(project)) == 2)
    page.wait_for_selector("#light[data-state=saved]")
    assert page.evaluate("window.armed") is False
    context.close()


def test_a_restart_under_an_open_page(browser, tmp_path, digits):
    """Killed and started again while a page has toggles: they stay, the page is answered, once, and work goes on."""
    server = Server(tmp_path / "digits.pal", arguments=("--demo", "--oracle", "captcha"))
    try:
        page = new_context(browser, viewport={"width": 1280, "height": 800}).new_page()
        page.goto(server.start())
        person = Person(page, digits)
        person.answer()
        person.wait_for_light("saved")
        shown = person.look()
        page.keyboard.press(KEYS[2])
        marks = person.look().marks
        server.kill()
        server.start()
        assert (person.look().items, person.look().marks) == (shown.items, marks)
        person.answer()
        for _ in range(5):
            ready(page)
            person.answer()
        person.wait_for_light("saved")
        page.context.close()
    finally:
        server.stop()
    store = SqlStore(server.directory / "log.sqlite")
    log = fold(event for _, event in store.read_after(0)).answered
    store.close()
    assert all(isinstance(event, Answered) for event in log)
    said = [(event.template, dict(zip(event.items, event.relations, strict=True))) for event in log]
    assert same(said, person.said)
    assert len(said) == 7
