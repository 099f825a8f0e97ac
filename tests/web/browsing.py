"""What browser tests, the screenshots and the latency benchmark share: a real server, a real Chromium, and a person
who knows the digits and answers by keyboard.
"""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from benchmarks._serving import free_port

# Chromium in a container, without the services that a desktop would have.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--metrics-recording-only",
    "--mute-audio",
    "--no-first-run",
]
KEYS = [f"Key{letter}" for letter in "QWERTASDFGZXCVB"]

READ = "#desk:not([data-unread])"
"""A page that may be answered without a mark: it has been in front for a moment."""

PATIENCE = 180.0
"""Seconds until a wait is taken for a hang; a busy machine may need many of them."""

# A key or a finger is held from 420 ms on. A busy machine may take as long between the down and the up of a press.
# A page is unread for 350 ms, which the hundreds of pages of a test need not wait for.
SLOW_TO_HOLD = """{
    const plain = window.setTimeout;
    const other = { 420: 2500, 350: 0 };
    window.setTimeout = (act, wait, ...more) => plain(act, other[wait] ?? wait, ...more);
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        try:
            yield browser
        finally:
            browser.close()


def new_context(browser: Browser, **how: Any) -> BrowserContext:
    """Browser windows for tests: what is slow because the machine is busy isn't taken for wrong."""
    context = browser.new_context(**how)
    context.set_default_timeout(1000 * PATIENCE)
    context.add_init_script(SLOW_TO_HOLD)
    return context


def is_ours(message: ConsoleMessage) -> bool:
    """Whether a message of the console is of an error of ours: plotly has a style that isn't let in, nor needed."""
    return message.type == "error" and not message.location["url"].endswith("/plotly/plotly.min.js")


def wait_until(page: Page, true: Callable[[], bool]) -> None:
    """Wait until something outside of the page is so; the page goes on meanwhile."""
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"it never came to that within {PATIENCE:.0f} s")
        page.wait_for_timeout(20)


@dataclass
class Shown:
    """The page on screen: item ids, their names, the mode."""

    template: str
    items: list[str]
    mode: str
    marks: list[str]


@dataclass
class Person:
    """Somebody at the keyboard who knows the kind of every item, by its name; remembers what they answered."""

    page: Page
    kind_of: dict[str, object]
    said: list[tuple[str, dict[str, int]]] = field(default_factory=list)
    pause: float = 0.0
    """Milliseconds between two keys."""

    def look(self) -> Shown:
        """Read the page in front; whoever is new reads what to do first."""
        self.page.wait_for_selector("#help[open], #desk:not([hidden]) .tile")
        if self.page.locator("#help[open]").count():
            self.page.click("#help-close")
        self.page.wait_for_selector("#desk:not([hidden]) .tile")
        seen = self.page.evaluate(
            """() => ({
                template: document.querySelector("#template [data-item]").dataset.item,
                mode: document.getElementById("desk").dataset.mode,
                tiles: [...document.querySelectorAll(".tile")].map(({ dataset }) => [dataset.item, dataset.mark]),
            })"""
        )
        items = [item for item, _ in seen["tiles"]]
        return Shown(seen["template"], items, seen["mode"], [mark for _, mark in seen["tiles"]])

    def truth(self, shown: Shown) -> dict[str, int]:
        """The right answer to a page."""
        kind = self.kind_of[shown.template]
        return {item: 1 if self.kind_of[item] == kind else -1 for item in shown.items}

    def select(self, shown: Shown) -> None:
        """Press the keys of the tiles to select, and of those selected that shouldn't be."""
        wanted = 1 if shown.mode == "same" else -1
        for key, item, relation in zip(KEYS, shown.items, self.truth(shown).values(), strict=False):
            if (relation == wanted) != (shown.marks[shown.items.index(item)] == "selected"):
                self.page.keyboard.press(key)
                if self.pause:
                    self.page.wait_for_timeout(self.pause)

    def answer(self) -> Shown:
        """Answer the page in front and wait until the next one is there."""
        shown = self.look()
        self.select(shown)
        self.submit(shown, self.truth(shown))
        return shown

    def submit(self, shown: Shown, relations: dict[str, int]) -> None:
        """Press Space and remember what was said."""
        self.page.wait_for_selector(READ)
        self.page.keyboard.press("Space")
        self.said.append((shown.template, relations))

    def wait_for_light(self, state: str) -> None:
        """Wait until the light says ``state``."""
        self.page.wait_for_selector(f"#light[data-state={state}]")


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The application on a free port of this process; gives its address."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join()
