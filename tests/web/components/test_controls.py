"""Recipe fields as controls and back: nothing lost, nothing typed twice; recipes of links and of missing networks."""

from __future__ import annotations

import math
from pathlib import Path

import gradio as gr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.images.save import save_picture
from playground.networks import catalogue
from playground.recipe.base import RecipeError
from playground.recipe.model import Recipe, bounds, field_info
from playground.recipe.presets import load_preset, presets
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.web.components import controls, layers
from playground.web.page import build_page
from playground.web.studio.session import link_query, preset_of, recipe_of_link, usable
from playground.web.studio.settings_panel import read_recipe

STYLIZE = [name for name, preset in presets().items() if preset.kind == "stylize"]


def shown(recipe: Recipe) -> dict[str, object]:
    grid = layers.grid_value(recipe)
    plain = {name: controls.shown(name, recipe) for name in controls.FIELDS}
    return {**plain, "content_layers": grid["content"], "style_layers": grid["style"]}


def test_every_setting_has_a_control_with_the_fields_own_words() -> None:
    settings_of_recipe = {name for name in Recipe.model_fields if field_info(name)}
    assert settings_of_recipe - set(controls.FIELDS) == controls.BESIDE | {"regions", "region_softness", "kept"}
    for name in controls.FIELDS:
        made = controls.control(name, controls.shown(name, load_preset()), [("a", "vgg16-hed")] * (name == "network"))
        assert str(made.label).startswith(field_info(name)["label"])
        assert made.info == Recipe.model_fields[name].description
        if isinstance(made, gr.Slider):
            assert (made.minimum, made.maximum) == bounds(name)
        if isinstance(made, gr.Dropdown) and controls.options(name):
            assert {value for _, value in made.choices} == set(controls.options(name))


@pytest.mark.parametrize("name", STYLIZE)
def test_a_recipe_shown_and_read_back_is_the_same(name: str) -> None:
    recipe = load_preset(name)
    assert controls.assembled(recipe, shown(recipe)) == recipe


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "style_weight": st.floats(1e-3, 1e21),
            "variation_weight": st.one_of(st.just(0.0), st.floats(1e-3, 1e21)),
            "learning_rate": st.floats(1e-6, 1000),
            "seed": st.integers(0, 2**32 - 1),
            "style_size": st.one_of(st.sampled_from(["content", "original"]), st.integers(32, 4096)),
            "seconds": st.one_of(st.none(), st.floats(0.1, 86_400)),
            "average": st.floats(0, 0.999),
            "style_layers": st.dictionaries(
                st.sampled_from(layers.layer_names("vgg16-hed")), st.floats(1e-9, 1e9), min_size=1
            ),
        }
    )
)
def test_any_recipe_survives_the_controls(changes: dict[str, object]) -> None:
    recipe = load_preset().changed({**changes, "journal": [{"evaluation": 3, "key": "clip", "value": False}]})
    assert controls.assembled(recipe, shown(recipe)) == recipe


def test_only_what_was_touched_changes() -> None:
    recipe = load_preset().changed({"style_weight": 1e21})
    changed = controls.assembled(recipe, {**shown(recipe), "seed": 5, "style_size": "300 px", "seconds": 0})
    assert changed == recipe.changed({"seed": 5, "style_size": 300})


@pytest.mark.parametrize(
    ("name", "value"), [("seed", None), ("iterations", 0), ("style_weight", -1.0), ("style_size", "huge")]
)
def test_bad_values_are_refused_in_words(name: str, value: object) -> None:
    recipe = load_preset()
    with pytest.raises(RecipeError):
        controls.assembled(recipe, {**shown(recipe), name: value})


LEAST = {"max_size": 64, "max_iterations": 1, "max_seconds": 1, "max_waiting": 0, "max_trainings": 0, "disk_mb": 0}
MOST = {"max_size": 4096, "max_iterations": 100_000, "max_seconds": 1e9, "max_runs": 256, "max_waiting": 10_000}


