"""The screens beside the page, in a real Chromium: a person groups, reviews, looks, audits, maps and exports."""

import io
import json
import re
import shutil
import zipfile

import pytest

pytest.importorskip("playwright")

from browsing import is_ours, new_context, serving, wait_until

from pal.project import Project
from pal.project.auditing import audit_queue
from pal.project.review import predicted
from pal.store.events import Answered, Retracted
from pal.web.app import create_app
from pal.web.pages import SCREENS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium on the path; apt install chromium"),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Ten pages answered, by two people, one of whom errs; one contradiction."""
    from sklearn.datasets import load_digits

    target = load_digits().target
    directory = tmp_path_factory.mktemp("web") / "digits.pal"
    with Project.create_or_open("digits", directory, oracle="captcha", seed=0) as project:
        digit = {i: int(target[int(n.split()[-1])]) for i, n in zip(project.items.id, project.items.name, strict=True)}
        for number in range(10):
            project.settle()  # the same pages every time
            page = project.page("person")
            right = [1 if digit[t.id] == digit[page.template.id] else -1 for t in page.tiles]
            about = {"template": page.template.id, "items": tuple(t.id for t in page.tiles), "seconds": 8.0}
            project.record([Answered(labeler="person", page=page.id, relations=tuple(right), **about)])
            if number == 3:
                wrong = (-right[0], *right[1:])
                project.record([Answered(labeler="bob", page="bobs", relations=wrong, **about)])
        a, b, c = fresh(project)[:3]
        for one, other, relation in [(a, b, 1), (b, c, 1), (b, c, 1), (a, c, -1), (a, c, -1)]:
            project.record([Answered(labeler="bob", page="check", template=one, items=(other,), relations=(relation,))])
        project.settle()
        project.store.set_meta("welcomed owner", "1")
        with serving(create_app(project, token=None)) as address:
            yield project, address


def fresh(project):
    asked = {i for event in project.now().answered for i in (event.template, *event.items)}
    return [item for item in project.items.id if item not in asked]


@pytest.fixture
def page(browser):
    context = new_context(
        browser, viewport={"width": 1280, "height": 800}, reduced_motion="reduce", accept_downloads=True
    )
    made = context.new_page()
    errors = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    made.on("console", lambda message: errors.append(message.text) if is_ours(message) else None)
    yield made
    context.close()
    assert not errors  # the content security policy complains here too


def last(project):
    return [event for _, event in project.store.read_after(0)][-1]


def test_groups_check_a_pair_place_one_and_hear_what_speaks_against_a_merge(page, served):
    project, address = served
    page.goto(f"{address}groups")
    page.wait_for_selector(".card")
    page.wait_for_selector("#same .asking")
    before = project.progress().position
    page.keyboard.press("KeyN")
    wait_until(page, lambda: project.position > before)
    page.wait_for_selector("#light[data-state=saved]")
    checked = last(project)
    assert project.progress().position == before + 1
    assert (checked.page, checked.relations, checked.labeler) == ("check", (-1,), "person")

    page.locator(".card >> text=Parent").first.click()
    page.fill("#naming-input", "even numbers")
    page.keyboard.press("Enter")
    page.wait_for_selector(".parent.placed:has-text('in even numbers')")

    # Two groups that answers hold apart.
    a, b = checked.template, checked.items[0]
    group = {
        member.tile.id: anchor for anchor in (g.anchor for g in project.groups()) for member in project.members(anchor)
    }
    for item in (a, b):
        page.locator(f'.card[data-anchor="{group[item]}"] input').check()
    before = project.progress().position
    page.click("#merge")
    page.wait_for_selector("#confirm[open] .against li")
    page.keyboard.press("Escape")
    page.wait_for_selector("#confirm", state="hidden")
    assert project.progress().position == before  # nothing was merged


def test_review_by_keyboard(page, served):
    project, address = served
    page.goto(f"{address}review")
    page.wait_for_selector(".chain .weakest")
    page.keyboard.press("KeyN")
    page.wait_for_function("() => document.querySelector('#tab-contradictions b').textContent === '0'")
    assert not len(project.now().knowledge.contradictions)

    left = project.items.id[int(predicted(project.items, project.now())[-1])]
    for anchor in project.standing().anchor[:2].tolist():
        project.record(
            [Answered(labeler="bob", page="p", template=project.items.id[anchor], items=(left,), relations=(0,))]
        )
    page.reload()
    queues = {"disagreements": "check", "doubtful": "check", "untold": "check", "audit": "audit"}
    for tab, kind in queues.items():
        page.click(f"#tab-{tab}")
        page.wait_for_selector(f"#tab-{tab}[aria-selected=true]")
        page.wait_for_selector(".asking")
        before = project.progress().position
        page.keyboard.press("KeyY")
        wait_until(page, lambda n=before: project.position > n)
        page.wait_for_selector("#light[data-state=saved]")
        assert project.progress().position == before + 1
        assert (last(project).page, last(project).relations) == (kind, (1,))


