"""A person in a real Chromium, from the first page to the export."""

import csv
import itertools
import json
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("playwright")

from browsing import KEYS, PATIENCE, Person, new_context

from benchmarks._serving import Server

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium on the path; apt install chromium"),
]


@pytest.fixture
def server(tmp_path):
    made = Server(tmp_path / "digits.pal")
    yield made
    made.kill()


@pytest.fixture
def page(browser):
    context = new_context(browser, viewport={"width": 1280, "height": 800})
    made = context.new_page()
    errors = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    yield made
    context.close()
    assert not errors


def test_twenty_pages_by_keyboard_and_everything_that_can_happen_on_the_way(server, page, digits, tmp_path):
    page.goto(server.start())
    assert "token" not in page.url
    person = Person(page, digits)

    # Six pages; then back to the sixth, to be unsure about its first tile.
    for _ in range(5):
        person.answer()
    sixth = person.answer()
    page.keyboard.press("Backspace")
    again = person.look()
    assert (again.template, again.items) == (sixth.template, sixth.items)
    assert again.marks == marks_of(sixth, person.truth(sixth))
    page.keyboard.press(f"Shift+{KEYS[0]}")
    person.said.pop()
    person.submit(again, person.truth(again) | {again.items[0]: 0})

    # A name for the group in front, by its template.
    template = person.look().template
    page.keyboard.press("KeyN")
    page.keyboard.type("Zahl <b>")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.getElementById('group-name').textContent === 'Zahl <b>'")

    # A reload in the middle of the eighth page brings it back with its toggles.
    person.answer()
    before = person.look()
    page.keyboard.press(KEYS[3])
    page.keyboard.press(f"Shift+{KEYS[7]}")
    page.reload()
    after = person.look()
    assert (after.template, after.items) == (before.template, before.items)
    assert after.marks == [{3: "selected", 7: "unsure"}.get(position, "") for position in range(len(after.items))]
    page.keyboard.press(KEYS[3])
    page.keyboard.press(f"Shift+{KEYS[7]}")
    for _ in range(5):
        person.answer()

    # The server is killed; two pages are answered from what was loaded ahead, and nothing is lost.
    person.wait_for_light("saved")
    loaded_ahead(page)
    server.kill()
    person.answer()
    person.answer()
    person.wait_for_light("offline")
    assert "kept here" in page.inner_text("#light")
    server.start()  # with a new token, which the cookie makes unnecessary
    person.wait_for_light("saved")
    while len(person.said) < 20:
        person.answer()
    person.wait_for_light("saved")
    assert page.inner_text("#pages-done") == "20"

    # Groups: rename one, merge two.
    page.click("nav >> text=Groups")
    page.wait_for_selector(".card")
    anchors = page.locator(".card").evaluate_all("(cards) => cards.map((card) => card.dataset.anchor)")
    merged = pair_to_merge(anchors, digits)
    page.locator(f'.card[data-anchor="{anchors[0]}"] >> text=/^(Re)?name$/i').click()
    page.fill("#naming-input", "the first")
    page.keyboard.press("Enter")
    page.wait_for_selector('.card-title:has-text("the first")')
    for anchor in merged:
        page.locator(f'.card[data-anchor="{anchor}"] input').check()
    page.click("#merge")
    page.wait_for_selector("#toast:has-text('Merged'), #confirm[open]")
    if page.locator("#confirm[open]").count():  # answers speak against it
        page.click("#confirm button[value=yes]")
    page.wait_for_selector("#toast:has-text('Merged')")
    both = " && ".join(f"document.querySelector('.card[data-anchor=\"{anchor}\"]')" for anchor in merged)
    page.wait_for_function(f"() => !({both})")

    server.stop()
    check_export(server, person, tmp_path, digits, template, anchors[0], merged)


def marks_of(shown, relations):
    wanted = 1 if shown.mode == "same" else -1
    return ["selected" if relations[item] == wanted else "" for item in shown.items]


def loaded_ahead(page):
    """Wait until two pages lie behind the one in front."""
    page.wait_for_function(
        """() => Object.keys(localStorage).some((key) => key.endsWith("/open")
            && JSON.parse(localStorage.getItem(key)).ahead.length >= 2)"""
    )


def pair_to_merge(anchors, digits):
    """Two groups of one digit, where the pages so far have left any; else any two that aren't the first."""
    alike = [pair for pair in itertools.combinations(anchors, 2) if digits[pair[0]] == digits[pair[1]]]
    return alike[0] if alike else tuple(anchors[1:3])


def check_export(server, person, tmp_path, digits, named, renamed, merged):
    """Every answer is in the log once, and no label contradicts one."""
    out = tmp_path / "export"
    command = [sys.executable, "-m", "pal", "export", "--demo", "--project", str(server.directory), "--out", str(out)]
    subprocess.run(command, check=True, timeout=PATIENCE)
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    retracted = {event["event"] for event in log if event["kind"] == "retracted"}
    assert len(retracted) == 1  # the page that was changed
    answered = [event for event in log if event["kind"] == "answered" and event["page"] != "merge"]
    assert len(answered) == 21
    counting = [event for event in answered if event["id"] not in retracted]
    said = [(event["template"], dict(zip(event["items"], event["relations"], strict=True))) for event in counting]
    assert sorted(said, key=str) == sorted(person.said, key=str)

    with (out / "labels.csv").open(newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(digits)
    label = {item: row["class_id"] for item, row in rows.items()}
    assert label[merged[0]] == label[merged[1]]
    for template, relations in person.said:
        for item, relation in relations.items():
            if relation == 1:
                assert label[item] == label[template]
            elif relation == -1 and label[item] == label[template]:
                # Only the merge, had it to join two digits, may overrule an answer.
                assert digits[merged[0]] != digits[merged[1]]
                assert label[item] == label[merged[0]]
    assert rows[renamed]["class"] == "the first"
    if label[named] != label[renamed]:
        assert rows[named]["class"] == "Zahl <b>"
    told = [item for item, row in rows.items() if row["source"] == "told"]
    assert told
    if digits[merged[0]] == digits[merged[1]]:
        right = {(label[item], digits[item]) for item in rows if rows[item]["source"] in ("told", "deduced")}
        assert len(right) == len({one for one, _ in right})  # one digit a class
