"""What happens while a page opens, in a real browser: what is set before its recipe has come, and how much comes over the line."""

from __future__ import annotations

import base64
import json

import pytest

from playground.service.jobs import Jobs
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = NEEDS_CHROMIUM
PATIENCE = 60
MAX_BYTES = 1_500_000

LATE = """const ask = window.fetch;
window.fetch = async (...what) => {
  if (String(what[1]?.body).includes("elsewhere")) await new Promise((done) => setTimeout(done, 3000));
  return ask(...what);
}"""
"""The question with which the page is opened, which alone says whether its person was elsewhere, goes out late."""


def test_what_is_set_while_the_page_opens_is_not_set_back(visitor: Visitor, jobs: Jobs) -> None:
    page, size = visitor.page, visitor.page.locator("#set-size input[type=number]")
    page.context.add_init_script(LATE)
    packed = base64.urlsafe_b64encode(json.dumps({"size": 64, "seed": 7}).encode()).decode().rstrip("=")
    page.goto(f"{visitor.address}?recipe={packed}")
    expect(page.locator("#run")).to_be_visible()
    expect(size).not_to_have_value("64")  # the link's recipe is still on its way
    page.keyboard.press("r")
    size.click()  # when it can be
    size.fill("96")
    size.press("Enter")
    page.wait_for_timeout(4000)
    expect(size).to_have_value("96")
    expect(page.locator("#set-seed input[type=number]")).to_have_value("7")
    assert not jobs.known()  # R did not start what the page was laid out with
    visitor.says("press Run")
    visitor.left_clean()


def test_a_first_load_is_small(visitor: Visitor) -> None:
    session = visitor.page.context.new_cdp_session(visitor.page)
    session.send("Network.enable")
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    visitor.page.goto(visitor.address)
    visitor.says("press Run")
    visitor.page.wait_for_timeout(3000)  # what comes after the first answer
    assert 100_000 < sum(sizes) <= MAX_BYTES