def asked(page):
    """The two items that a review asks about."""
    return page.locator(".asking .side figcaption").evaluate_all("(sides) => sides.map((side) => side.title)")


@pytest.mark.parametrize("tab", ["doubtful", "audit"])
def test_a_slip_in_the_review_is_taken_back(page, served, tab):
    project, address = served
    page.goto(f"{address}review#{tab}")
    page.wait_for_selector(".asking")
    assert page.locator(".asking >> text=Back").count() == 0  # nothing to go back to
    two = asked(page)
    for key, back in (("KeyN", "Backspace"), ("KeyU", "Control+KeyZ"), ("KeyY", None)):
        page.keyboard.press(key)
        page.wait_for_selector(".left button")
        slip = last(project)
        assert isinstance(slip, Answered)
        if back:
            page.keyboard.press(back)
        else:
            page.click(".left >> text=Back")
        wait_until(page, lambda slip=slip: getattr(last(project), "event", None) == slip.id)
        page.wait_for_function("() => !document.querySelector('.left button')")
        assert asked(page) == two


def test_what_the_audit_finds_different_comes_once_more(page, served):
    project, address = served
    # Its group needs another item to show, and an audited one is asked about as long as nobody has placed it.
    first = audit_queue(project.items, project.now(), limit=1)[0]
    stands, row = project.standing(), project.items.row
    own = stands.members(int(stands.label[row[first.a.id]]))[-1]
    other = Answered(labeler="bob", page="check", template=first.a.id, items=(project.items.id[own],), relations=(1,))
    project.record([other])
    project.settle()
    page.goto(f"{address}review#audit")
    page.wait_for_selector(".asking")
    anchor, item = asked(page)
    page.keyboard.press("KeyN")
    page.wait_for_selector(".asking-words:has-text('Beside another one of that group')")
    member, again = asked(page)
    assert again == item
    assert member != anchor
    page.keyboard.press("KeyY")
    page.wait_for_selector(".asking-words:not(:has-text('Beside'))")
    assert asked(page)[1] != item
    assert (last(project).page, last(project).relations) == ("audit", (1,))


def test_what_was_done_to_groups_is_undone(page, served):
    project, address = served
    page.goto(f"{address}groups")
    page.wait_for_selector(".card")
    page.locator(".card >> text=/^(Rename|Name)$/").first.click()
    page.fill("#naming-input", "a slip")
    page.keyboard.press("Enter")
    page.wait_for_selector(".card-title:has-text('a slip')")
    page.click("#toast >> text=Undo")
    page.wait_for_selector(".card-title:has-text('a slip')", state="detached")

    # Two of one name are put forward for a merge.
    for place in (0, 1):
        page.locator(".card >> text=/^(Rename|Name)$/").nth(place).click()
        page.fill("#naming-input", "twins")
        page.keyboard.press("Enter")
        page.wait_for_function(
            """(n) => [...document.querySelectorAll(".card-title")]
                .filter((one) => one.innerText === "twins").length === n""",
            arg=place + 1,
        )
    page.wait_for_selector("#merge:not([disabled])")
    assert page.inner_text("#merge-words") == "“twins” and “twins” would become one kind."
    page.click("#merge-clear")

    page.locator(".card-title").first.click()
    page.wait_for_selector(".member")
    for place in (1, 2):
        page.locator(".member").nth(place).click()
    page.click("#split")
    page.keyboard.press("Enter")  # a group may wait for its name
    page.wait_for_selector("#toast:has-text('a group of their own')")
    events = [event for _, event in project.store.read_after(0)]
    split = {event.id for event in events if isinstance(event, Answered) and event.page == "split"}
    assert split
    page.keyboard.press("Control+KeyZ")
    page.wait_for_selector("#toast:has-text('Taken back')")
    events = [event for _, event in project.store.read_after(0)]
    assert split <= {event.event for event in events if isinstance(event, Retracted)}


def test_an_item_confirmed_and_taken_back(page, served):
    project, address = served
    item = fresh(project)[5]
    page.goto(f"{address}item#{item}")
    page.wait_for_selector(".source-tag.predicted")
    page.keyboard.press("KeyY")
    page.wait_for_selector(".source-tag.told")
    assert page.locator(".answer").count() == 1
    page.click(".answer >> text=Retract")
    page.wait_for_selector(".source-tag.predicted")
    assert page.locator(".answer").count() == 0
    page.goto(f"{address}item#nothing")
    page.wait_for_selector("#absent:not([hidden])")


