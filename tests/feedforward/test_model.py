"""The feed-forward network, its file, and what other trainers' files become."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from playground.feedforward.apply import Stylizer
from playground.feedforward.layouts import ModelError, names_in_layout
from playground.feedforward.model import Model, ModelCard, load_model, save_model, thumbnail
from playground.networks.transformer import TransformerNet, new_network

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def lively(width: int = 4, blocks: int = 2, seed: int = 0) -> TransformerNet:
    """A small network whose normalisations do something, unlike fresh ones."""
    network = new_network(width, blocks, seed)
    torch.manual_seed(seed + 1)
    for name, parameter in network.named_parameters():
        if ".norm." in name:
            nn.init.uniform_(parameter, 0.3, 1.5)
    return network.eval().requires_grad_(False)


def test_the_published_number_of_parameters() -> None:
    assert sum(p.numel() for p in TransformerNet().parameters()) == 1_679_235
    assert sum(p.numel() for p in TransformerNet(16).parameters()) == 424_899


def plain(network: TransformerNet, x: Tensor) -> Tensor:
    """The network written out layer by layer."""

    def layer(x: Tensor, layer: Any, relu: bool = True) -> Tensor:
        pad = layer.conv.kernel_size[0] // 2
        x = nn.functional.conv2d(
            nn.functional.pad(x, [pad] * 4, mode="reflect"), layer.conv.weight, layer.conv.bias, layer.conv.stride
        )
        if layer.norm is not None:
            mean, var = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True, correction=0)
            x = (x - mean) / (var + 1e-5).sqrt()
            x = x * layer.norm.weight.view(1, -1, 1, 1) + layer.norm.bias.view(1, -1, 1, 1)
        return x.clamp_min(0) if relu else x

    for down in (network.down1, network.down2, network.down3):
        x = layer(x, down)
    blocks: Any = network.residuals
    for block in blocks:
        x = x + layer(layer(x, block.first), block.second, relu=False)
    for up in (network.up1, network.up2):
        x = layer(x.repeat_interleave(2, 2).repeat_interleave(2, 3), up)
    return layer(x, network.out, relu=False)


def test_the_network_computes_its_formula() -> None:
    network = lively()
    x = torch.randn(2, 3, 24, 20)
    assert torch.allclose(network(x), plain(network, x), atol=1e-4)
    kernels = {name: tuple(value.shape[2:]) for name, value in network.state_dict().items() if "conv.weight" in name}
    assert kernels["down1.conv.weight"] == kernels["out.conv.weight"] == (9, 9)
    assert {size for name, size in kernels.items() if name not in ("down1.conv.weight", "out.conv.weight")} == {(3, 3)}


@pytest.mark.parametrize("size", [(33, 46), (8, 8), (15, 64), (31, 29)])
def test_the_output_has_the_inputs_size(size: tuple[int, int]) -> None:
    assert lively()(torch.randn(1, 3, *size)).shape == (1, 3, *size)


def test_first_weights_follow_from_the_seed_alone() -> None:
    first, again, other = (new_network(4, 1, seed).out.conv.weight for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


# ---- the file -------------------------------------------------------------------------------------------------------


def test_a_model_and_what_it_says_of_itself_come_back(tmp_path: Path) -> None:
    style = Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 200, 3), dtype=np.uint8))
    about = ModelCard("wave", 7, {"seed": 1}, [{"step": 1, "total": 2.5}], thumbnail(style), "abc", 5, "train wave")
    save_model(lively(), about, tmp_path / "wave.safetensors")
    model = load_model(tmp_path / "wave.safetensors")
    assert model.card == about
    assert model.card.thumbnail is not None
    assert model.card.thumbnail.size == (85, 128)
    assert (model.network.width, model.network.blocks) == (4, 2)
    x = torch.randn(1, 3, 16, 16)
    assert torch.equal(model.network(x), lively()(x))
    assert [path.name for path in tmp_path.iterdir()] == ["wave.safetensors"]


def test_half_precision_halves_the_file_and_hardly_changes_the_picture(tmp_path: Path) -> None:
    network = lively(8)
    save_model(network, ModelCard(), tmp_path / "whole.safetensors")
    save_model(network, ModelCard(), tmp_path / "half.safetensors", half=True)
    assert (tmp_path / "half.safetensors").stat().st_size < 0.6 * (tmp_path / "whole.safetensors").stat().st_size
    x = torch.rand(1, 3, 32, 32)
    whole, half = (Stylizer(load_model(tmp_path / f"{name}.safetensors"))(x) for name in ("whole", "half"))
    assert 0 < float((whole - half).abs().max()) < 0.03


def test_a_model_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(lively(), ModelCard("old"), path)
    with pytest.raises(ModelError, match="could not be written"):
        save_model(lively(), ModelCard("new"), tmp_path / "missing" / "model.safetensors")
    with pytest.raises(ValueError, match="JSON"):
        save_model(lively(), ModelCard("new", curve=[{"total": float("nan")}]), path)
    assert load_model(path).card.title == "old"
    assert len(list(tmp_path.iterdir())) == 1


# ---- other layouts --------------------------------------------------------------------------------------------------


def in_layout(network: TransformerNet, layout: str) -> dict[str, Tensor]:
    ours = network.state_dict()
    return {theirs: ours[name].clone() for name, theirs in names_in_layout(network.blocks, layout).items()}


def test_the_layouts_names_are_those_of_their_trainers() -> None:
    linder, examples = names_in_layout(5, "eriklindernoren"), names_in_layout(5, "pytorch/examples")
    assert linder["down1.conv.weight"] == "model.0.block.1.weight"
    assert linder["down3.norm.bias"] == "model.2.norm.bias"
    assert linder["residuals.4.second.conv.bias"] == "model.7.block.1.block.1.bias"
    assert linder["residuals.0.first.norm.weight"] == "model.3.block.0.norm.weight"
    assert linder["up1.conv.weight"] == "model.8.block.1.weight"
    assert linder["out.conv.weight"] == "model.10.block.1.weight"
    assert examples["down2.norm.weight"] == "in2.weight"
    assert examples["residuals.4.second.norm.bias"] == "res5.in2.bias"
    assert examples["residuals.4.second.conv.bias"] == "res5.conv2.conv2d.bias"
    assert examples["up1.conv.weight"] == "deconv1.conv2d.weight"
    assert examples["up1.norm.weight"] == "in4.weight"
    assert examples["up2.norm.weight"] == "in5.weight"
    assert examples["out.conv.bias"] == "deconv3.conv2d.bias"
    assert "out.norm.weight" not in examples


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_eriklindernorens_files_are_converted(tmp_path: Path, suffix: str) -> None:
    network = lively(4, 3)
    state = {f"module.{name}": value for name, value in in_layout(network, "eriklindernoren").items()}
    state["module.model.0.norm.running_mean"] = torch.zeros(4)
    path = tmp_path / f"theirs{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save({"state_dict": state}, path)
    model = load_model(path)
    x = torch.randn(1, 3, 20, 20)
    assert torch.equal(model.network(x), network(x))
    assert (model.card.layout, model.card.title) == ("eriklindernoren", "theirs")


def test_pytorch_examples_files_are_converted_with_their_range(tmp_path: Path) -> None:
    network = lively(4, 2)
    state = in_layout(network, "pytorch/examples")
    state["in1.running_mean"], state["in1.running_var"] = torch.ones(4), torch.ones(4)
    torch.save(state, tmp_path / "mosaic.model")
    unit = torch.rand(1, 3, 24, 28)
    theirs = plain(network, unit * 255) / 255  # their networks take and give pictures in [0, 255]
    ours = load_model(tmp_path / "mosaic.model").network((unit - MEAN) / STD) * STD + MEAN
    assert float((ours - theirs).abs().max()) < 1e-4


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_model(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_no_model_is_refused_with_the_first_key_that_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"encoder.weight": torch.zeros(3)}, path)
    assert "'encoder.weight'" in refusal(path)
    state = in_layout(lively(), "pytorch/examples")
    missing = {name: value for name, value in state.items() if name != "res2.in1.bias"}
    save_file(missing, path)
    assert "no 'res2.in1.bias'" in refusal(path)
    save_file({**state, "extra.weight": torch.zeros(1)}, path)
    assert "'extra.weight' does not belong" in refusal(path)
    save_file({**state, "deconv1.conv2d.weight": torch.zeros(8, 16, 5, 5)}, path)
    assert "up1.conv.weight has the shape (8, 16, 5, 5)" in refusal(path)
    state["conv2.conv2d.bias"][0] = float("nan")
    save_file(state, path)
    assert "not finite" in refusal(path)


def test_a_pickle_that_would_run_code_is_not_opened(tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (ran,)

    path = tmp_path / "model.pth"
    path.write_bytes(pickle.dumps({"conv1.conv2d.weight": Trap()}, protocol=2))  # torch's own
    refusal(path)
    torch.save({"conv1.conv2d.weight": Trap()}, path)
    assert "more than tensors" in refusal(path)
    assert not ran.exists()


def test_files_that_are_missing_damaged_or_cut_short_are_refused(tmp_path: Path) -> None:
    assert "there is no model" in refusal(tmp_path / "nothing.safetensors")
    path = tmp_path / "model.safetensors"
    save_model(lively(), ModelCard(), path)
    whole = path.read_bytes()
    for damaged in (b"", b"no model", whole[:-100], whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        assert "damaged" in refusal(path)
    other = tmp_path / "model.pth"
    other.write_bytes(b"PK\x03\x04 no archive")
    refusal(other)


def test_a_painter_needs_no_gradients() -> None:
    painted = Stylizer(Model(new_network(4, 1, 0), ModelCard()))(torch.rand(1, 3, 16, 16))
    assert not painted.requires_grad
