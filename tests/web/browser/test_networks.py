"""Networks chosen one after another in a real browser: after each, controls, note, and what is saved and painted are right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.networks import read, strength
from playground.networks.network_facts import known
from playground.recipe.model import Recipe
from playground.recipe.other_network import whose
from playground.recipe.parse import parse_recipe
from playground.recipe.presets import load_preset
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from tests.helpers.networks import in_torch, save_as_keras, save_state_dict
from tests.helpers.visitor import NEEDS_CHROMIUM, Visitor
from tests.helpers.waiting import until

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = NEEDS_CHROMIUM
PATIENCE = 60
HED = "vgg16-hed"
SIZE = 64


@pytest.fixture(scope="module")
def files(hed: read.Weights, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Hed itself by name, a caffe VGG16, and the same in torch's convention."""
    folder = tmp_path_factory.mktemp("networks")
    save_as_keras(hed, folder / "caffe.h5")
    save_state_dict(in_torch(hed), folder / "ported.safetensors")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(strength, "SIDE", 96)
        yield {"hed": HED, "caffe": str(folder / "caffe.h5"), "torch": str(folder / "ported.safetensors")}


@pytest.fixture(scope="module")
def jobs(files: dict[str, str]) -> Iterator[Jobs]:
    made = Jobs(device="cpu", limits=Limits(grace_seconds=2.0), networks=[files["caffe"], files["torch"]])
    yield made
    made.close()


def at_the_networks(visitor: Visitor) -> None:
    visitor.open()
    visitor.says("About|Perhaps|take", "#cost")
    visitor.fill("size", SIZE)
    for panel in ("Network", "Layers and losses"):
        visitor.page.get_by_role("button", name=panel).first.click()


def choose_preset(visitor: Visitor, name: str) -> None:
    visitor.page.locator(f"#preset input[value='{name}']").check(force=True)


def choose_network(visitor: Visitor, network: str) -> None:
    visitor.page.locator("#set-network input").click()
    visitor.page.get_by_role("option", name=network, exact=True).click()


def shows(visitor: Visitor, recipe: Recipe, folder: Path) -> None:
    """Controls, note and the recipe that is saved are all of this recipe."""
    page = visitor.page
    for name in ("content_weight", "style_weight", "variation_weight"):
        box = page.locator(f"#set-{name} input[type=number]")
        until(lambda: float(box.input_value()) == pytest.approx(getattr(recipe, name), rel=1e-6), 30)  # noqa: B023
    expect(page.locator("#layers-words")).to_contain_text(", ".join(recipe.style_layers))
    expect(page.locator("#set-network input")).to_have_value(recipe.network)
    if recipe.preset != "default":
        expect(page.locator("#preset-note")).to_contain_text(whose(recipe))
    page.wait_for_timeout(150)  # whatever comes late
    assert parse_recipe(visitor.download("#save-settings", folder).read_text()) == recipe


def paints(visitor: Visitor, recipe: Recipe, jobs: Jobs) -> None:
    """Run paints this recipe."""
    before = len(jobs.known())
    visitor.run()
    until(lambda: len(jobs.known()) > before)
    job = jobs.known()[-1]
    assert isinstance(job, Job)
    ran = ("arithmetic", "plan", "journal", "colours")
    assert job.recipe.changed({key: getattr(recipe, key) for key in ran}) == recipe
    visitor.painted()
    visitor.page.evaluate("document.querySelector('#stop').click()")
    visitor.finish()


@pytest.mark.slow  # half a minute
def test_numbers_follow_every_choice_of_a_network(
    visitor: Visitor, files: dict[str, str], jobs: Jobs, tmp_path: Path
) -> None:
    at_the_networks(visitor)
    for preset, switches in (
        ("vgg16-lbfgs", ("caffe", "hed", "torch", "hed", "caffe", "torch", "hed")),
        ("tf-adam-tv", ("caffe", "hed")),
        ("gatys-adam", ("torch", "hed", "caffe")),
        ("default", ("hed", "torch")),
    ):
        choose_preset(visitor, preset)
        own = {"size": SIZE}
        shows(visitor, load_preset(preset, known(HED)).changed(own), tmp_path)
        for kind in switches:
            network = Path(files[kind]).name
            expected = load_preset(preset, known(network)).changed(own)
            choose_network(visitor, network)
            shows(visitor, expected, tmp_path)
        paints(visitor, expected, jobs)
    visitor.left_clean()


@pytest.mark.slow  # twenty seconds; test_networks_in_turn.py has each way this failed
def test_of_networks_chosen_in_haste_the_last_one_stays(
    visitor: Visitor, files: dict[str, str], jobs: Jobs, tmp_path: Path
) -> None:
    at_the_networks(visitor)
    own, names = {"size": SIZE}, {kind: Path(file).name for kind, file in files.items()}
    for first, last in (("caffe", "hed"), ("torch", "caffe"), ("hed", "torch"), ("caffe", "hed")):
        for kind in (first, last):
            choose_network(visitor, names[kind])
        shows(visitor, load_preset("default", known(names[last])).changed(own), tmp_path)
    for preset, kind in (("vgg16-lbfgs", "caffe"), ("gatys-adam", "torch"), ("tf-adam-tv", "caffe")):
        choose_preset(visitor, preset)
        choose_network(visitor, names[kind])
        shows(visitor, load_preset(preset, known(names[kind])).changed(own), tmp_path)
    visitor.left_clean()