def test_progress_follows_the_audit(page, served):
    _, address = served
    page.goto(f"{address}progress")
    page.wait_for_selector("#people tr")
    said = page.inner_text("#accuracy-words")
    assert "random" in said
    assert page.locator("#people tr").count() == 2
    assert "page" in page.inner_text("#left") or "nothing" in page.inner_text("#left")
    assert page.input_value("#target") == "0.98"  # the project's
    alpha = re.match(r"Krippendorff's alpha is (-?\d\.\d\d) on the (\d+) pairs", page.inner_text("#alpha"))
    assert alpha, page.inner_text("#alpha")
    assert int(alpha[2]) >= 15, "two people answered one page, and what other tests checked"
    page.select_option("#target", "0.9")
    page.wait_for_function("() => document.getElementById('hint').textContent.length > 10")


def test_a_loop_on_the_map_becomes_the_page_in_front(page, served):
    project, address = served
    page.goto(address)
    page.wait_for_selector(".tile")
    page.click("nav >> text=Map")
    page.wait_for_selector("#points .point")
    box = page.locator("#points").bounding_box()
    centre = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    corners = [(-0.49, -0.49), (0.49, -0.49), (0.49, 0.49), (-0.49, 0.49), (-0.49, -0.4)]  # from the very edge on
    places = [(centre[0] + x * box["width"], centre[1] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()
    page.wait_for_selector("#map-bar:not([hidden])")
    page.keyboard.press("Enter")
    page.wait_for_selector("#desk:not([hidden]) .tile")
    asked = page.locator(".tile").evaluate_all("(tiles) => tiles.map((tile) => tile.dataset.item)")
    assert len(asked) == 15
    template = page.locator("#template [data-item]").get_attribute("data-item")
    now, row = project.standing(), project.items.row
    assert row[template] in now.anchor.tolist()
    # A group is taken by keyboard alone.
    page.goto(f"{address}map")
    page.locator(".legend-row").first.press("Enter")
    page.wait_for_selector("#map-bar:not([hidden])")
    page.keyboard.press("Escape")
    page.wait_for_selector("#map-bar", state="hidden")


def test_the_map_is_looked_at_closely_and_keeps_what_is_selected(page, served):
    _, address = served
    page.goto(f"{address}map")
    page.wait_for_selector("#points .point")
    page.locator(".legend-row").first.click()
    words = page.inner_text("#map-words")
    width = "() => { const r = document.getElementById('points')._fullLayout.xaxis.range; return r[1] - r[0]; }"
    whole = page.evaluate(width)
    box = page.locator("#points").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -300)
    page.wait_for_function(f"(whole) => ({width})() < 0.95 * whole", arg=whole)
    page.wait_for_timeout(300)  # plotly says where a wheel led to a moment after it stopped
    wheeled = page.evaluate(width)
    page.keyboard.press("+")
    page.wait_for_function(f"(wheeled) => ({width})() < 0.95 * wheeled", arg=wheeled)
    page.check("[name=drag][value=pan]")
    page.check("[name=colour][value=doubt]")  # drawn anew, where one looks stays
    assert page.evaluate(width) < 0.95 * wheeled
    assert page.inner_text("#map-words") == words
    page.click("#map-all")
    page.wait_for_function(f"(whole) => Math.abs(({width})() - whole) < 1e-9", arg=whole)
    assert page.is_visible("#map-bar")


def test_export_shows_its_manifest_and_downloads(page, served):
    _, address = served
    page.goto(f"{address}export")
    page.wait_for_selector("#formats input")
    for box in page.locator("#formats input").all():
        box.set_checked(box.get_attribute("value") in ("csv", "log"))
    page.click("#write")
    page.wait_for_selector("#written:not([hidden])")
    with page.expect_download() as waiting:
        page.click("#download")
    archive = zipfile.ZipFile(io.BytesIO(waiting.value.path().read_bytes()))
    assert set(archive.namelist()) == {"labels.csv", "log.jsonl", "manifest.json"}
    page.click("summary")
    assert json.loads(archive.read("manifest.json")) == json.loads(page.inner_text("#manifest-whole"))


@pytest.mark.parametrize("width", [1280, 640, 390])
def test_targets_are_large_enough_and_nothing_overflows(page, served, width):
    page.set_viewport_size({"width": width, "height": 844})
    for address in [address for _, address, _ in SCREENS[1:]] + [f"/item#{served[0].items.id[0]}"]:
        page.goto(f"{served[1]}{address[1:]}")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        small = page.evaluate(
            """() => [...document.querySelectorAll("main button, main a, nav a, select")]
                .filter((one) => one.checkVisibility())
                .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
                .filter(([, box]) => Math.min(box.width, box.height) < 43.9).map(([words]) => words)"""
        )
        assert not small, address
