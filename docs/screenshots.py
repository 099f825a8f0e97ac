"""Take the pictures of the annotator that stand in the docs: ``python docs/screenshots.py``.

A person who knows the digits answers pages of the demo in a real Chromium, audits a few predictions and errs once;
then every screen is taken, light and dark, on a desktop and on a phone. Needs ``chromium`` on the path.
"""

import io
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
sys.path.append(str(ROOT / "tests" / "web"))

from browsing import Person, Server, chromium  # noqa: E402
from playwright.sync_api import Browser, Page, ViewportSize  # noqa: E402

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
PAGES = 24
AUDITED = 24
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
LOOKS: dict[str, tuple[ViewportSize, Literal["light", "dark"]]] = {
    "": (DESKTOP, "light"),
    "-dark": (DESKTOP, "dark"),
    "-phone": (PHONE, "light"),
    "-phone-dark": (PHONE, "dark"),
}


def true_digits() -> dict[str, object]:
    """Digit of each item of the demo."""
    from sklearn.datasets import load_digits

    from pal.datasets.digits import digits

    items, target = digits(), load_digits().target
    return {item: int(target[int(name.split()[-1])]) for item, name in zip(items.id, items.name, strict=True)}


def settle(page: Page) -> None:
    """Wait until pictures are painted and nothing moves."""
    page.wait_for_function("() => [...document.images].every((picture) => picture.complete)")
    page.wait_for_timeout(900)


