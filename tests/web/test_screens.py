"""What is on screen, in a real Chromium, one behaviour a test; the long way is in test_browser.py."""

import json
import shutil
from functools import partial

import numpy as np
import pytest

pytest.importorskip("playwright")

from browsing import KEYS, Person, is_ours, new_context, serving, wait_until

from pal.project import Project
from pal.store.events import Answered, Flagged, Retracted
from pal.web.app import create_app

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium on the path; apt install chromium"),
]

COUNTS = ["n_items", "told", "deduced", "predicted"]
NASTY = "<img src=x onerror=\"document.title='taken'\">"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One project of digits and its address, for all tests here."""
    project = Project.create_or_open("digits", tmp_path_factory.mktemp("web") / "digits.pal", seed=0)
    project.store.set_meta("welcomed owner", "1")  # what comes up first has a test of its own
    with serving(create_app(project, token=None)) as address:
        yield project, address
    project.close()


@pytest.fixture
def context(browser):
    made = new_context(browser, viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    yield made
    made.close()


@pytest.fixture
def page(context, shared):
    _, address = shared
    made = context.new_page()
    errors = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    made.on("console", lambda message: errors.append(message.text) if complains(message) else None)
    made.goto(address)
    made.wait_for_selector(".tile")
    yield made
    assert not errors  # the content security policy complains here too


def complains(message):
    """An error of ours, but for a connection that a test cut itself."""
    return is_ours(message) and "net::ERR" not in message.text


def marks(page):
    return page.locator(".tile").evaluate_all("(tiles) => tiles.map((tile) => tile.dataset.mark)")


def only(position, mark):
    return [mark if other == position else "" for other in range(15)]


def log(shared):
    return [event for _, event in shared[0].store.read_after(0)]


def test_keys_toggle_by_place_and_say_so(page):
    for position, key in enumerate(KEYS):
        page.keyboard.press(key)
        assert marks(page) == only(position, "selected")
        tile = page.locator(".tile").nth(position)
        assert tile.get_attribute("aria-selected") == "true"
        assert tile.locator(".badge").is_visible()  # a tick, not only a colour
        page.keyboard.press(key)
        assert marks(page) == [""] * 15


def test_unsure_invert_and_focus(page):
    page.keyboard.press("Shift+KeyW")
    assert marks(page) == only(1, "unsure")
    page.keyboard.press("KeyI")
    assert marks(page) == ["unsure" if position == 1 else "selected" for position in range(15)]
    page.keyboard.press("KeyI")
    page.keyboard.press("Shift+KeyW")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    focused = page.evaluate("document.activeElement.dataset.position")
    assert focused == "5"
    page.keyboard.press("KeyJ")
    assert marks(page) == only(5, "selected")


def test_a_held_key_enlarges_and_does_not_toggle(page):
    page.keyboard.down("KeyA")
    page.wait_for_selector("#enlarged[open]")
    page.keyboard.up("KeyA")
    page.wait_for_selector("#enlarged", state="hidden")
    assert marks(page) == [""] * 15
    page.keyboard.press("Alt+KeyA")
    page.wait_for_selector("#enlarged[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("#enlarged", state="hidden")
    assert marks(page) == [""] * 15


def test_flag_and_take_it_back(page, shared):
    before = len(log(shared))
    item = page.locator(".tile").nth(2).get_attribute("data-item")
    page.keyboard.press("KeyK")
    page.keyboard.press("KeyK")
    page.keyboard.press("KeyE")
    assert marks(page) == only(2, "flagged")
    page.keyboard.press("KeyE")
    assert marks(page) == [""] * 15
    wait_until(page, lambda: len(log(shared)) >= before + 2)
    flagged, retracted = log(shared)[-2:]
    assert isinstance(flagged, Flagged)
    assert (flagged.item, flagged.reason) == (item, "broken")
    assert isinstance(retracted, Retracted)
    assert retracted.event == flagged.id


@pytest.mark.parametrize(("key", "note"), [("Escape", "skipped"), ("KeyU", "unclear")])
def test_skip_and_unclear_say_nothing_about_the_tiles(page, shared, key, note):
    before = log(shared)[-1:]
    page.keyboard.press("KeyQ")
    page.keyboard.press(key)
    wait_until(page, lambda: log(shared)[-1:] != before)
    event = log(shared)[-1]
    assert isinstance(event, Answered)
    assert event.note == note
    assert set(event.relations) == {0}


def test_mouse_toggles_and_space_after_a_click_is_still_done(page):
    page.locator(".tile").nth(6).click()
    assert marks(page) == only(6, "selected")
    page.click("#invert")
    first = page.locator(".tile").first.get_attribute("data-item")
    page.keyboard.press("Space")
    # The next page may still be on its way; a second inversion would leave the first one there for ever.
    page.wait_for_function("(first) => document.querySelector('.tile').dataset.item !== first", arg=first)


def test_two_tabs_show_different_pages(page, context, shared):
    other = context.new_page()
    other.goto(shared[1])
    other.wait_for_selector(".tile")
    ids = "(tiles) => tiles.map((tile) => tile.dataset.item)"
    assert not set(page.locator(".tile").evaluate_all(ids)) & set(other.locator(".tile").evaluate_all(ids))


def test_help_and_colours(page):
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#help").is_hidden()
    paper = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(paper)
    page.click("#theme")
    after = page.evaluate(paper)
    assert before != after
    page.reload()
    assert page.evaluate(paper) == after


def test_the_two_modes_differ_in_colour_and_words(browser, shared):
    seen = {}
    for mode in ("same", "different"):
        page = new_context(browser).new_page()
        page.route("**/api/page*", partial(with_mode, mode))
        page.goto(shared[1])
        page.wait_for_selector(f"#desk[data-mode={mode}] .tile")
        colour = page.evaluate("getComputedStyle(document.getElementById('done')).backgroundColor")
        page.keyboard.press("?")  # what to do is said for the kind of page in front
        picked = page.locator(".guide-tile[data-mark=selected] >> visible=true")
        example = [tile.get_attribute("aria-label") for tile in picked.all()]
        step = page.inner_text(".guide-steps li >> nth=0")
        page.keyboard.press("Escape")
        page.keyboard.press("KeyQ")
        seen[mode] = (
            colour,
            example,
            step,
            page.inner_text("#mode-title"),
            page.inner_text("#mode-words"),
            page.inner_text("#done-words"),
        )
        page.unroute_all(behavior="wait")  # pages are still being loaded ahead
        page.context.close()
    assert all(one != other for one, other in zip(*seen.values(), strict=True))
    assert (seen["same"][3], seen["different"][3]) == ("Pick the same", "Pick the odd ones out")
    assert set(seen["same"][1]) == {"The same kind: selected"}
    assert set(seen["different"][1]) == {"Another kind: selected"}


def with_mode(mode, route):
    reply = route.fetch()
    body = reply.json()
    body["page"]["mode"] = mode
    route.fulfill(response=reply, json=body)


@pytest.mark.parametrize(
    ("width", "height", "in_sight"), [(1280, 800, 15), (640, 400, 10), (667, 375, 10), (844, 390, 10), (390, 844, 9)]
)
def test_targets_are_large_enough_and_nothing_overflows(page, width, height, in_sight):
    page.set_viewport_size({"width": width, "height": height})  # 640 × 400: 1280 × 800 at 200 %
    sizes = page.locator("button:visible, nav a:visible, .tile").evaluate_all(
        "(all) => all.map((one) => one.getBoundingClientRect()).map(({ width, height }) => [width, height])"
    )
    assert min(min(size) for size in sizes) >= 44
    uncovered = page.locator(".tile").evaluate_all(
        """(tiles) => tiles.filter((tile) => {
            const { left, top, width, height } = tile.getBoundingClientRect();
            return document.elementFromPoint(left + width / 2, top + height / 2)?.closest(".tile") === tile;
        }).length"""
    )
    assert uncovered >= in_sight, "a page whose tiles are covered can't be looked over"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_phone_taps(browser, shared):
    context = new_context(browser, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(shared[1])
    page.wait_for_selector(".tile")
    page.locator(".tile").nth(4).tap()
    assert [position for position, mark in enumerate(marks(page)) if mark] == [4]
    page.locator("#done").tap()
    page.wait_for_selector("#light[data-state=saved]")
    page.wait_for_function("() => !document.querySelector('.tile[data-mark]:not([data-mark=\"\"])')")
    context.close()


@pytest.fixture
def phone(browser, shared):
    """A page on a phone with the tiles in front, and a finger that presses and holds a tile."""
    context = new_context(
        browser, viewport={"width": 390, "height": 700}, has_touch=True, is_mobile=True, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(shared[1])
    page.wait_for_selector(".tile")
    devtools = context.new_cdp_session(page)

    def hold(position):
        box = page.locator(".tile").nth(position).bounding_box()
        finger = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        devtools.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [finger]})
        page.wait_for_selector("#enlarged[open]")
        devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    yield page, hold
    context.close()


def test_on_a_phone_press_and_hold_opens_a_tile_that_can_be_called_unsure(phone):
    page, hold = phone
    pick, unsure = (page.locator("#enlarged-choices button").nth(number) for number in range(2))
    for mark, button in [("unsure", unsure), ("", unsure), ("selected", pick), ("unsure", unsure)]:
        hold(4)
        button.tap()  # it is still open after the finger is up
        page.wait_for_selector("#enlarged", state="hidden")
        assert marks(page) == only(4, mark)
    hold(4)
    assert page.locator("#enlarged-choices button[aria-pressed=true]").inner_text() == "Unsure"
    page.locator("#enlarged-body").tap()
    page.wait_for_selector("#enlarged", state="hidden")
    assert marks(page) == only(4, "unsure")


def test_on_a_phone_the_template_stays_in_sight_and_a_new_page_begins_at_its_top(phone):
    page, _ = phone
    top = "document.getElementById('template').getBoundingClientRect().top"
    page.locator(".tile").last.scroll_into_view_if_needed()
    assert page.evaluate("scrollY") > 0
    assert page.evaluate(top) >= 0
    first = page.locator(".tile").first
    before = first.get_attribute("data-item")
    page.locator(".tile").last.tap()
    page.locator("#done").tap()
    page.wait_for_function("(before) => document.querySelector('.tile')?.dataset.item !== before", arg=before)
    page.wait_for_selector("#desk:not([hidden]) .tile")
    bottom = page.evaluate("document.querySelector('.asked').getBoundingClientRect().bottom")
    assert page.evaluate(top) >= 0
    assert first.bounding_box()["y"] >= bottom - 1


def test_a_second_press_of_done_is_not_meant_for_the_next_page(page, shared):
    page.wait_for_function(
        """() => Object.keys(localStorage).some((key) => key.endsWith("/open")
            && JSON.parse(localStorage.getItem(key)).ahead.length >= 2)"""
    )
    before = len(log(shared))
    after = page.evaluate(
        """() => {
            const tile = () => document.querySelector(".tile").dataset.item;
            const done = document.getElementById("done");
            const seen = [tile()];
            for (const act of [() => {}, () => done.click(), () => document.querySelector(".tile").click()]) {
                act();
                done.click();
                seen.push(tile());
            }
            return seen;
        }"""
    )
    # Turned; not turned twice more; turned, for something was selected.
    assert after[0] != after[1] == after[2] != after[3]
    wait_until(page, lambda: len(log(shared)) >= before + 2)
    page.wait_for_selector("#light[data-state=saved]")
    assert len(log(shared)) == before + 2


def test_counts_never_go_back_when_an_earlier_reply_comes_later(page, shared, digits):
    ahead = """(least) => Object.keys(localStorage).some((key) => key.endsWith("/open")
        && JSON.parse(localStorage.getItem(key)).ahead.length >= least)"""
    page.wait_for_function(ahead, arg=2)
    page.wait_for_load_state("networkidle")
    before = shared[0].progress().pages
    held, posted = [], []
    page.route("**/api/page*", lambda route: held.append((route, route.fetch())))
    page.route("**/api/events", lambda route: posted.append(route))
    Person(page, digits).answer()
    wait_until(page, lambda: held and posted)  # the next page was chosen before the answer is written
    posted.pop().continue_()
    page.wait_for_selector("#light[data-state=saved]")
    assert page.inner_text("#pages-done") == str(before + 1)
    page.unroute("**/api/page*")
    route, reply = held.pop()
    route.fulfill(response=reply)
    page.wait_for_function(ahead, arg=2)
    assert page.inner_text("#pages-done") == str(before + 1)


def test_offline_for_three_pages_reload_reconnect_is_three_answers(page, context, shared, digits):
    person = Person(page, digits)
    page.wait_for_function(
        """() => Object.keys(localStorage).some((key) => key.endsWith("/open")
            && JSON.parse(localStorage.getItem(key)).ahead.length >= 2)"""
    )
    before = len(log(shared))
    page.route("**/api/**", lambda route: route.abort())
    for _ in range(3):
        person.answer()
    person.wait_for_light("offline")
    page.wait_for_selector("#notice:not([hidden])")
    page.reload()
    person.wait_for_light("offline")
    assert len(log(shared)) == before
    assert "3 answers are kept in this browser" in page.inner_text("#notice-words")
    page.unroute("**/api/**")
    page.route("**/api/page*", lambda route: None)  # the server is back, but its first page takes a while
    person.wait_for_light("saved")
    assert page.inner_text("#notice-title") == "Getting the next page"
    assert "kept" not in page.inner_text("#notice-words")
    said = [(event.template, dict(zip(event.items, event.relations, strict=True))) for event in log(shared)[before:]]
    assert said == person.said


def test_names_and_texts_with_markup_stay_text(tmp_path, context):
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(60, 8)))
    rows = [{"name": f"{i:02d} {NASTY}", "text": f"text {i} {NASTY}"} for i in range(60)]
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    project = Project.create_or_open(tmp_path / "rows.npy", tmp_path / "rows.pal", seed=0)
    project.store.set_meta("welcomed owner", "1")
    try:
        with serving(create_app(project, token=None)) as address:
            page = context.new_page()
            page.goto(address)
            page.wait_for_selector(".tile")
            assert NASTY in page.locator(".tile").first.inner_text()
            page.keyboard.press("KeyN")
            page.keyboard.type(NASTY)
            page.keyboard.press("Enter")
            assert page.inner_text("#group-name") == NASTY
            page.wait_for_selector("#light[data-state=saved]")
            page.goto(f"{address}groups")
            page.wait_for_selector(".card")
            assert page.locator(".card img, .tile img").count() == 0
            assert "taken" not in page.title()
    finally:
        project.close()


@pytest.fixture
def newcomer(browser, shared):
    """A page of a server that keeps accounts, and a function that signs a person in."""
    from pal.store.accounts import Accounts
    from pal.web.invitations import Invitations
    from pal.web.sessions import INVITE_KEY, load_secret

    project, _ = shared
    accounts = Accounts(project.store)
    made = new_context(browser, viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page = made.new_page()
    with serving(create_app(project, token="a-token-that-is-long-enough", accounts=accounts)) as address:

        def join(name, role="annotator"):
            account, word = accounts.invite(name, role)
            link = Invitations(load_secret(project.directory / INVITE_KEY)).sign(account.key, word)
            made.clear_cookies()
            page.goto(f"{address}?invite={link}")
            page.click("#join")
            return page

        yield join
    made.close()


def test_a_newcomer_reads_what_to_do_once(newcomer):
    page = newcomer("Ann")
    page.wait_for_selector("#help[open]")
    assert page.locator("#help .guide-rule").inner_text()
    assert page.locator(".guide-tile[data-mark=selected] >> visible=true").count() == 2
    assert page.evaluate("document.activeElement.id") == "help-close"
    page.keyboard.press("KeyQ")  # the page behind has its keys when this is closed
    with page.expect_response("**/api/welcomed"):
        page.keyboard.press("Enter")
    page.wait_for_selector(".tile")
    assert page.locator("#help").is_hidden()
    assert marks(page) == [""] * len(marks(page))
    page.keyboard.press("KeyQ")
    assert marks(page)[0] == "selected"
    page.reload()
    page.wait_for_selector(".tile")
    assert page.locator("#help").is_hidden()
    page.keyboard.press("?")
    assert page.locator("#help .keys").is_visible()
    page.keyboard.press("Escape")


def test_those_who_may_not_name_are_not_shown_how(newcomer):
    page = newcomer("Bea")
    page.wait_for_selector("#help[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector(".tile")
    assert page.locator("#name-button").count() == 0
    page.keyboard.press("KeyN")
    assert page.locator("dialog[open]").count() == 0
    assert "KeyN" not in page.locator(".keys").inner_html()


def test_answers_that_wait_belong_to_who_gave_them(newcomer, shared):
    """Two people share a browser: what one said offline isn't sent under the other's name, and isn't lost."""
    page = newcomer("Cem")
    page.wait_for_selector("#help[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector(".tile")
    page.route("**/api/events", lambda route: route.abort())
    page.keyboard.press("KeyQ")
    page.keyboard.press("Space")
    page.wait_for_selector("#light[data-state=offline]")
    page.unroute("**/api/events")
    cem = page.context.cookies()
    before = len(log(shared))
    newcomer("Dee")
    page.wait_for_selector("#help[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector(".tile")
    page.keyboard.press("Space")
    wait_until(page, lambda: len(log(shared)) > before)
    page.wait_for_selector("#light[data-state=saved]")
    assert {event.labeler for event in log(shared)[before:]} == {"Dee"}
    page.context.clear_cookies()
    page.context.add_cookies(cem)
    page.reload()
    wait_until(page, lambda: log(shared)[-1].labeler == "Cem")
    assert [event.labeler for event in log(shared)[before:]].count("Cem") == 1


def test_a_link_is_made_withdrawn_and_the_rule_changed_on_the_team_screen(context, shared):
    from pal.store.accounts import Accounts

    project, _ = shared
    with serving(create_app(project, token=None, accounts=Accounts(project.store))) as address:
        page = context.new_page()
        page.goto(f"{address}team")
        page.fill("#invite-name", "Flo <b>")
        page.check("input[value=reviewer]")
        page.click("text=Make a link")
        page.wait_for_selector("#link-made:not([hidden])")
        link = page.input_value("#link")
        assert link.startswith(f"{address}?invite=")
        row = page.locator("#people tr", has_text="Flo <b>")
        assert row.locator("select").input_value() == "reviewer"
        assert Accounts(project.store).invited() >= {"Flo <b>"}
        row.get_by_text("Withdraw link").click()
        page.wait_for_selector("#link-made", state="hidden")
        assert "Flo <b>" not in Accounts(project.store).invited()
        row.get_by_text("Remove").click()
        page.click("#sure-yes")
        row.wait_for(state="detached")
        page.fill("#rule", "Same <i>bird</i>?")
        page.fill("#classes", "red kite\n\n <b>kestrel</b> \nred kite")
        page.click("#rule-form button")
        page.wait_for_selector("#toast:not([hidden])")
        page.goto(address)
        page.wait_for_selector(".tile")
        assert page.locator("#rule").inner_text() == "Same <i>bird</i>?"
        assert page.locator(".guide-rule").text_content() == "Same <i>bird</i>?"
        page.keyboard.press("n")
        page.wait_for_selector("#naming[open]")
        offered = page.locator("#naming-known option").evaluate_all("(all) => all.map((one) => one.value)")
        assert offered == ["red kite", "<b>kestrel</b>"]
        page.goto(f"{address}team")
        page.wait_for_function("() => document.getElementById('classes').value")
        assert page.input_value("#classes") == "red kite\n<b>kestrel</b>"


@pytest.mark.parametrize(
    ("screen", "asked", "nothing", "shown"),
    [
        ("groups", "**/api/groups", {"groups": [], "progress": dict.fromkeys(COUNTS, 0)}, ".card"),
        ("map", "**/api/map", {"id": [], "n_items": 0}, ".legend-row"),
    ],
)  # fmt: skip
def test_a_screen_that_is_opened_before_the_first_model_fills_itself(page, shared, screen, asked, nothing, shown):
    asks = []

    def reply(route):
        asks.append(route)
        if len(asks) == 1:
            route.fulfill(json=nothing)
        else:
            route.continue_()

    page.route(asked, reply)
    page.goto(f"{shared[1]}{screen}")
    page.wait_for_selector(shown)
    assert len(asks) == 2
