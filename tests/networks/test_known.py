"""How strong a network's layers are, and numbers that come with them: the source's balance on any network of its kind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage import data

from playground.engine.control import MemoryControl
from playground.engine.losses import CONTENT_LOSSES, STYLE_LOSSES, content_loss, style_loss
from playground.engine.run import Run
from playground.engine.statistics import style_statistic
from playground.images.convert import resize_picture
from playground.networks import strength
from playground.networks.catalogue import LAYERS, WeightsMissing, find, is_available
from playground.networks.known import known
from playground.networks.read import Weights
from playground.networks.strength import measured, strengths_of
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe
from playground.recipe.numbers import CONTENT_POWERS, STYLE_POWERS
from playground.recipe.presets import load_preset
from tests.helpers import reference
from tests.helpers.networks import identity_vgg19, in_torch, save_as_keras, save_state_dict

Pictures = tuple[Image.Image, Image.Image]
UNEVEN = dict(zip(LAYERS["vgg19"], (1, 3, 0.2, 5, 0.5, 2, 0.1, 7, 1, 0.3, 4, 0.25, 2, 1, 1, 1), strict=True))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, nothing of torch's or Keras's either; photographs are small, which takes a quarter of the time."""
    monkeypatch.setattr(strength, "SIDE", 128)
    for name in ("PLAYGROUND_HOME", "TORCH_HOME", "KERAS_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    (tmp_path / "PLAYGROUND_HOME").mkdir()
    return tmp_path / "PLAYGROUND_HOME"


@pytest.fixture(scope="session")
def hed_file(hed: Weights) -> Path:
    """The file of the default network, wherever it lies."""
    path = find("vgg16-hed")
    assert path is not None
    return path


def saved(weights: Weights, path: Path) -> str:
    save_state_dict(weights, path)
    return str(path)


# ---- measuring -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ported", [False, True])
def test_strengths_are_mean_squares_on_four_photographs(
    hed: Weights, ported: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against a plain pass in double precision, for both conventions."""
    monkeypatch.setattr(strength, "SIDE", 96)
    weights = in_torch(hed, biases=False) if ported else hed
    expected = {convention: dict.fromkeys(LAYERS["vgg16"], 0.0) for convention in ("caffe", "torch")}
    for photo in (data.astronaut(), data.chelsea(), data.coffee(), data.rocket()):
        small = resize_picture(Image.fromarray(photo), 96)
        unit = torch.frombuffer(bytearray(small.tobytes()), dtype=torch.uint8).double() / 255
        unit = unit.view(1, small.height, small.width, 3).permute(0, 3, 1, 2)
        inputs = {"caffe": reference.caffe_input(unit), "torch": reference.torch_input(unit)}
        for convention, values in inputs.items():
            if (convention == "caffe") == ported:  # in the order of channels that the file's own kernels expect
                values = values.flip(1)
            for layer, maps in reference.forward(weights.tensors, values).items():
                expected[convention][layer] += maps.square().mean().item() / 4
    found = measured(weights)
    for convention, layers in expected.items():
        assert found[convention] == pytest.approx(layers, rel=1e-4), convention


def test_the_same_kernels_in_the_sources_convention_are_as_strong_as_the_source(hed: Weights, home: Path) -> None:
    """Kernels and biases of `hed`, taken for a network of torch's convention: layer by layer, what `hed` itself gives."""
    there = in_torch(hed, biases=False)
    factors = known(saved(there, home / "net.safetensors")).factors("vgg16-caffe")
    ours, theirs = measured(there)["torch"], measured(hed)["caffe"]
    assert factors.against == "its own kernels in caffe's convention"
    for layer, factor in factors.of.items():
        assert factor == pytest.approx(theirs[layer] / ours[layer], rel=1e-3), layer
    assert max(factors.of.values()) > 50 * min(factors.of.values())  # biases weigh more the smaller the maps are


def test_unevenly_scaled_layers_are_found_where_the_source_is_here(hed: Weights, home: Path) -> None:
    saved(hed, home / "vgg16-caffe.safetensors")
    factors = known(saved(in_torch(hed, UNEVEN), home / "net.safetensors")).factors("vgg16-caffe")
    assert factors.against == "vgg16-caffe"
    for layer in LAYERS["vgg16"]:
        assert factors.of[layer] == pytest.approx((57.4 / UNEVEN[layer]) ** 2, rel=0.01), layer


def test_a_silent_layer_keeps_its_weight(hed: Weights, home: Path) -> None:
    tensors = {**hed.tensors, "conv5_3.weight": torch.zeros(512, 512, 3, 3), "conv5_3.bias": torch.full((512,), -1.0)}
    factors = known(saved(replace(hed, tensors=tensors), home / "net.safetensors")).factors("vgg16-imagenet")
    assert factors.of["conv5_3"] == 1
    assert factors.of["conv5_2"] != 1


def test_what_was_measured_is_kept_by_the_files_hash(hed: Weights, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = strengths_of(hed)
    (kept,) = (home / "strengths").iterdir()
    assert kept.name == f"{hed.sha256}-caffe.json"
    again: list[Weights] = []
    monkeypatch.setattr(strength, "measured", lambda weights: again.append(weights) or first)
    assert strengths_of(hed) == first
    assert again == []
    for times, spoilt in enumerate(
        (
            "",
            "[]",
            "{}",
            kept.read_text().replace("rocket", "moon"),
            kept.read_text().replace("conv5_3", "x"),
        ),
        1,
    ):
        kept.write_text(spoilt)
        assert strengths_of(hed) == first
        assert len(again) == times
    spoilt_values = json.loads(kept.read_text())
    spoilt_values["torch"]["conv1_1"] = float("nan")
    kept.write_text(json.dumps(spoilt_values))
    assert strengths_of(hed) == first
    assert len(again) == times + 1
    assert json.loads(kept.read_text())["torch"] == first["torch"]


def test_a_home_that_takes_nothing_is_no_hindrance(hed: Weights, home: Path) -> None:
    (home / "strengths").write_text("a file where a folder is wanted")
    assert strengths_of(hed)["caffe"].keys() == set(LAYERS["vgg16"])


def test_a_network_that_is_not_here_is_missing(home: Path) -> None:
    with pytest.raises(WeightsMissing, match="vgg16-imagenet is not on this machine"):
        load_preset("vgg16-lbfgs", known("vgg16-imagenet"))


def test_a_file_that_is_a_published_network_is_that(hed_file: Path, home: Path) -> None:
    assert not is_available("vgg16-hed")
    assert known(str(hed_file)).identity == "vgg16-hed"
    recipe = load_preset("gatys-adam", known(str(hed_file)))
    assert recipe == load_preset("gatys-adam", "vgg16-hed").changed({"network": str(hed_file)})


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("net.safetensors", ""),  # the maps of caffe's strength are in caffe's convention
        ("net.torch.pth", ""),  # the kernels alone do not tell which convention they were trained in
    ],
)
def test_a_usual_network_is_not_doubted(hed: Weights, home: Path, file: str, said: str) -> None:
    if file.endswith(".pth"):
        torch.save(hed.tensors, home / file)
    else:
        saved(hed, home / file)
    assert known(str(home / file)).doubt() == said


def test_kernels_that_contradict_the_convention_are_doubted(hed: Weights, home: Path) -> None:
    """Ports that have taken the scale of the input, or of the maps, into the first kernels."""
    scale = 57.4
    first = {
        "conv1_1.weight": hed.tensors["conv1_1.weight"] / scale,
        "conv1_1.bias": hed.tensors["conv1_1.bias"] / scale,
    }
    small = replace(hed, tensors={**hed.tensors, **first})
    large = in_torch(hed, dict.fromkeys(LAYERS["vgg16"], scale))
    for weights, told, other in ((small, "caffe", "torch"), (large, "torch", "caffe")):
        doubt = known(saved(weights, home / f"{told}.safetensors")).doubt()
        assert f"taken for a network in {told}'s convention" in doubt
        assert f"put the word {other} into its name" in doubt


# ---- powers ----------------------------------------------------------------------------------------------------------


def test_every_loss_grows_with_the_maps_as_the_conversion_takes_it() -> None:
    chance = torch.Generator().manual_seed(0)
    ours, target = (torch.rand(1, 6, 8, 8, generator=chance).double() for _ in range(2))
    assert CONTENT_POWERS.keys() == CONTENT_LOSSES.keys()
    assert STYLE_POWERS.keys() == STYLE_LOSSES.keys()
    for name, power in CONTENT_POWERS.items():
        grown = content_loss(3 * ours, 3 * target, name) / content_loss(ours, target, name)
        assert grown.item() == pytest.approx(9**power), name
    for name, power in STYLE_POWERS.items():
        first, second = (
            (style_statistic(ours), style_statistic(target)),
            (style_statistic(3 * ours), style_statistic(3 * target)),
        )
        assert (style_loss(*second, name) / style_loss(*first, name)).item() == pytest.approx(9**power), name


# ---- what it must show -----------------------------------------------------------------------------------------------


def first_shares(pictures: Pictures, recipe: Recipe, weights: Weights) -> tuple[dict[str, float], dict[str, float]]:
    """How strongly each term pulls at the first step, in hundredths, and every layer's loss there."""
    control = MemoryControl()
    control.want_shares(True)
    # Edges continued, since the port's zeros there mean another grey than the original's.
    small = recipe.changed({"size": 128, "iterations": 1, "padding": "replicate"})
    for frame in Run(*pictures, small, Vgg(weights), control).frames():
        if frame.shares is not None:
            return {term: 100 * share for term, share in frame.shares.items()}, dict(frame.layers)
    raise AssertionError("no shares were measured")


@pytest.fixture(scope="module", params=[("vgg16-lbfgs", "vgg16-caffe"), ("tf-adam-tv", "vgg19-caffe")])
def sourced(
    request: pytest.FixtureRequest, hed: Weights, pictures: Pictures
) -> tuple[str, str, Weights, dict[str, float], dict[str, float]]:
    """A preset, its source's network, a stand-in for that, and what the stand-in gives at the first step."""
    preset, network = request.param
    weights = hed if network == "vgg16-caffe" else identity_vgg19(hed)
    return preset, network, weights, *first_shares(pictures, load_preset(preset), weights)


def test_a_caffe_file_gets_the_sources_numbers_and_balance(
    sourced: tuple[str, str, Weights, dict[str, float], dict[str, float]], home: Path, pictures: Pictures
) -> None:
    preset, network, weights, shares, _ = sourced
    save_as_keras(weights, home / f"{network}.h5")
    recipe = load_preset(preset, known(str(home / f"{network}.h5")))
    assert recipe.numbers == "source"
    assert recipe == load_preset(preset).changed({"network": str(home / f"{network}.h5")})
    assert first_shares(pictures, recipe, weights)[0] == shares


@pytest.mark.parametrize("source_is_here", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_same_network_in_torchs_convention_keeps_the_balance(
    sourced: tuple[str, str, Weights, dict[str, float], dict[str, float]], home: Path, pictures: Pictures,
    source_is_here: bool,
) -> None:  # fmt: skip
    preset, network, weights, shares, layers = sourced
    if source_is_here:
        saved(weights, home / f"{network}.safetensors")
    ported = in_torch(weights, UNEVEN if source_is_here else None)
    recipe = load_preset(preset, known(saved(ported, home / "ported.safetensors")))
    assert recipe.numbers == "converted"
    found, by_layer = first_shares(pictures, recipe, ported)
    assert found == pytest.approx(shares, abs=0.2 if source_is_here else 2)
    if source_is_here:  # else the file cannot tell how much its biases have shrunk
        assert by_layer == pytest.approx(layers, rel=0.03)
    bare = load_preset(preset).changed({"network": recipe.network})
    assert first_shares(pictures, bare, ported)[0] != pytest.approx(shares, abs=2)
