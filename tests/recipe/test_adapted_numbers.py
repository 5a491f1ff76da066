"""Numbers belong to a network: which apply where, how they are converted, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from playground.recipe.adapted_numbers import Factors, converted
from playground.recipe.base import DEFAULT_NETWORK, BaseRecipe, RecipeError
from playground.recipe.other_network import differences, on_network, whose
from playground.recipe.parse import recipe_on_preset
from playground.recipe.presets import find_preset, load_preset, load_training_preset, presets

LAYERS = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv4_1", "conv4_2", "conv5_1", "conv5_2")
MEASURED = dict(zip(LAYERS, (3000.0, 2000.0, 0.5, 1.0, 7.0, 100.0, 0.01, 11.0, 13.0, 17.0), strict=True))


@dataclass
class Some:
    """A network with made-up factors, which counts how often it was measured."""

    name: str
    kind: tuple[str, str]
    identity: str = ""
    measured: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.identity = self.identity or self.name

    def factors(self, source: str) -> Factors:
        self.measured.append(source)
        return Factors(MEASURED, source)


NAMED = {
    "vgg16-hed": ("vgg16", "caffe"),
    "vgg16-imagenet": ("vgg16", "torch"),
    "vgg19-imagenet": ("vgg19", "torch"),
    "vgg16-caffe": ("vgg16", "caffe"),
    "vgg19-caffe": ("vgg19", "caffe"),
}


def look(name: str) -> Some:
    return Some(name, NAMED[name])


SOURCED = [name for name, preset in presets().items() if preset.numbers == "source" and preset.kind == "stylize"]


@pytest.mark.parametrize("name", SOURCED)
def test_a_file_of_the_sources_kind_has_the_sources_numbers(name: str) -> None:
    file = Some("my own.h5", NAMED[find_preset(name).network])
    recipe = load_preset(name, file)
    assert recipe == load_preset(name).changed({"network": "my own.h5"})
    assert recipe.numbers == "source"
    assert file.measured == []


@pytest.mark.parametrize("name", SOURCED)
def test_another_kind_has_the_sources_numbers_converted(name: str) -> None:
    source = load_preset(name)
    for kind in {("vgg16", "torch"), ("vgg16", "caffe"), ("vgg19", "torch"), ("vgg19", "caffe")} - {
        NAMED[source.network]
    }:
        file = Some("my own.h5", kind)
        recipe = load_preset(name, file)
        assert (recipe.numbers, file.measured) == ("converted", [source.network])
        for layer, weight in source.content_layers.items():
            assert recipe.content_layers[layer] == pytest.approx(weight * MEASURED[layer], rel=1e-3)
        for layer, weight in source.style_layers.items():
            assert recipe.style_layers[layer] == pytest.approx(weight * MEASURED[layer] ** 2, rel=1e-3)
        same = {"network", "numbers", "measured_against", "content_layers", "style_layers"}
        assert recipe.measured_against == source.network
        assert recipe.model_dump(exclude=same) == source.model_dump(exclude=same)


@pytest.mark.parametrize("name", SOURCED)
def test_the_default_networks_numbers_are_its_own_alone(name: str) -> None:
    adapted = load_preset(name, DEFAULT_NETWORK)
    assert adapted.numbers == "adapted"
    copy = Some("a copy of it.h5", ("vgg16", "caffe"), identity=DEFAULT_NETWORK)
    assert load_preset(name, copy) == adapted.changed({"network": copy.name})


@pytest.mark.parametrize("name", [name for name, preset in presets().items() if preset.numbers == "own"])
def test_the_playgrounds_own_weights_are_the_same_everywhere(name: str) -> None:
    """They compare every layer with itself, so that nothing has to be measured."""
    load = load_preset if find_preset(name, presets()[name].kind).kind == "stylize" else load_training_preset
    file = Some("my own.h5", ("vgg19", "torch"))
    assert load(name, file).model_dump(exclude={"network"}) == load(name).model_dump(exclude={"network"})
    assert file.measured == []


def test_a_training_is_converted_too() -> None:
    recipe = load_training_preset("fast-1", Some("my own.h5", ("vgg16", "caffe")))
    assert recipe.numbers == "converted"
    assert recipe.style_layers["conv1_2"] == pytest.approx(2000.0**2)


def test_a_name_alone_cannot_be_measured() -> None:
    with pytest.raises(RecipeError, match="made for vgg16-caffe have to be converted to 'vgg16-imagenet'"):
        load_preset("vgg16-lbfgs", "vgg16-imagenet")


def test_relative_losses_need_no_conversion() -> None:
    stated = {
        "content_loss": "relative", "style_loss": "moments", "content_layers": {"conv4_2": 2.0},
        "style_layers": {"conv1_1": 3.0},
    }  # fmt: skip
    assert converted(stated, MEASURED) == {"content_layers": {"conv4_2": 2.0}, "style_layers": {"conv1_1": 3.0}}


# ---- a recipe on another network -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SOURCED)
def test_a_recipe_goes_to_another_network_and_comes_back_the_same(name: str) -> None:
    source, other, home = load_preset(name), look(DEFAULT_NETWORK), look(find_preset(name).network)
    there = on_network(source, other)
    assert there == load_preset(name, DEFAULT_NETWORK)
    assert on_network(there, home, other) == source
    file = Some("my own.h5", ("vgg16", "torch") if home.kind != ("vgg16", "torch") else ("vgg16", "caffe"))
    assert on_network(on_network(there, file, other), home, file) == source
    assert on_network(on_network(source, file, home), other, file) == there


def test_what_a_person_has_set_keeps_its_ratio_to_the_preset() -> None:
    mine = load_preset("vgg16-lbfgs", DEFAULT_NETWORK)
    mine = mine.changed(
        {"style_weight": mine.style_weight * 3, "style_layers.conv4_2": 11.2, "seed": 7, "init": "grey"}
    )
    there = on_network(mine, look("vgg16-caffe"))
    assert (there.style_weight, there.seed, there.init, there.init_mix) == (3.0, 7, "grey", 0.5)
    assert there.style_layers == {"conv1_2": 0.05, "conv2_2": 0.2, "conv3_2": 0.2, "conv4_2": 0.5, "conv5_2": 0.3}
    assert (there.padding, there.variation_weight, there.numbers) == ("zeros", 0.0, "source")
    off = on_network(mine.changed({"style_layers.conv5_2": 0.0, "content_weight": 0.0}), look("vgg16-caffe"))
    assert (off.style_layers["conv5_2"], off.content_weight) == (0.0, 0.0)
    more = on_network(mine.changed({"style_layers.conv3_1": 0.25}), look("vgg16-caffe"))
    assert more.style_layers["conv3_1"] == 0.25  # the preset has no weight for it that could be compared


def test_converted_numbers_are_the_presets_also_where_the_file_is_gone() -> None:
    file = Some("gone.pth", ("vgg19", "torch"))
    there = load_preset("tf-adam-tv", file).changed({"seed": 3})
    assert on_network(there, look("vgg19-caffe"), None) == load_preset("tf-adam-tv").changed({"seed": 3})


def test_layers_that_a_network_lacks_are_refused_or_dropped() -> None:
    recipe = load_preset("gatys-adam").changed({"style_layers.conv3_4": 1.0})
    with pytest.raises(RecipeError, match="vgg16-hed has no layer called 'conv3_4'"):
        on_network(recipe, look(DEFAULT_NETWORK))
    assert "conv3_4" not in on_network(recipe, look(DEFAULT_NETWORK), drop=True).style_layers


def test_a_recipe_of_no_known_preset_keeps_its_numbers() -> None:
    recipe = load_preset("gatys-adam").changed({"preset": "of long ago"})
    assert on_network(recipe, look(DEFAULT_NETWORK)) == recipe.changed({"network": DEFAULT_NETWORK})


def test_a_saved_recipe_that_gets_another_network_gets_its_numbers() -> None:
    saved = load_preset("gatys-adam", DEFAULT_NETWORK).changed({"seed": 4}).model_dump(mode="json")
    moved = recipe_on_preset("gatys-adam", saved, {"network": "vgg19-imagenet", "size": 100}, known=look)
    assert moved == load_preset("gatys-adam").changed({"seed": 4, "size": 100})
    same = recipe_on_preset("gatys-adam", saved, {"network": DEFAULT_NETWORK}, known=look)
    assert same.model_dump(mode="json") == saved
    stated = recipe_on_preset("gatys-adam", saved, {"network": "vgg19-imagenet", "style_weight": 5}, known=look)
    assert stated.style_weight == 5
    partial = {"network": DEFAULT_NETWORK, "style_weight": 5}  # a number that is stated for no whole recipe stays
    assert recipe_on_preset("gatys-adam", partial, {"network": "vgg19-imagenet"}, known=look).style_weight == 5


# ---- in words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SOURCED)
def test_every_field_that_differs_from_the_source_is_said_with_a_reason(name: str) -> None:
    source = load_preset(name)
    for recipe in (load_preset(name, DEFAULT_NETWORK), load_preset(name, Some("my.pth", ("vgg16", "caffe")))):
        departs = find_preset(name).departs.keys()
        if recipe.numbers == "source":
            assert {one.setting for one in differences(recipe)} == departs
            continue
        theirs, ours = source.model_dump(), recipe.model_dump()
        changed = {key for key in ours if ours[key] != theirs[key]} - {"numbers", "measured_against"}
        said = differences(recipe)
        assert {one.setting for one in said} == changed | departs
        assert all(one.reason and one.label and one.source != one.here for one in said)
        assert source.network in whose(recipe)
        assert recipe.network in whose(recipe)


def test_a_changed_start_has_a_reason_of_its_own() -> None:
    for name in ("vgg16-lbfgs", "tf-adam-tv"):
        by_setting = {one.setting: one for one in differences(load_preset(name, DEFAULT_NETWORK))}
        assert (by_setting["init"].source, by_setting["init"].here) == ("noise", "mix")
        assert "tuned to find edges" in by_setting["init"].reason
        assert set(find_preset(name).because) <= set(find_preset(name).adapted[DEFAULT_NETWORK])
    assert by_setting["variation_weight"].source == "1e+08"
    assert by_setting["style_layers"].here.startswith("conv1_1 2.6, conv2_1 0.8")


def test_what_is_never_as_in_the_source_is_said_on_its_own_network_too() -> None:
    def said(recipe: BaseRecipe) -> dict[str, tuple[str, str]]:
        return {one.setting: (one.here, one.source) for one in differences(recipe)}

    gatys = load_preset("gatys-adam")
    assert said(gatys) == {
        "size": ("224", "224×224"), "content_weight": ("1", "none of its own"), "style_weight": ("1e+06", "none of its own"),
    }  # fmt: skip
    assert said(gatys.changed({"crop": "1:1", "style_weight": 3})).keys() == {"content_weight"}
    adapted = said(load_preset("gatys-adam", DEFAULT_NETWORK))
    assert adapted["network"] == ("vgg16-hed", "vgg19-imagenet")
    assert adapted["content_weight"] == ("0.0003", "none of its own")
    assert said(load_preset("tf-adam-tv", DEFAULT_NETWORK))["init_mix"] == ("0.8", "—")  # it starts from noise alone
    fast = load_training_preset("fast-2")
    assert said(fast) == {"learning_rate": ("0.001", "1e-05")}
    assert said(fast.changed({"learning_rate": 1e-5})) == {}
    assert "1 000 000" not in find_preset("gatys-adam").note  # which stands above other numbers too


def test_own_numbers_need_no_words() -> None:
    assert whose(load_preset()) == ""
    assert differences(load_preset()) == []
    assert whose(load_preset("gatys-adam")) == "The source's numbers, made for vgg19-imagenet"
