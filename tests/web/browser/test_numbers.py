"""Another network in a real browser: its numbers stand in the controls, are saved and are painted with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.networks import read
from playground.recipe.parse import parse_recipe
from playground.recipe.presets import load_preset
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from tests.helpers.networks import save_as_keras
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = [NEEDS_CHROMIUM, pytest.mark.slow]


@pytest.fixture(scope="module")
def file(hed: read.Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("networks") / "mine.weights.h5"
    save_as_keras(hed, path, "layers/{3}/vars/{2}", ("0", "1"))
    return path


@pytest.fixture(scope="module")
def jobs(file: Path) -> Iterator[Jobs]:
    made = Jobs(device="cpu", limits=Limits(grace_seconds=2.0), networks=[str(file)])
    yield made
    made.close()


def test_a_network_from_the_list_brings_its_numbers(visitor: Visitor, file: Path, tmp_path: Path) -> None:
    page = visitor.page
    visitor.open()
    page.click("text=VGG16 with L-BFGS")
    visitor.says("Numbers adapted to vgg16-hed, found by looking; the source's are for vgg16-caffe", "#preset-note")
    page.click("#preset-note summary")
    visitor.says("Start: mix; the source has noise", "#preset-note")
    weight = page.locator("#set-style_weight input")
    expect(weight).to_have_value("10000000")
    visitor.fill("size", 64)
    visitor.fill("iterations", 1)
    page.get_by_role("button", name="Network").click()
    page.locator("#set-network input").click()
    page.get_by_role("option", name=file.name).click()

    expect(weight).to_have_value("1")
    visitor.says("The source's numbers, made for vgg16-caffe, on", "#preset-note")
    saved = parse_recipe(visitor.download("#save-settings", tmp_path).read_text())
    assert saved == load_preset("vgg16-lbfgs").changed({"network": file.name, "size": 64, "iterations": 1})
    visitor.run()
    visitor.finish()
    painted = parse_recipe(visitor.download("#save-recipe", tmp_path).read_text())
    assert (painted.network, painted.numbers) == (file.name, "source")
    assert painted.style_layers == load_preset("vgg16-lbfgs").style_layers
