"""How strong a network's layers are, and numbers that come with them: the source's balance on any network of its kind."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage import data

from playground.engine.control import MemoryControl
from playground.engine.losses import STYLE_LOSSES, content_loss, style_loss
from playground.engine.pointwise import CONTENT_LOSSES
from playground.engine.run import Run
from playground.engine.statistics import style_statistic
from playground.images.convert import resize_picture
from playground.networks import strength
from playground.networks.catalogue import LAYERS, SHA256, WeightsMissing, find, is_available, sha256_of
from playground.networks.network_facts import KnownNetwork, known
from playground.networks.read import Weights, _described
from playground.networks.strength import measured, strengths_of
from playground.networks.vgg import Vgg
from playground.recipe.adapted_numbers import CONTENT_POWERS, STYLE_POWERS
from playground.recipe.model import Recipe
from playground.recipe.other_network import on_network, whose
from playground.recipe.presets import load_preset
from tests.helpers import reference
from tests.helpers.networks import identity_vgg19, in_torch, save_as_keras, save_state_dict, torchvision_names

Pictures = tuple[Image.Image, Image.Image]
UNEVEN = dict(zip(LAYERS["vgg19"], (1, 3, 0.2, 5, 0.5, 2, 0.1, 7, 1, 0.3, 4, 0.25, 2, 1, 1, 1), strict=True))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, nothing of torch's or Keras's either; photographs are small, which takes a quarter of the time."""
    monkeypatch.setattr(strength, "SIDE", 96)
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
    assert factors.against == "its own kernels"
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


def taken_for(convention: str, weights: Weights, home: Path) -> str:
    """A file that says it is in a convention, whatever is in it."""
    return saved(replace(weights, network=replace(weights.network, convention=convention)), home / "net.safetensors")


UNEVEN_HED = {layer: scale if layer != "conv1_1" else 1.5 for layer, scale in UNEVEN.items()}


def unevenly(weights: Weights) -> Weights:
    """The same network with its layers rescaled among one another, biases and all."""
    tensors, before = dict(weights.tensors), 1.0
    for layer in LAYERS[weights.network.architecture]:
        scale = UNEVEN_HED[layer]
        tensors[f"{layer}.weight"] = tensors[f"{layer}.weight"] * (scale / before)
        tensors[f"{layer}.bias"] = tensors[f"{layer}.bias"] * scale
        before = scale
    return replace(weights, tensors=tensors)