@pytest.mark.parametrize("limits", [LEAST, MOST], ids=["least", "most"])
def test_the_page_stands_whatever_a_server_allows(limits: dict[str, float]) -> None:
    """A slider's ends may fall together, of which gradio makes nothing."""
    jobs = Jobs("cpu", Limits.model_validate(limits))
    try:
        page = build_page(jobs)
    finally:
        jobs.close()
    (size,) = (block for block in page.blocks.values() if getattr(block, "elem_id", "") == "set-size")
    assert isinstance(size, gr.Number if limits["max_size"] == 64 else gr.Slider)


def test_sliders_over_decades() -> None:
    preset = load_preset("gatys-adam")  # style weight 1 000 000
    assert controls.from_decades("style_weight", 0, preset) == 1e6
    assert controls.from_decades("style_weight", 0.5, preset) == pytest.approx(3.16e6)
    assert controls.from_decades("style_weight", controls.OFF, preset) == 0
    assert controls.from_decades("learning_rate", -controls.DECADES, preset) > 0
    assert controls.decades("style_weight", 0, preset) == controls.OFF
    assert controls.decades("style_weight", 1e21, preset) == controls.DECADES  # its end; the number keeps the value
    for position in (-4.0, -1.25, 0.0, 2.0, 4.0):
        value = controls.from_decades("style_weight", position, preset)
        assert controls.decades("style_weight", value, preset) == pytest.approx(position, abs=0.01)


@pytest.mark.parametrize("pick", layers.PICKS)
@pytest.mark.parametrize("network", ["vgg16-hed", "vgg19-imagenet"])
def test_quick_picks_fit_the_network(pick: str, network: str) -> None:
    content, style = layers.pick(pick, network, load_preset())
    recipe = load_preset().changed({"network": network, "content_layers": content, "style_layers": style})
    assert recipe.active_layers("style")
    if pick == "all":
        assert len(style) == (13 if network == "vgg16-hed" else 16)


def test_quick_picks_keep_the_presets_weights() -> None:
    """1.5e-5 to 150 on `vgg16-hed`: ones everywhere would leave the shallow layers alone to pull."""
    preset = load_preset("vgg16-lbfgs", "vgg16-hed")
    for name in layers.PICKS:
        content, style = layers.pick(name, "vgg16-hed", preset)
        assert content == {"conv4_2": 1.0}
        assert {layer: weight for layer, weight in style.items() if layer in preset.style_layers}.items() <= set(
            preset.style_layers.items()
        )
    assert style["conv4_1"] == pytest.approx((0.08 * 5.6) ** 0.5, rel=0.01)
    assert layers.pick("all", "vgg16-hed", preset)[1]["conv1_1"] == 1.5e-5
    assert layers.pick("all", "vgg16-hed", preset)[1]["conv5_3"] == 150
    assert set(layers.pick("all", "vgg19-imagenet", load_preset())[1].values()) == {1.0}
    assert layers.pick("paper", "vgg16-hed", load_preset("hrnet-photorealistic"))[0] == {"conv4_2": 1.0}


@pytest.mark.parametrize("name", STYLIZE)
def test_links_carry_what_differs_from_the_preset(name: str) -> None:
    recipe = load_preset(name)
    assert link_query(recipe) == f"?preset={name}"
    changed = recipe.changed({"seed": 9, "style_weight": 2.5e8, "style_layers": {"conv2_1": 3.0}})
    preset, _, packed = link_query(changed).removeprefix("?preset=").partition("&recipe=")
    assert recipe_of_link(preset, packed) == changed


@pytest.mark.parametrize("packed", ["%%%", "bm90IGpzb24", "W10", "eyJzZWVkIjotMX0", "eyJub3BlIjoxfQ", "A" * 30_000])
def test_broken_links_are_refused_in_words(packed: str) -> None:
    with pytest.raises(RecipeError):
        recipe_of_link("default", packed)


