"""Every screen through axe-core, light and dark, on a desktop and on a phone: no violation of any of its rules.

axe-core (MPL-2.0) comes with a development package and is never part of PAL.
"""

import importlib.resources
import itertools
import shutil

import pytest

pytest.importorskip("playwright")
pytest.importorskip("axe_playwright_python")

from browsing import new_context, serving

from pal.project import Project
from pal.project.review import against
from pal.store.accounts import Accounts
from pal.store.events import Answered
from pal.web.app import create_app
from pal.web.pages import SCREENS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium on the path; apt install chromium"),
]

SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
AXE = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js")
CHECK = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations.flatMap(
    ({ id, help, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${help}\\n${html}\\n${failureSummary}`))"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Some pages answered by two people, a name, a contradiction: every part of every screen has something to show."""
    with Project.create_or_open("digits", tmp_path_factory.mktemp("web") / "digits.pal", oracle="captcha") as project:
        for number in range(6):
            project.settle()  # the same pages every time
            page = project.page("person")
            relations = tuple(1 if i % 3 == 0 else -1 for i in range(len(page.tiles)))
            about = {"template": page.template.id, "items": tuple(tile.id for tile in page.tiles), "seconds": 8.0}
            project.record([Answered(labeler="person", page=page.id, relations=relations, **about)])
            if number < 2:
                project.record(
                    [Answered(labeler="bob", page=page.id, relations=(-relations[0], *relations[1:]), **about)]
                )
        a, b, c = project.items.id[:3]
        for one, other, relation in [(a, b, 1), (b, c, 1), (b, c, 1), (a, c, -1), (a, c, -1)]:
            project.record([Answered(labeler="bob", page="check", template=one, items=(other,), relations=(relation,))])
        project.rename(project.groups()[0].anchor, "first", "person")
        project.settle()
        project.store.set_meta("welcomed owner", "1")  # or the guide covers the tiles; it is opened below
        with serving(create_app(project, token=None)) as address:
            yield project, address


@pytest.fixture(params=[(theme, size) for theme in ("light", "dark") for size in SIZES], ids="-".join)
def page(request, browser):
    theme, size = request.param
    # Only for axe itself, which the policy of the screens would not let in.
    context = new_context(
        browser,
        viewport=SIZES[size],
        color_scheme=theme,
        reduced_motion="reduce",
        bypass_csp=True,
        has_touch=size == "phone",
    )
    yield context.new_page()
    context.close()


def violations(page):
    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(AXE.read_text())
    return page.evaluate(CHECK)


def test_every_screen(page, served):
    project, address = served
    found = {}
    for place in [place for _, place, _ in SCREENS] + [f"/item#{project.items.id[0]}"]:
        page.goto(f"{address}{place[1:]}")
        page.wait_for_load_state("networkidle")
        page.wait_for_selector("main")
        found |= {place: wrong} if (wrong := violations(page)) else {}
    assert not found, "\n\n".join(f"{place}\n" + "\n".join(wrong) for place, wrong in found.items())


def test_dialogs_and_marks(page, served):
    _, address = served
    page.goto(address)
    page.wait_for_selector(".tile")
    found = []
    for tile, how in ((0, []), (1, ["Shift"])):
        page.locator(".tile").nth(tile).click(modifiers=how)
    found += violations(page)
    for key, shown in (("?", "#help[open]"), ("n", "#naming[open]")):
        page.keyboard.press(key)
        page.wait_for_selector(shown)
        found += violations(page)
        page.keyboard.press("Escape")
        page.wait_for_selector(shown, state="hidden")
    hold(page, 2)
    found += violations(page)
    page.keyboard.press("Escape")
    page.wait_for_selector("#enlarged", state="hidden")
    assert not found, "\n".join(found)


def hold(page, position):
    """Press and hold a tile until it is shown large; a finger leaves it open, with what can be said of it."""
    if not page.evaluate("() => navigator.maxTouchPoints"):
        page.locator(".tile").nth(position).click(modifiers=["Alt"])
        page.wait_for_selector("#enlarged[open]")
        return
    box = page.locator(".tile").nth(position).bounding_box()
    devtools = page.context.new_cdp_session(page)
    devtools.send(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": box["x"] + 9, "y": box["y"] + 9}]}
    )
    page.wait_for_selector("#enlarged[open]")
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_selector("#enlarged-choices:not([hidden])")


def test_the_question_before_a_merge(page, served):
    project, address = served
    page.goto(f"{address}groups")
    page.wait_for_selector(".card input")
    now, row = project.now(), project.items.row
    anchors = [group.anchor for group in project.groups()]
    held_apart = next(
        (a, b) for a, b in itertools.combinations(anchors, 2) if against(project.items, now, row[a], row[b], limit=1)[1]
    )
    for anchor in held_apart:
        page.locator(f'.card[data-anchor="{anchor}"] input').check()
    page.click("#merge")
    page.wait_for_selector("#confirm[open] .against li")
    wrong = violations(page)
    page.keyboard.press("Escape")
    page.wait_for_selector("#confirm", state="hidden")
    assert not wrong, "\n".join(wrong)


def test_the_pages_of_those_who_are_not_signed_in(page, served):
    project, _ = served
    with serving(create_app(project, token="a-token-that-is-long-enough")) as address:
        page.goto(address)
        page.wait_for_selector("body")
        wrong = violations(page)
        assert not wrong, "\n".join(wrong)


def test_the_question_before_a_removal_and_the_page_behind_a_link(page, served):
    project, _ = served
    accounts = Accounts(project.store)
    with serving(create_app(project, token=None, accounts=accounts)) as address:
        page.goto(f"{address}team")
        page.fill("#invite-name", "Ann Lee")
        page.click("#invite-form button")
        page.wait_for_selector("#link-made:not([hidden])")
        query = page.input_value("#link").partition("?")[2]
        wrong = violations(page)
        page.click("#people >> text=Remove")
        page.wait_for_selector("#sure[open]")
        wrong += violations(page)
        page.click("#sure-no")
        page.wait_for_selector("#sure", state="hidden")
    with serving(create_app(project, token="a-token-that-is-long-enough", accounts=accounts)) as address:
        page.goto(f"{address}?{query}")
        page.wait_for_selector("#join.button")
        wrong += violations(page)
    assert not wrong, "\n".join(wrong)
