"""The strip of paintings and the desk of regions in a real browser: weights steered while a run goes on, a map painted by
mouse and by finger, and all of it in the picture that is saved.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground.cli.app import main
from playground.engine.run import Run
from playground.images.load import read_recipe_text
from playground.images.regions import decode_labels
from playground.networks import read
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe
from playground.recipe.parse import parse_recipe
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.web.components import brush
from playground.web.components.pictures import photos, styles
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor, box
from tests.helpers.waiting import until

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [NEEDS_CHROMIUM, pytest.mark.slow]
QUICK = {"size": 64, "iterations": 6, "scales": 1}
ENDLESS = {"size": 64, "iterations": 100_000, "scales": 1}
LIMITS = Limits(grace_seconds=10, runs_each=1)


ON_TOP = """(said) => {
  const box = said.getBoundingClientRect(), steps = [0.1, 0.3, 0.5, 0.7, 0.9];
  return steps.every((x) => steps.every((y) =>
    said.contains(document.elementFromPoint(box.left + x * box.width, box.top + y * box.height))));
}"""


def add(visitor: Visitor, name: str) -> None:
    """One of the playground's own paintings, into the strip."""
    place = [sample.name for sample in styles()].index(name)
    visitor.page.locator("#add-sample button.thumbnail-item").nth(place).click()


def desk(page: Any) -> Any:
    """The canvas of the regions' desk, which is opened."""
    page.click("#regions-open")
    canvas = page.locator("#regions-canvas canvas")
    canvas.scroll_into_view_if_needed()
    return canvas


def slide(visitor: Visitor, place: str, value: float) -> None:
    number = visitor.page.locator(f"{place} input[type=number]")
    number.fill(str(value))
    number.press("Enter")


def steered(recipe: Recipe, key: str) -> list[Any]:
    return [change.value for change in recipe.journal if change.key == key]


def painted_again(path: Path, job: Job, hed: read.Weights) -> Recipe:
    """The recipe of a saved picture, which paints the same bits once more."""
    recipe = parse_recipe(read_recipe_text(path) or "")
    assert job.content is not None
    (*_, again) = Run(job.content, job.pictures.styles, recipe, Vgg(hed)).frames()
    with Image.open(path) as saved:
        assert again.result is not None
        assert np.array_equal(np.asarray(saved), np.asarray(again.result.picture))
    return recipe


def test_a_weight_is_steered_while_it_paints(visitor: Visitor, jobs: Jobs, tmp_path: Path, hed: read.Weights) -> None:
    page = visitor.page
    visitor.open(**ENDLESS)
    page.click("#paintings button.label-wrap")
    add(visitor, "mosaic")
    playwright.expect(page.locator("#painting-2")).to_be_visible()
    visitor.run()
    visitor.painted(3)
    slide(visitor, "#weight-2", 0.25)
    (job,) = jobs.going_on()
    until(lambda: job.control.read().settings.get("style_weights") == [1.0, 0.25])
    visitor.reload()  # the strip comes back with the run
    playwright.expect(page.locator("#status")).to_contain_text("step")
    page.click("#paintings button.label-wrap")
    playwright.expect(page.locator("#weight-2 input[type=number]")).to_have_value("0.25")
    visitor.painted(job.frame.step + 5 if job.frame else 9)
    page.click("#stop")
    visitor.finish()
    visitor.says("Losses", "#summary")
    recipe = painted_again(visitor.download("#save-png", tmp_path), job, hed)
    assert steered(recipe, "style_weights") == [[1.0, 0.25]]
    visitor.left_clean()


def test_the_strip_says_in_sight_what_a_run_does_not_take(visitor: Visitor, jobs: Jobs) -> None:
    """Both weights at nothing are refused and the field goes back; with a third painting the run's own two still steer."""
    page, said = visitor.page, visitor.page.locator("#paintings-message .message")
    visitor.open(**ENDLESS)
    page.click("#paintings button.label-wrap")
    add(visitor, "mosaic")
    playwright.expect(page.locator("#painting-2")).to_be_visible()
    visitor.run()
    visitor.painted(2)
    (job,) = jobs.going_on()
    slide(visitor, "#weight-1", 0)
    until(lambda: job.control.read().settings.get("style_weights") == [0.0, 1.0])
    slide(visitor, "#weight-2", 0)
    playwright.expect(page.locator("#weight-2 input[type=number]")).to_have_value("1")
    playwright.expect(said).to_be_in_viewport(ratio=0.95)
    assert said.evaluate(ON_TOP), "no setting's name shows through it"
    add(visitor, "swirls")
    visitor.says("from number 3 on come at the next Run", "#paintings-message")
    slide(visitor, "#weight-1", 0.5)
    until(lambda: job.control.read().settings.get("style_weights") == [0.5, 1.0])
    playwright.expect(said).to_be_in_viewport(ratio=0.95)
    page.click("#stop")
    visitor.left_clean()


