"""Take the pictures of the annotator that stand in the docs: ``python docs/screenshots.py``.

A person who knows the digits answers pages of the demo in a real Chromium; needs ``chromium`` on the path.
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
sys.path.append(str(ROOT / "tests" / "web"))

from browsing import Person, Server, chromium  # noqa: E402
from playwright.sync_api import Page  # noqa: E402

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
PAGES = 16


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
        if shown.mode == mode and named and 3 <= picked <= 9 and len(relations) == 15:
            person.select(shown)
            settle(page)
            page.screenshot(path=file)
            return
        person.answer()
    sys.exit(f"no page came for {file.name}; raise the number of pages")


def main() -> None:
    """Answer, name, and take the pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    kind_of = true_digits()
    with tempfile.TemporaryDirectory() as directory, chromium() as browser:
        server = Server(Path(directory) / "digits")
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 800}, device_scale_factor=1.5)
            page.goto(server.start())
            home = page.url
            person = Person(page, kind_of)
            for _ in range(PAGES):
                person.answer()
            person.wait_for_light("saved")
            page.goto(f"{home}groups")
            page.wait_for_selector(".card")
            name_groups(page, kind_of)
            page.goto(home)
            picture_of(page, person, "same", PICTURES / "annotator-page.png")
            person.answer()
            server.stop()
            # An oracle that knows the groups asks for the odd ones out.
            server.arguments = ("--demo", "--oracle", "guided-captcha")
            server.start()
            person.wait_for_light("saved")
            for _ in range(PAGES):
                person.answer()
            picture_of(page, person, "different", PICTURES / "annotator-odd.png")
            page.goto(f"{home}groups")
            page.wait_for_selector(".card")
            name_groups(page, kind_of)
            page.reload()
            page.wait_for_selector(".card")
            settle(page)
            page.screenshot(path=PICTURES / "annotator-groups.png")
        finally:
            server.kill()


if __name__ == "__main__":
    main()
