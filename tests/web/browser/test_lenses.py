"""Pairs and Echo in a real browser: a cell is the average of its glow, keys and pins work, and a closed tab asks for nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor, box

if TYPE_CHECKING:
    from playwright.sync_api import Browser

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [NEEDS_CHROMIUM, pytest.mark.slow]

PATIENCE = 60
BRIGHTNESS = """() => Object.fromEntries([...document.querySelectorAll("#echo figure")].map((figure) => {
    const canvas = figure.querySelector("canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return [figure.dataset.name, data.reduce((sum, value, at) => sum + (at % 4 < 3 ? value : 0), 0) / data.length];
}))"""  # of every picture as it is lit


def opened(visitor: Visitor, name: str, **settings: object) -> None:
    visitor.open(size=64, iterations=12, **settings)
    visitor.page.locator("#under").get_by_role("tab", name=name, exact=True).click()


def averages(visitor: Visitor) -> list[tuple[float, float]]:
    """Of every picture: the average of its glow as the browser has worked it out, and the cell as it was sent."""
    found = visitor.page.locator("#pairs .glows figure").all()
    return [
        (float(one.get_attribute("data-average") or 0), float(one.get_attribute("data-cell") or 0)) for one in found
    ]


def test_a_cell_is_the_average_of_its_glow_wherever_the_positions_are(visitor: Visitor) -> None:
    page = visitor.page
    opened(visitor, "Pairs")
    visitor.says("painting [\\d.]+, photo", "#pairs .lens-said")
    visitor.run()
    visitor.finish()
    visitor.says("result [\\d.]+, photo", "#pairs .lens-said")
    matrices = page.locator("#pairs .matrices")
    matrices.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        said = page.inner_text("#pairs .lens-said")
        page.keyboard.press(key)
        playwright.expect(page.locator("#pairs .lens-said")).not_to_have_text(said)
    before = averages(visitor)
    assert len(before) == 3
    for average, cell in before:
        assert average == pytest.approx(cell, rel=0.01)
    page.locator("#pairs .scramble").click()
    visitor.says("style forgets where", "#pairs .lens-said")
    for (average, _), (scrambled, _) in zip(before, averages(visitor), strict=True):
        assert scrambled == pytest.approx(average, rel=1e-4)
    matrices.focus()
    page.keyboard.press("Enter")
    visitor.says("Pinned", "#pairs .pinned")
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#pairs .pinned")).to_be_hidden()
    visitor.left_clean()


def test_the_spot_itself_is_the_strongest_echo_and_a_closed_tab_asks_for_nothing(visitor: Visitor) -> None:
    page = visitor.page
    opened(visitor, "Echo")
    photo = page.locator("#echo .glows figure[data-name=photo]")
    playwright.expect(photo).to_have_attribute("data-strongest", "true")
    photo.locator("canvas").focus()
    spot = photo.get_attribute("data-spot")
    page.keyboard.press("ArrowLeft")
    playwright.expect(photo).not_to_have_attribute("data-spot", spot or "")
    painting = page.locator("#echo .glows figure[data-name=painting]")
    painting.locator("canvas").hover(position={"x": 20, "y": 20})
    playwright.expect(painting).to_have_attribute("data-strongest", "true")
    playwright.expect(photo).to_have_attribute("data-spot", "")
    visitor.says("sees \\d+ px around a spot", "#echo .lens-said")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.post_data or ""))
    for x in range(10, 60, 10):
        painting.locator("canvas").hover(position={"x": x, "y": 30})
    assert not any('"turn"' in text for text in asked)  # pointing is answered in the browser
    page.locator("#under").get_by_role("tab", name="Curves", exact=True).click()
    visitor.run()
    visitor.finish()
    assert any('"fn_index"' in text for text in asked)
    assert not any('"turn"' in text for text in asked)  # what only a lens sends
    visitor.left_clean()


def test_where_nothing_is_alike_it_says_so_and_all_else_stays_dark(visitor: Visitor, tmp_path: Path) -> None:
    """A red spot in a grey world; beside it, much of both pictures is alike and bright."""
    page = visitor.page
    ramp = np.broadcast_to(np.linspace(60, 200, 256)[:, None], (256, 256, 3)).astype(np.uint8)
    Image.fromarray(ramp).save(tmp_path / "painting.png")
    photo = ramp.transpose(1, 0, 2).copy()
    photo[96:104, 64:72] = [255, 0, 0]
    Image.fromarray(photo).save(tmp_path / "photo.png")
    opened(visitor, "Echo")
    for place, file in (("content", "photo.png"), ("style", "painting.png")):
        page.set_input_files(f"#{place} input[type=file]", tmp_path / file)
    visitor.says("conv4_2 sees", "#echo .lens-said")
    layer = page.locator("#echo .echo-layer input")
    layer.press("Home")
    visitor.says("conv1_1 sees", "#echo .lens-said")
    canvas = page.locator("#echo .glows figure[data-name=photo] canvas")

    def pointed(x: float, y: float) -> dict[str, float]:
        width, height = (box(canvas)[side] for side in ("width", "height"))
        canvas.hover(position={"x": x * width, "y": y * height})
        lit: dict[str, float] = page.evaluate(BRIGHTNESS)
        return lit

    plain = pointed(0.8, 0.8)
    visitor.says("Like it: ", "#echo .lens-said")
    patch = pointed(68 / 256, 100 / 256)
    visitor.says("Nothing else", "#echo .lens-said")
    for name in ("photo", "painting"):
        assert patch[name] < 0.4 * plain[name]
    playwright.expect(page.locator("#echo figure[data-name=photo]")).to_have_attribute("data-strongest", "true")
    visitor.left_clean()


def test_on_a_phone_a_finger_points(browser: Browser, address: str) -> None:
    """In German too, whose words are longer: nothing stands out at the side."""
    visitor = Visitor(
        browser, address, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, locale="de-DE"
    )
    page = visitor.page
    visitor.open(size=64)
    page.locator("#under").get_by_role("tab", name="Echo", exact=True).tap()
    painting = page.locator("#echo .glows figure[data-name=painting]")
    playwright.expect(painting).to_have_attribute("data-spot", "")  # the photo's middle, to begin with
    painting.locator("canvas").tap(position={"x": 20, "y": 20})
    playwright.expect(painting).to_have_attribute("data-strongest", "true")
    visitor.says("px", "#echo .lens-said")
    page.locator("#under").get_by_role("tab", name="Paare", exact=True).tap()
    strongest = page.locator("#pairs .strongest button")
    playwright.expect(strongest).to_have_count(10)
    playwright.expect(page.locator("#pairs .matrices")).to_be_hidden()
    said = page.inner_text("#pairs .lens-said")
    strongest.nth(4).tap()
    playwright.expect(strongest.nth(4)).to_have_attribute("aria-pressed", "true")
    playwright.expect(page.locator("#pairs .lens-said")).not_to_have_text(said)
    visitor.says("Auf ein Paar drücken", "#pairs .pairs-body .hint")
    for tab in ("Zug", "Paare", "Echo"):
        page.locator("#under").get_by_role("tab", name=tab, exact=True).tap()
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, tab
    visitor.left_clean()
    visitor.context.close()