def test_a_regions_weights_are_steered_while_it_paints(
    visitor: Visitor, jobs: Jobs, tmp_path: Path, hed: read.Weights
) -> None:
    """Its style by its painting's weight, its photo by a weight of its own; left alone it would be another picture."""
    page = visitor.page
    visitor.open(**ENDLESS)
    page.click("#paintings button.label-wrap")
    add(visitor, "mosaic")
    desk(page)
    page.click("#regions-canvas [data-colour='#00ff00']")
    drag(page, (0.1, 0.2), (0.9, 0.8))
    page.click("#regions-take")
    visitor.says("The map is used", "#regions-message")
    page.click("#regions-close")
    playwright.expect(page.locator("#content-weight-2")).to_be_visible()
    visitor.run()
    visitor.painted(3)
    slide(visitor, "#weight-2", 0.5)
    slide(visitor, "#content-weight-2", 6)
    (job,) = jobs.going_on()
    until(lambda: job.control.read().settings.get("region_content_weights") == [1.0, 6.0])
    visitor.painted(job.frame.step + 5 if job.frame else 9)
    page.click("#stop")
    visitor.finish()
    visitor.says("Losses", "#summary")
    path = visitor.download("#save-png", tmp_path)
    recipe = painted_again(path, job, hed)
    assert steered(recipe, "style_weights") == [[1.0, 0.5]]
    assert steered(recipe, "region_content_weights") == [[1.0, 6.0]]
    unsteered = recipe.changed(
        {"journal": [change for change in recipe.journal if change.key != "region_content_weights"]}
    )
    assert job.content is not None
    (*_, left_alone) = Run(job.content, job.pictures.styles, unsteered, Vgg(hed)).frames()
    with Image.open(path) as saved:
        assert left_alone.result is not None
        assert not np.array_equal(np.asarray(saved), np.asarray(left_alone.result.picture))
    visitor.left_clean()


def test_a_dot_is_dragged_between_three_and_four_paintings(visitor: Visitor, jobs: Jobs) -> None:
    """By mouse and by keyboard, while it paints: sliders and dot follow each other, and the run takes the weights."""
    page, dot = visitor.page, visitor.page.locator("#blend .dot")
    visitor.open(**ENDLESS)
    page.click("#paintings button.label-wrap")
    add(visitor, "mosaic")
    playwright.expect(page.locator("#painting-2")).to_be_visible()
    playwright.expect(dot).to_be_hidden()  # between two a slider does
    add(visitor, "swirls")
    playwright.expect(dot).to_be_visible()
    playwright.expect(dot).to_have_attribute("aria-valuetext", "painting 1 33 %, painting 2 33 %, painting 3 33 %")
    room = box(dot)
    assert min(room["width"], room["height"]) >= 44
    visitor.run()
    visitor.painted(2)
    (job,) = jobs.going_on()

    def steered() -> Any:
        return job.control.read().settings.get("style_weights")

    corners = page.locator("#blend .corner")
    corners.nth(1).scroll_into_view_if_needed()
    room, to = box(dot), box(corners.nth(1))
    page.mouse.move(room["x"] + room["width"] / 2, room["y"] + room["height"] / 2)
    page.mouse.down()
    page.mouse.move(to["x"] + to["width"] / 2 + 1, to["y"] + to["height"] / 2 + 1, steps=5)  # all of the second
    page.mouse.up()
    until(lambda: steered() == [0.0, 1.0, 0.0])
    playwright.expect(page.locator("#weight-1 input[type=number]")).to_have_value("0")
    page.keyboard.press("Home")
    until(lambda: steered() == [1.0, 1.0, 1.0])
    page.keyboard.press("3")
    until(lambda: steered()[2] == 1.0 and steered()[0] < 0.7 and steered()[1] < 0.7)
    slide(visitor, "#weight-3", 0)
    until(lambda: steered()[2] == 0.0)
    playwright.expect(dot).to_have_attribute("aria-valuetext", "painting 1 50 %, painting 2 50 %, painting 3 0 %")
    add(visitor, "cubist")
    playwright.expect(corners).to_have_count(4)
    dot.focus()
    page.keyboard.press("Home")
    playwright.expect(dot).to_have_attribute("aria-valuetext", re.compile("painting 4 25 %$"))
    page.keyboard.press("ArrowLeft")
    playwright.expect(dot).to_have_attribute("aria-valuetext", re.compile("^painting 1 2[78] %, painting 2 2[23] %"))
    page.click("#stop")
    visitor.left_clean()


def drag(page: Any, *points: tuple[float, float]) -> None:
    """By mouse, over parts of the canvas."""
    place = box(page.locator("#regions-canvas canvas"))
    x, y = place["x"], place["y"]
    for number, (across, down) in enumerate(points):
        page.mouse.move(x + across * place["width"], y + down * place["height"], steps=4)
        if number == 0:
            page.mouse.down()
    page.mouse.up()