def take(page: Page, file: Path) -> None:
    """Take a picture, and keep it small: the screens have few colours, of which the rare ones matter too."""
    from PIL import Image

    taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    taken.quantize(192, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(file, optimize=True)


def name_groups(page: Page, kind_of: dict[str, object]) -> None:
    """Name every group after the digit of its anchor, but the last: naming waits until a group is worth it."""
    cards = page.locator(".card").evaluate_all("(cards) => cards.map((card) => card.dataset.anchor)")
    for anchor in cards[:-1]:
        name = NAMES[int(str(kind_of[anchor]))]
        page.evaluate(
            """([anchor, name]) => fetch("/api/groups/rename", { method: "POST",
                headers: { "content-type": "application/json" }, body: JSON.stringify({ anchor, name }) })""",
            [anchor, name],
        )


def picture_of(page: Page, person: Person, mode: str, file: Path) -> None:
    """Answer pages until a good one of a mode comes, select on it, and take its picture."""
    for _ in range(60):
        shown = person.look()
        relations = list(person.truth(shown).values())
        picked = relations.count(1 if shown.mode == "same" else -1)
        named = page.locator("#group-name.unnamed").count() == 0
        if shown.mode == mode and named and 2 <= picked <= 9 and len(relations) == 15:
            person.select(shown)
            settle(page)
            take(page, file)
            return
        person.answer()
    sys.exit(f"no page came for {file.name}; raise the number of pages")


def post(page: Page, path: str, body: object) -> None:
    """Post as the page's scripts do."""
    status = page.evaluate(
        """async ([path, body]) => (await fetch(path, { method: "POST",
            headers: { "content-type": "application/json" }, body: JSON.stringify(body) })).status""",
        [path, body],
    )
    if status != 200:
        sys.exit(f"{path} said {status}")


def say(page: Page, kind: str, template: str, item: str, relation: int) -> None:
    """Answer one pair."""
    event = {"kind": "answered", "id": uuid.uuid4().hex, "time": time.time(), "page": kind, "mode": "same"}
    post(page, "/api/events", {"events": [event | {"template": template, "items": [item], "relations": [relation]}]})


def audit(page: Page, kind_of: dict[str, object]) -> None:
    """Answer the first of the random audit, rightly."""
    pairs = page.evaluate("async () => (await (await fetch('/api/review')).json()).audit")
    for pair in pairs[:AUDITED]:
        template, item = pair["a"]["id"], pair["b"]["id"]
        say(page, "audit", template, item, 1 if kind_of[template] == kind_of[item] else -1)


def contradict(page: Page) -> None:
    """Say of three items of one group what can't all be true: two links of "same" and one "different"."""
    groups = page.evaluate("async () => (await (await fetch('/api/groups')).json()).groups")
    members = page.evaluate(
        "async (anchor) => (await (await fetch(`/api/groups/${anchor}/members`)).json()).members", groups[0]["anchor"]
    )
    a, b, c = [member["id"] for member in members if member["source"] == "predicted"][:3]
    for one, other, relation in [(a, b, 1), (b, c, 1), (b, c, 1), (a, c, -1), (a, c, -1)]:
        say(page, "check", one, other, relation)


def gather(page: Page, kind_of: dict[str, object]) -> None:
    """Invite a few people, and mark gold what answers have settled rightly."""
    for name, role in [("Ann Lee", "reviewer"), ("Ben Okafor", "annotator"), ("Cem Yilmaz", "annotator")]:
        post(page, "/api/team/invite", {"name": name, "role": role})
    groups = page.evaluate("async () => (await (await fetch('/api/groups')).json()).groups")
    for group in groups[:5]:
        members = page.evaluate(
            "async (anchor) => (await (await fetch(`/api/groups/${anchor}/members`)).json()).members", group["anchor"]
        )
        sure = [member["id"] for member in members if member["source"] == "told" and member["id"] != group["anchor"]]
        right = [item for item in sure if kind_of[item] == kind_of[group["anchor"]]]
        if right:
            post(page, "/api/team/gold", {"item": right[0]})


def to_groups(page: Page, home: str, kind_of: dict[str, object]) -> None:
    """Open the groups and name them."""
    page.goto(f"{home}groups")
    page.wait_for_selector(".card")
    name_groups(page, kind_of)


def deduced(page: Page) -> str:
    """An item whose label is deduced."""
    found: str = page.evaluate(
        """async () => {
            const { groups } = await (await fetch("/api/groups")).json();
            for (const { anchor } of groups) {
                const { members } = await (await fetch(`/api/groups/${anchor}/members`)).json();
                const found = members.find(({ source }) => source === "deduced");
                if (found) return found.id;
            }
            return groups[0].anchor;
        }"""
    )
    return found


def walk(browser: Browser, page: Page, home: str, item: str) -> None:
    """Take every screen, in every look."""
    for look, (size, colours) in LOOKS.items():
        context = browser.new_context(
            viewport=size,
            color_scheme=colours,
            reduced_motion="reduce",
            storage_state=page.context.storage_state(),
            device_scale_factor=1.5 if size is DESKTOP else 2,
            has_touch=size is PHONE,
        )
        shown = context.new_page()
        for name, address, ready in [
            ("page", "", ".tile"),
            ("groups", "groups", ".card"),
            ("review", "review#contradictions", ".chain"),
            ("audit", "review#audit", ".asking"),
            ("item", f"item#{item}", ".answer"),
            ("map", "map", ".legend-row"),
            ("progress", "progress", "#people tr"),
            ("export", "export", "#formats input"),
            ("team", "team", "#people tr"),
            ("guide", "", ".tile"),
        ]:
            shown.goto(f"{home}{address}")
            shown.wait_for_selector(ready)
            if name == "export":
                shown.click("#write")
                shown.wait_for_selector("#written:not([hidden])", timeout=120_000)
            settle(shown)
            if name == "guide":
                shown.keyboard.press("?")
                shown.evaluate("document.getElementById('help-keys').open = false")
            if (name, look) != ("page", ""):  # that one is taken with tiles selected
                take(shown, PICTURES / f"annotator-{name}{look}.png")
        context.close()


def main() -> None:
    """Answer, name, and take the pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    kind_of = true_digits()
    with tempfile.TemporaryDirectory() as directory, chromium() as browser:
        server = Server(Path(directory) / "digits", ("--demo", "--oracle", "captcha"))
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 800}, device_scale_factor=1.5)
            page.goto(server.start())
            home = page.url
            person = Person(page, kind_of)
            for _ in range(PAGES):
                person.answer()
            person.wait_for_light("saved")
            to_groups(page, home, kind_of)
            page.goto(home)
            picture_of(page, person, "same", PICTURES / "annotator-page.png")
            person.answer()
            person.wait_for_light("saved")
            audit(page, kind_of)
            contradict(page)
            gather(page, kind_of)
            to_groups(page, home, kind_of)
            walk(browser, page, home, deduced(page))
            server.stop()
            # An oracle that knows the groups asks for the odd ones out.
            server.arguments = ("--demo", "--oracle", "guided-captcha")
            server.start()
            page.goto(home)
            person.wait_for_light("saved")
            picture_of(page, person, "different", PICTURES / "annotator-odd.png")
        finally:
            server.kill()


if __name__ == "__main__":
    main()
