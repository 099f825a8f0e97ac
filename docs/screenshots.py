"""Take the pictures of the annotator that stand in the docs: ``python docs/screenshots.py``.

A person who knows the digits answers pages of the demo in a real Chromium, audits a few predictions and errs once;
then every screen is taken, light and dark, on a desktop and on a phone. A page of texts, one of sounds, one of rows of
a table and one of vectors follow. ``python docs/screenshots.py kinds`` takes those alone. Needs ``chromium`` on the
path.
"""

import csv
import io
import sys
import tempfile
import time
import uuid
import wave
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
sys.path += [str(ROOT), str(ROOT / "tests" / "web")]

from browsing import Person, chromium  # noqa: E402
from playwright.sync_api import Browser, Page, ViewportSize  # noqa: E402

from benchmarks._serving import Server  # noqa: E402

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
    colours = taken.getcolors(taken.width * taken.height) or []
    common = [value for _, colour in sorted(colours, reverse=True)[:24] for value in colour]  # type: ignore[union-attr]
    rare = taken.quantize(232, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*common, *rare][:768])
    taken.quantize(palette=palette, dither=Image.Dither.NONE).save(file, optimize=True)


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
            ("map", "map", "#points .point"),
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


SUBJECTS = [
    ["Where is my parcel?", "My order hasn't come yet", "When will the parcel arrive?", "It never came"],
    ["Can I pay by invoice?", "My card was charged twice", "How do I pay by card?", "My refund is missing"],
    ["I forgot my password", "I can't log in to my account", "The reset link doesn't work", "The code never arrives"],
]  # fmt: skip
WAYS = ["", " Please help.", " It is urgent.", " Thank you!", " I wrote about this last week.", " Order 2041."]


def write_texts(home: Path) -> list[str]:
    """Letters to a shop."""
    texts = [f"{text}{way}" for subject in SUBJECTS for text in subject for way in WAYS]
    with (home / "letters.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["text"], *([text] for text in texts)])
    return [str(home / "letters.csv")]


def write_sounds(home: Path) -> list[str]:
    """Tones, pulses and hisses."""
    import numpy as np

    rng = np.random.default_rng(0)
    (home / "sounds").mkdir()
    t = np.arange(16_000) / 16_000
    for i in range(36):
        tone = np.sin(2 * np.pi * 110 * (2 + i / 3) * t)
        made = [tone, tone * np.exp(-8 * (t % 0.25)), rng.normal(size=len(t)) * (t % (0.2 + 0.1 * (i % 4))) / 0.3][
            i % 3
        ]
        with wave.open(str(home / "sounds" / f"{i:02d}.wav"), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes((9_000 * made / np.abs(made).std()).clip(-32_767, 32_767).astype("<i2").tobytes())
    return [str(home / "sounds")]


def write_rows(home: Path) -> list[str]:
    """The irises, and their measures as a table beside them."""
    import numpy as np
    from sklearn.datasets import load_iris

    found = load_iris()
    np.save(home / "iris.npy", found.data)
    names = [name.removesuffix(" (cm)") for name in found.feature_names]
    with (home / "iris.csv").open("w", newline="") as file:
        csv.writer(file).writerows([names, *found.data.tolist()])
    return [str(home / "iris.npy"), "--table", str(home / "iris.csv")]


def write_vectors(home: Path) -> list[str]:
    """What was measured of wines, with nothing to look at."""
    import numpy as np
    from sklearn.datasets import load_wine

    x = load_wine().data
    np.save(home / "wines.npy", (x - x.mean(axis=0)) / x.std(axis=0))
    return [str(home / "wines.npy")]


def walk_kinds(browser: Browser) -> None:
    """A page of each kind of items that isn't pictures."""
    for name, write in [
        ("texts", write_texts),
        ("sounds", write_sounds),
        ("rows", write_rows),
        ("vectors", write_vectors),
    ]:
        with tempfile.TemporaryDirectory() as directory:
            server = Server(Path(directory) / f"{name}.pal", (*write(Path(directory)), "--oracle", "captcha"))
            try:
                page = browser.new_page(viewport=DESKTOP, device_scale_factor=1.5, reduced_motion="reduce")
                page.set_default_timeout(120_000)
                page.goto(server.start())
                page.wait_for_selector("#help[open]")
                page.click("#help-close")
                page.wait_for_selector(".tile")
                settle(page)
                take(page, PICTURES / f"annotator-{name}.png")
                page.close()
            finally:
                server.kill()


def main() -> None:
    """Answer, name, and take the pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    if sys.argv[1:] == ["kinds"]:
        with chromium() as browser:
            walk_kinds(browser)
        return
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
        walk_kinds(browser)


if __name__ == "__main__":
    main()
