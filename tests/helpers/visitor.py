"""A person in front of the page, in a real browser; used by the tests of the page."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from playground.service.jobs import Jobs
from playground.service.settings import read_settings
from playground.web.app_server import Server
from tests.helpers.serving import free_port
from tests.helpers.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FloatRect, Locator

playwright = pytest.importorskip("playwright.sync_api")
BROKEN_OFF = re.compile(
    "AbortError|Connection errored out|ERR_ABORTED"
)  # a stream, when its page is left or opened anew
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@contextmanager
def served(jobs: Jobs, folder: Path, **settings: object) -> Iterator[str]:
    """The page as it is served to everybody, with its routes and its guard; the address.

    Args:
        folder: what counts as the folder of its uploads.
    """
    server = Server(jobs, read_settings({"port": free_port(), **settings}, environment={}), folder)
    yield server.launch()
    server.close()


def box(place: Locator) -> FloatRect:
    """Where something visible stands on the screen: its x, y, width and height in CSS pixels."""
    found = place.bounding_box()
    assert found is not None
    return found


@contextmanager
def chromium(patience: float, *more: str) -> Iterator[Browser]:
    """A browser whose expectations wait `patience` seconds; `more` are further arguments on its command line."""
    with playwright.sync_playwright() as started:
        playwright.expect.set_options(timeout=1000 * patience)
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *more]
        browser = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


class Visitor:
    """One person in a browser context of their own, who also notes console errors and requests to other hosts."""

    new_here = False  # whether the page shows them round

    def __init__(self, browser: Browser, address: str, **context: Any) -> None:
        self.context = browser.new_context(accept_downloads=True, **context)
        if not self.new_here:
            self.context.add_init_script("localStorage.setItem('style-playground-shown-round', 'yes')")
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.address = address
        self.complaints: list[str] = []
        self.left = False  # a page that may still have streamed
        self.outside: list[str] = []
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda asked: self.outside.append(asked.url) if not self.at_home(asked.url) else None)

    def at_home(self, url: str) -> bool:
        return url.startswith((self.address, "data:", "blob:"))

    def open(self, **settings: object) -> None:
        self.left |= self.at_home(self.page.url)
        packed = base64.urlsafe_b64encode(json.dumps(settings).encode()).decode().rstrip("=")
        self.page.goto(f"{self.address}?preset=default&recipe={packed}")
        playwright.expect(self.page.locator("#studio:not([inert])")).to_be_visible()
        if "size" in settings:
            playwright.expect(self.page.locator("#set-size input[type=number]")).to_have_value(str(settings["size"]))

    def reload(self) -> None:
        self.left = True
        self.page.reload()

    def run(self) -> None:
        self.page.click("#run")

    def says(self, pattern: str, place: str = "#status") -> None:
        playwright.expect(self.page.locator(place)).to_contain_text(re.compile(pattern))

    def step(self) -> int:
        found = re.search(r"step (\d+)", self.page.inner_text("#status"))
        return int(found[1]) if found else -1

    def painted(self, at_least: int = 1) -> None:
        until(lambda: self.step() >= at_least)

    def finish(self) -> None:
        playwright.expect(self.page.locator("#after")).to_be_visible()

    def fill(self, field: str, value: object) -> None:
        box = self.page.locator(f"#set-{field} input[type=number]")
        box.fill(str(value))
        box.press("Enter")

    def loss(self, term: str) -> float:
        """The current figure of a term in the chart's text alternative."""
        label = self.page.locator("#terms-chart figure").get_attribute("aria-label") or ""
        found = re.search(rf"{term} ([\d.]+)", label.replace("\u202f", ""))
        return float(found[1]) if found else 0.0

    def download(self, button: str, folder: Path) -> Path:
        with self.page.expect_download() as waiting:
            self.page.click(button)
        path = folder / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path

    def left_clean(self) -> None:
        """Nothing was asked of another host and nothing went wrong in the browser, but for streams that a reload broke off."""
        assert self.outside == [], self.outside
        assert [said for said in self.complaints if not (self.left and BROKEN_OFF.search(said))] == []
