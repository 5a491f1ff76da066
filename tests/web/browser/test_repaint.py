"""A network that was trained for one pair, in a real browser: what it keeps of the photo is said, and it repaints another."""

from __future__ import annotations

import pytest

from playground.service.limits import Limits
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor
from tests.helpers.waiting import until

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [NEEDS_CHROMIUM, pytest.mark.slow]
PATIENCE = 60

LIMITS = Limits(grace_seconds=2.0, runs_each=1)


def test_a_photorealistic_run_says_what_is_kept_and_its_network_repaints_another_photo(visitor: Visitor) -> None:
    visitor.open(canvas="hrnet", size=64, iterations=3)
    visitor.run()
    visitor.finish()
    visitor.says(r"structure -?\d\.\d\d and edges -?\d\.\d\d are left", "#summary")
    visitor.page.get_by_role("button", name="The trained network on another photo").click()
    visitor.page.click("#other-gallery button.thumbnail-item >> nth=2")
    result = visitor.page.locator("#repainted img")
    playwright.expect(result).to_be_visible()
    until(lambda: result.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [64, 43])
    visitor.left_clean()


def test_other_runs_leave_no_network(visitor: Visitor) -> None:
    visitor.open(size=64, iterations=2, scales=1)
    visitor.run()
    visitor.finish()
    playwright.expect(visitor.page.locator("#repaint")).to_be_hidden()
    assert "are left" not in visitor.page.inner_text("#summary")