@pytest.mark.parametrize("deep", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("uneven", [False, True])
@pytest.mark.parametrize("trained", ["caffe", "torch"])
def test_a_file_in_the_wrong_convention_is_told_and_a_right_one_is_not(
    hed: Weights, home: Path, trained: str, uneven: bool, deep: bool
) -> None:
    weights = identity_vgg19(hed) if deep else hed
    if trained == "torch":
        weights = in_torch(weights, UNEVEN_HED if uneven else None)
    elif uneven:
        weights = unevenly(weights)
    assert known(taken_for(trained, weights, home)).doubt() == ""
    other = "torch" if trained == "caffe" else "caffe"
    doubt = known(taken_for(other, weights, home)).doubt()
    assert (
        f"net.safetensors is taken for a network in {other}'s convention, and answers as if trained in the other"
        in doubt
    )
    assert doubt.endswith(
        f"correct the convention in its metadata, which counts more than its name, to {trained}"  # as saved() states it
    )


@pytest.mark.slow  # a dozen seconds; the metadata's advice is tested above
def test_kernels_of_caffe_under_torchs_names_are_told_with_what_helps(hed: Weights, home: Path) -> None:
    """Every advice is followed, and nothing is left to be said."""
    torch.save(hed.tensors, home / "my torch net.pth")
    by_name = known(str(home / "my torch net.pth")).doubt()
    assert by_name.endswith("put the word caffe into its name in place of torch")
    assert known(str((home / "my torch net.pth").rename(home / "my caffe net.pth"))).doubt() == ""
    torch.save(torchvision_names(hed), home / "vgg16.pth")  # whose layout means torch
    by_layout = known(str(home / "vgg16.pth")).doubt()
    assert by_layout.endswith("put the word caffe into its name, apart from other letters and digits")
    assert known(str((home / "vgg16.pth").rename(home / "vgg16 (caffe).pth"))).doubt() == ""
    stated = taken_for("torch", hed, home)
    by_metadata = known(str(Path(stated).rename(home / "net-caffe.safetensors"))).doubt()  # a name does not help
    assert by_metadata.endswith("in its metadata, which counts more than its name, to caffe")
    assert known(taken_for("caffe", hed, home)).doubt() == ""


def test_a_port_under_the_name_of_a_source_s_network_is_told_where_it_belongs(hed: Weights, home: Path) -> None:
    save_as_keras(in_torch(hed), home / "vgg16-caffe.h5")
    assert known("vgg16-caffe").doubt() == (
        "vgg16-caffe.h5 lies here as vgg16-caffe, and answers as if trained in the other convention, so that it would paint "
        "with the wrong numbers: give it a name of its own, and put the file of vgg16-caffe in its place"
    )


def test_what_numbers_were_measured_against_is_said(hed: Weights, home: Path) -> None:
    file = saved(in_torch(hed), home / "ported.safetensors")
    alone = load_preset("vgg16-lbfgs", known(file))
    assert alone.measured_against == "its own kernels"
    assert whose(alone) == (
        f"The source's numbers for vgg16-caffe, converted layer by layer to {file}, measured against its own kernels alone, "
        "which presumes that no layer was rescaled among the others"
    )
    save_as_keras(hed, home / "vgg16-caffe.h5")
    beside = load_preset("vgg16-lbfgs", known(file))
    assert whose(beside).endswith(f"layer by layer to {file}, measured against vgg16-caffe")
    moved = on_network(beside, known("vgg16-caffe"), known(file))
    assert (moved.numbers, moved.measured_against) == ("source", None)
    assert on_network(moved, known(file)) == beside
    assert whose(beside.changed({"measured_against": None})).endswith(file)  # of a version that did not note it


def test_a_published_file_is_what_it_is_whatever_it_is_called(
    hed: Weights, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its hash: here that of a port, since torchvision's own files are too large for a test."""
    path = saved(in_torch(hed), home / "caffe.safetensors")
    renamed = home / "vgg16.caffe.pth"
    torch.save(torchvision_names(in_torch(hed)), renamed)
    assert known(str(renamed)).kind == ("vgg16", "caffe")
    for file in (path, str(renamed)):
        monkeypatch.setitem(SHA256, "vgg16-imagenet", sha256_of(Path(file))[:8])
        _described.cache_clear()
        assert known(file) == KnownNetwork(file, "vgg16-imagenet", ("vgg16", "torch"))
        assert known(file).doubt() == ""


def test_maps_of_another_strength_are_said(hed: Weights, home: Path) -> None:
    """Right files whose layers are all sixty times weaker, or stronger, than is usual in their convention."""
    scale = 57.4
    weak, before = dict(hed.tensors), 1.0
    for layer in LAYERS["vgg16"]:
        weak[f"{layer}.weight"] = weak[f"{layer}.weight"] / scale * before
        weak[f"{layer}.bias"] = weak[f"{layer}.bias"] / scale
        before = scale
    strong = in_torch(hed, dict.fromkeys(LAYERS["vgg16"], scale))
    for weights, told, said in (
        (replace(hed, tensors=weak), "caffe", r"answers with 0\.[67]\d? where about 35 is usual"),
        (strong, "torch", r"answers with [34]\d where about 1 is usual"),
    ):
        doubt = known(taken_for(told, weights, home)).doubt()
        assert f"is a network in {told}'s convention, yet its first layer" in doubt
        assert re.search(said, doubt), doubt
        assert doubt.endswith("a source's numbers may not fit it")


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
    # At tf-adam-tv's own size; in smaller pictures the edge counts for more, where the port's zeros mean another grey.
    small = recipe.changed({"size": 224, "iterations": 1})
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
    assert found == pytest.approx(shares, abs=0.5 if source_is_here else 1)
    if source_is_here:  # else the file cannot tell how much its biases have shrunk
        assert by_layer == pytest.approx(layers, rel=0.03)
    bare = load_preset(preset).changed({"network": recipe.network})
    assert first_shares(pictures, bare, ported)[0] != pytest.approx(shares, abs=2)