def test_a_missing_network_is_replaced_with_adapted_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "is_available", lambda name: name == "vgg16-hed")
    jobs = Jobs(device="cpu")
    wanted = load_preset("gatys-adam")
    recipe, missing = usable(wanted, jobs)
    assert (recipe, missing) == (load_preset("gatys-adam", network="vgg16-hed"), "vgg19-imagenet")
    own, missing = usable(wanted.changed({"seed": 3, "iterations": 77}), jobs)
    assert own == recipe.changed({"seed": 3, "iterations": 77})
    kept, missing = usable(load_preset(), jobs)
    assert (kept, missing) == (load_preset(), "")
    with pytest.raises(RecipeError):  # a layer that only VGG19 has
        usable(wanted.changed({"style_layers": {"conv3_4": 1.0}}), jobs)


def test_a_file_elsewhere_is_no_network_of_this_server() -> None:
    recipe, missing = usable(load_preset().changed({"network": "/etc/passwd"}), Jobs(device="cpu"))
    assert (recipe.network, missing) == ("vgg16-hed", "")


def test_recipes_are_read_from_json_and_from_pictures(tmp_path: Path) -> None:
    recipe = load_preset("vgg16-lbfgs", network="vgg16-hed")
    text = tmp_path / "recipe.json"
    text.write_text("\ufeff " + recipe.to_json(), "utf-8")
    assert read_recipe(str(text)) == recipe
    from PIL import Image

    for suffix in ("png", "jpg", "webp"):
        path = tmp_path / f"made.{suffix}"
        save_picture(Image.new("RGB", (32, 32), "olive"), path, recipe=recipe.to_json())
        assert read_recipe(str(path)) == recipe


def test_what_as_in_this_preset_means() -> None:
    assert preset_of(load_preset("gatys-adam")) == load_preset("gatys-adam")
    assert preset_of(load_preset().changed({"preset": "gone"})).style_weight == load_preset().style_weight


@pytest.mark.parametrize(
    ("content", "style", "stands"),
    [
        (1.0, 1.0, 0.0),
        (1.0, 10.0, 1.0),
        (10.0, 1.0, -1.0),
        (0.0, 0.0, 0.0),
        (0.0, 1.0, controls.MIX),
        (1.0, 0.0, -controls.MIX),
        (1e-300, 1e300, controls.MIX),
        (1e300, 1e-300, -controls.MIX),
        (1.0, -1e300, 0.0),
        (-2.0, -1.0, 0.0),
        (5e-324, 1.7e308, controls.MIX),
    ],
)
def test_the_slider_from_photo_to_painting_stands_somewhere_for_any_weights(
    content: float, style: float, stands: float
) -> None:
    assert controls.mixed(content, style, load_preset().changed({"content_weight": 1, "style_weight": 1})) == stands


BALANCED = [name for name, preset in presets().items() if preset.kind == "stylize" and load_preset(name).content_weight]


@pytest.mark.parametrize("name", BALANCED)
def test_that_slider_stands_in_the_middle_for_a_presets_own_weights(name: str) -> None:
    preset = load_preset(name)
    assert controls.mixed(preset.content_weight, preset.style_weight, preset) == 0
    assert controls.mixed(preset.content_weight, 100 * preset.style_weight, preset) == 2


@pytest.mark.parametrize("off", ["content_weight", "style_weight"])
def test_a_weight_that_a_preset_switches_off_comes_in_alone_and_goes_again(off: str) -> None:
    preset = load_preset().changed({"content_weight": 2.0, "style_weight": 0.05, off: 0.0})
    end = controls.MIX if off == "content_weight" else -controls.MIX
    assert controls.from_mix(end, preset) == (preset.content_weight, preset.style_weight)
    for position in (end - math.copysign(0.05, end), 0.0, -end):
        content, style = controls.from_mix(position, preset)
        assert (style == 0.05) if off == "content_weight" else (content == 2.0)
        assert content > 0
        assert style > 0
        assert controls.mixed(content, style, preset) == pytest.approx(position, abs=0.011)
