"""Settings in a real browser: layers, numbers that are typed, and what becomes of a value that cannot be used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from playground.recipe.model import Recipe
from playground.recipe.parse import parse_recipe
from playground.recipe.presets import load_preset
from playground.service.limits import Limits
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor
from tests.helpers.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = NEEDS_CHROMIUM
PATIENCE = 90

LAYERS = {"conv1_1": 1.5e-5, "conv3_1": 80_000.0}
LIMITS = Limits(grace_seconds=15.0)


def saved(visitor: Visitor, folder: Path) -> Recipe:
    return parse_recipe(visitor.download("#save-settings", folder).read_text())


def row(visitor: Visitor, layer: str, kind: str = "style") -> Locator:
    return visitor.page.locator(f'#layers [data-row="{kind}:{layer}"]')


def slider(visitor: Visitor, layer: str, kind: str = "style") -> Locator:
    return visitor.page.locator(f"#layers [data-kind={kind}][data-layer={layer}]")


def test_a_page_at_rest_asks_for_nothing(visitor: Visitor) -> None:
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url) if "/run/predict" in request.url else None)
    visitor.open(size=64)

    def rests() -> bool:
        before = len(asked)
        visitor.page.wait_for_timeout(1000)
        return len(asked) == before

    until(rests)
    assert asked  # a page that opens does ask


@pytest.fixture
def with_layers(visitor: Visitor) -> Visitor:
    visitor.open(size=64, iterations=6, scales=1, style_layers=LAYERS)
    visitor.page.get_by_role("button", name="Layers and losses").click()
    visitor.says("style: conv1_1, conv3_1", "#layers-words")
    return visitor


def style_layers(visitor: Visitor, folder: Path) -> dict[str, float]:
    return {layer: weight for layer, weight in saved(visitor, folder).style_layers.items() if weight > 0}


def test_far_weights_survive_any_key(with_layers: Visitor, tmp_path: Path) -> None:
    visitor = with_layers
    number = {layer: row(visitor, layer).locator(".number") for layer in LAYERS}
    expect(number["conv1_1"]).to_have_value("1.5e-5")
    expect(number["conv3_1"]).to_have_value("80000")
    for layer, weight in LAYERS.items():
        for key, back in (("ArrowRight", "ArrowLeft"), ("ArrowUp", "ArrowDown"), ("PageUp", "PageDown")):
            for first, second in ((key, back), (back, key)):
                slider(visitor, layer).focus()
                visitor.page.keyboard.press(first)
                until(lambda: float(number[layer].input_value()) != weight)  # noqa: B023
                assert 0.25 < float(number[layer].input_value()) / weight < 4
                visitor.page.keyboard.press(second)
                until(lambda: float(number[layer].input_value()) == weight)  # noqa: B023
        for key in ("a", "5", " ", "Home", "End", "Tab", "Enter"):
            slider(visitor, layer).focus()
            visitor.page.keyboard.press(key)
        visitor.page.keyboard.press("Escape")
        assert float(number[layer].input_value()) == weight
    kept = style_layers(visitor, tmp_path)
    assert kept.keys() == LAYERS.keys()
    assert kept == LAYERS
    visitor.left_clean()


def test_a_layers_number_can_be_typed_and_what_is_none_changes_nothing(with_layers: Visitor, tmp_path: Path) -> None:
    visitor = with_layers
    box = row(visitor, "conv2_1").locator(".number")
    box.fill("12 345,5")
    assert "conv2_1" not in visitor.page.inner_text("#layers-words")  # not before it is finished
    box.press("Enter")
    visitor.says("conv2_1", "#layers-words")
    assert style_layers(visitor, tmp_path)["conv2_1"] == 12345.5
    for nonsense in ("-1", "much", "1e31"):
        box.fill(nonsense)
        box.press("Enter")
        expect(row(visitor, "conv2_1").locator("[role=alert]")).to_contain_text(f"{nonsense} is no weight")
        expect(box).to_have_value("12345.5")
    # typed as a person types, behind a number that was good: what Enter refuses is not wiped by the change that it ends
    alert = row(visitor, "conv2_1").locator("[role=alert]")
    for good in ("80 000", "12 345,5"):
        box.click(click_count=3)
        visitor.page.keyboard.type(good)
        box.press("Enter")
        expect(alert).to_be_hidden()
        for leave in ("Enter", "Tab"):
            box.click(click_count=3)
            visitor.page.keyboard.type("1e40")
            expect(alert).to_be_hidden()
            visitor.page.keyboard.press(leave)
            visitor.page.wait_for_timeout(300)
            expect(alert).to_contain_text("1e40 is no weight")
    expect(box).to_have_value("12345.5")
    box.fill("3e-7")
    box.press("Enter")
    expect(row(visitor, "conv2_1").locator("[role=alert]")).to_be_hidden()
    assert style_layers(visitor, tmp_path)["conv2_1"] == 3e-7


def test_solo_off_and_reset(with_layers: Visitor, tmp_path: Path) -> None:
    visitor = with_layers

    def press(layer: str, act: str) -> None:
        row(visitor, layer).locator(f"[data-act={act}]").click()

    press("conv3_1", "solo")
    visitor.says(r"style: conv3_1\s*$", "#layers-words")
    press("conv3_1", "solo")
    visitor.says(r"style: conv1_1, conv3_1\s*$", "#layers-words")
    assert style_layers(visitor, tmp_path) == LAYERS
    press("conv1_1", "off")
    visitor.says(r"style: conv3_1\s*$", "#layers-words")
    assert saved(visitor, tmp_path).style_layers == {"conv3_1": 80_000.0}
    press("conv1_1", "reset")
    press("conv3_1", "reset")
    visitor.page.wait_for_timeout(200)
    expect(row(visitor, "conv1_1").locator("[data-act=reset]")).to_be_disabled()
    own = load_preset().style_layers
    kept = saved(visitor, tmp_path).style_layers
    assert {name: kept.get(name, 0) for name in LAYERS} == {name: own.get(name, 0) for name in LAYERS}

    # the content layers are a list of their own
    visitor.page.click("#layers [data-list=content]")
    slider(visitor, "conv3_3", "content").focus()
    visitor.page.keyboard.press("ArrowRight")
    visitor.says("content: .*conv3_3", "#layers-words")


def test_a_size_is_sent_when_it_is_finished_and_one_out_of_range_is_answered(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open(size=96, iterations=6)
    failed: list[int] = []
    visitor.page.on("response", lambda answer: failed.append(answer.status) if answer.status >= 400 else None)
    asked: list[str] = []
    visitor.page.on(
        "request", lambda request: asked.append(request.post_data or "") if request.method == "POST" else None
    )
    box = visitor.page.locator("#set-size input[type=number]")
    box.click()
    box.press("Control+a")
    box.press_sequentially("512", delay=80)
    visitor.page.wait_for_timeout(400)
    assert [text for text in asked if '"data":[null,5' in text] == []
    with visitor.page.expect_request(lambda request: '"data":[null,512]' in (request.post_data or "")):
        box.press("Enter")
    assert saved(visitor, tmp_path).size == 512
    for wrong, word in (("9999", "at most 4096"), ("7", "at least 64"), ("100.5", "no whole number")):
        box.fill(wrong)
        box.press("Enter")
        visitor.says(word, "#set-size .beside")
        expect(box).to_have_value("512")
        assert saved(visitor, tmp_path).size == 512
    box.fill("128")
    visitor.page.click("#set-seed input")  # leaving it finishes it, too
    expect(visitor.page.locator("#set-size .beside")).to_be_hidden()
    until(lambda: saved(visitor, tmp_path).size == 128)
    assert failed == []
    visitor.left_clean()


def test_what_is_said_beside_a_field_goes_when_something_else_is_done(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open(size=96)
    box, said = page.locator("#set-size input[type=number]"), page.locator("#set-size .beside")
    seed = page.locator("#set-seed input")

    def refused() -> None:
        box.fill("9999")
        page.keyboard.press("Tab")
        expect(said).to_contain_text("It stays")

    refused()
    seed.click()
    page.wait_for_timeout(1000)
    expect(said).to_be_visible()  # nobody has read it by then
    page.evaluate(
        "(later => { const now = performance.now.bind(performance); performance.now = () => now() + later })(10000)"
    )
    seed.click()
    expect(said).to_be_hidden()
    expect(box).to_have_attribute("aria-invalid", "false")
    refused()
    page.locator("#preset input[value='gatys-adam']").check(force=True)
    expect(said).to_be_hidden()
    expect(box).to_have_value("224")
    refused()
    page.locator("#set-size input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    expect(said).to_be_hidden()
    refused()
    box.click()
    page.keyboard.press("Tab")  # left with its good value
    expect(said).to_be_hidden()
    visitor.left_clean()


def test_of_presets_chosen_in_haste_the_last_one_stays(visitor: Visitor) -> None:
    visitor.open()
    visitor.says("About|Perhaps|take", "#cost")
    size = visitor.page.locator("#set-size input[type=number]")
    for first, last in (("tf-adam-tv", "gatys-adam"), ("hrnet-source", "vgg16-lbfgs"), ("vgg16-lbfgs", "gatys-adam")):
        for name in (first, last):
            visitor.page.locator(f"#preset input[value='{name}']").check(force=True)
        expect(size).to_have_value(str(load_preset(last).size))
        visitor.page.wait_for_timeout(1500)  # an answer that is still on its way
        expect(visitor.page.locator(f"#preset input[value='{last}']")).to_be_checked()
        expect(size).to_have_value(str(load_preset(last).size))


def test_iterations_have_a_slider_beside_their_number(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open(size=64)
    before = saved(visitor, tmp_path).iterations
    handle = visitor.page.locator("#slide-iterations input[type=range]")
    handle.focus()
    visitor.page.keyboard.press("ArrowRight")
    until(lambda: saved(visitor, tmp_path).iterations > before)
    after = saved(visitor, tmp_path).iterations
    assert after == pytest.approx(before * 10**0.05, rel=0.02)
    expect(visitor.page.locator("#set-iterations input")).to_have_value(str(after))
    handle.focus()
    visitor.page.keyboard.press("Home")
    until(lambda: 1 <= saved(visitor, tmp_path).iterations < before / 20)
    visitor.fill("iterations", 321)
    until(lambda: saved(visitor, tmp_path).iterations == 321)
    until(lambda: float(handle.input_value()) == pytest.approx(0.2, abs=0.06))


COVERED = """(name) => {
  const setting = document.getElementById(`set-${name}`);
  const button = setting.querySelector(".try-five").getBoundingClientRect();
  const words = document.createRange();
  words.selectNodeContents(setting.querySelector("[data-testid=block-info], .label-text"));
  const inputs = [...setting.querySelectorAll("input")].map((input) => input.getBoundingClientRect());
  return [...words.getClientRects(), ...inputs].some((box) => box.width && box.left < button.right
    && box.right > button.left && box.top < button.bottom - 2 && box.bottom > button.top + 2);
}"""


# Every one of these labels is longer in French than in English.
@pytest.mark.parametrize("language", ["fr", pytest.param("en", marks=pytest.mark.slow)])
def test_five_values_of_any_setting_are_one_click_away_and_cover_nothing(
    browser: Browser, address: str, language: str
) -> None:
    visitor = Visitor(browser, address, viewport={"width": 1366, "height": 657}, locale=language)
    visitor.open(size=64)
    page = visitor.page
    for name in ("content_weight", "size", "style_size", "colours", "first_light", "seed"):
        setting = page.locator(f"#set-{name}")
        button = setting.locator(".try-five")
        setting.scroll_into_view_if_needed()
        setting.hover()
        expect(button).to_be_visible()
        assert not page.evaluate(COVERED, name), name
    page.locator("#set-content_weight").hover()
    page.locator("#set-content_weight .try-five").click()
    values = page.locator("#grid-values1 textarea, #grid-values1 input").first
    expect(values).to_be_visible(timeout=60_000)
    assert len(values.input_value().split(",")) == 5
    page.wait_for_function("scrollY === 0")
    expect(page.locator("#grid-key1 input")).to_have_value(re.compile("[Cc]ont"))
    visitor.context.close()