def test_regions_are_painted_and_completed(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    visitor.open(**QUICK)
    page.click("#paintings button.label-wrap")
    add(visitor, "mosaic")
    desk(page)
    page.click("#regions-take")
    visitor.says("[Pp]aint something first", "#regions-message")
    page.click("#regions-canvas [data-colour='#ff0000']")
    drag(page, (0.1, 0.2), (0.1, 0.8))
    page.click("#regions-canvas [data-colour='#00ff00']")
    drag(page, (0.9, 0.2), (0.9, 0.8))
    page.click("#regions-complete")
    visitor.says("The map is used", "#regions-message")
    playwright.expect(page.locator("#regions-shown img")).to_be_visible()
    page.click("#regions-close")
    visitor.run()
    visitor.finish()
    saved = visitor.download("#save-png", tmp_path)
    recipe = parse_recipe(read_recipe_text(saved) or "")
    labels = decode_labels(recipe.regions)
    assert {int(number) for number in np.unique(labels)} == {1, 2}
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    first, second = (next(one for one in styles() if one.name == name) for name in (styles()[0].name, "mosaic"))
    for path, sample in zip(paths, (photos()[0], first, second), strict=False):
        sample.picture().save(path)
    photo, one, other, again = map(str, paths)
    assert main(["stylize", photo, one, "--style", other, "--recipe", str(saved), "-o", again, "--device", "cpu"]) == 0
    with Image.open(saved) as ours, Image.open(again) as theirs:  # the command line paints the same bits
        assert np.array_equal(np.asarray(ours), np.asarray(theirs))
    visitor.reload()
    visitor.finish()
    page.click("#paintings button.label-wrap")
    playwright.expect(page.locator("#regions-shown img")).to_be_visible()
    height, width = labels.shape
    assert (labels[height // 2, width // 10], labels[height // 2, -width // 10]) == (1, 2)
    visitor.left_clean()


def test_the_desk_shows_the_photo_as_it_is(visitor: Visitor) -> None:
    """A square photo and a wide one keep their shape, so that a stroke is as thick down the map as across."""
    page, offered = visitor.page, photos()
    visitor.open(**QUICK)
    page.click("#paintings button.label-wrap")
    shapes = [sample.picture().size for sample in offered]
    for chosen in (
        shapes.index(next((w, h) for w, h in shapes if w == h)),
        shapes.index(max(shapes, key=lambda s: s[0] / s[1])),
    ):
        page.locator("#content-gallery button.thumbnail-item").nth(chosen).click()
        width, height = shapes[chosen]
        for window in ((1366, 657), (1024, 768), (390, 844)):
            page.set_viewport_size({"width": window[0], "height": window[1]})
            canvas = desk(page)
            playwright.expect(canvas).to_have_attribute("width", str(min(width, brush.SIDE)))
            for drawn in (box(canvas), box(page.locator("#regions-canvas img"))):
                assert abs(drawn["width"] / drawn["height"] * height / width - 1) < 0.01
                assert 200 < drawn["width"] <= window[0]
                assert drawn["height"] <= 0.62 * window[1]
            page.click("#regions-close")
    visitor.left_clean()


def test_by_finger_and_left_as_it_is(browser: Any, address: str, tmp_path: Path) -> None:
    visitor = Visitor(browser, address, has_touch=True, viewport={"width": 1366, "height": 657})
    page = visitor.page
    visitor.open(**QUICK)
    page.click("#paintings button.label-wrap")
    canvas = desk(page)
    page.click("#regions-canvas [data-colour='#000000']")
    place = box(canvas)
    session = visitor.context.new_cdp_session(page)
    for kind, down in (("touchStart", 0.2), ("touchMove", 0.5), ("touchMove", 0.8), ("touchEnd", None)):
        points = [] if down is None else [{"x": place["x"] + 20, "y": place["y"] + down * place["height"]}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.click("#regions-take")
    visitor.says("The map is used", "#regions-message")
    visitor.run()
    visitor.finish()
    recipe = parse_recipe(read_recipe_text(visitor.download("#save-png", tmp_path)) or "")
    assert {int(number) for number in np.unique(decode_labels(recipe.regions))} == {0, 1}
    visitor.left_clean()
    visitor.context.close()


def test_faces_are_kept_or_said_to_be_none(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    visitor.open(**QUICK)
    page.click("#paintings button.label-wrap")
    names = [sample.name for sample in photos()]
    page.locator("#content-gallery button.thumbnail-item").nth(names.index("coffee")).click()
    page.click("#faces")
    visitor.says("[Nn]o face was found", "#paintings-message")
    page.locator("#content-gallery button.thumbnail-item").nth(names.index("astronaut")).click()
    page.click("#faces")
    visitor.says("Faces found", "#paintings-message")
    visitor.run()
    visitor.finish()
    assert json.loads(read_recipe_text(visitor.download("#save-png", tmp_path)) or "{}")["kept"]
    page.get_by_role("tab", name="Instant styles", exact=True).click()
    page.locator("#instant-photo-gallery button.thumbnail-item").nth(names.index("coffee")).click()
    visitor.says("faces that were kept are those of the other photo", "#instant-photo-message")
    page.get_by_role("tab", name="Studio", exact=True).click()
    visitor.says("faces that were kept are those of the other photo", "#paintings-message")
    visitor.left_clean()
