"""VGG as named activations: conventions, pools, edges, where the pass stops, and VGG19 against VGG16."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from playground.errors import PlaygroundError
from playground.networks.read import Weights
from playground.networks.vgg import Vgg
from tests.helpers import reference
from tests.helpers.networks import as_with_bfloat16, identity_vgg19


@pytest.fixture
def picture() -> torch.Tensor:
    return torch.rand((1, 3, 37, 50), generator=torch.Generator().manual_seed(3))


def test_every_layer_equals_a_plain_double_precision_network(hed: Weights, picture: torch.Tensor) -> None:
    expected = reference.forward(hed.tensors, reference.caffe_input(picture))
    got = Vgg(hed)(picture, expected)
    assert got.keys() == expected.keys()
    for name, maps in expected.items():
        assert got[name].shape == maps.shape
        assert float((got[name] - maps).abs().max()) <= 2e-5 * float(maps.abs().max()), name


def test_first_layer_is_a_convolution_over_bgr_minus_means(hed: Weights, picture: torch.Tensor) -> None:
    """One output written out as a sum over the window, beyond whose edge the mean colour (zero) stands."""
    maps = Vgg(hed)(picture, ["conv1_1"])["conv1_1"]
    pixels = picture[0].double().numpy()
    means = (103.939, 116.779, 123.68)
    for y, x, channel in [(0, 0, 5), (0, 49, 20), (18, 25, 63), (36, 49, 0)]:
        total = float(hed.tensors["conv1_1.bias"][channel])
        for c in range(3):
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    if 0 <= y + dy < 37 and 0 <= x + dx < 50:
                        value = pixels[2 - c, y + dy, x + dx] * 255 - means[c]
                        total += value * float(hed.tensors["conv1_1.weight"][channel, c, dy + 1, dx + 1])
        assert float(maps[0, channel, y, x]) == pytest.approx(max(total, 0), rel=1e-4, abs=1e-2)


def test_torch_convention_is_mean_and_deviation(hed: Weights, picture: torch.Tensor) -> None:
    network = Vgg(Weights(network=_with_convention(hed, "torch"), tensors=hed.tensors, sha256=hed.sha256))
    assert torch.allclose(network.preprocess(picture).double(), reference.torch_input(picture), atol=1e-6)


def _with_convention(weights: Weights, convention: Literal["torch", "caffe"]) -> Any:
    from dataclasses import replace

    return replace(weights.network, convention=convention)


@pytest.mark.parametrize("layer", ["conv1_1", "conv2_2", "conv3_1", "conv5_3"])
def test_a_single_layer_is_the_same_as_among_all(hed: Weights, picture: torch.Tensor, layer: str) -> None:
    network = Vgg(hed)
    assert torch.equal(network(picture, [layer])[layer], network(picture, network.layers)[layer])


def test_the_pass_stops_at_the_deepest_layer(
    hed: Weights, picture: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    original = Vgg._convolve
    monkeypatch.setattr(Vgg, "_convolve", lambda self, x, name: (seen.append(name), original(self, x, name))[1])
    Vgg(hed)(picture, ["conv2_1", "conv1_1"])
    assert seen == ["conv1_1", "conv1_2", "conv2_1"]


@pytest.mark.parametrize("rescale", [False, True])
def test_average_pools_with_and_without_rescaling(hed: Weights, picture: torch.Tensor, rescale: bool) -> None:
    maps = Vgg(hed).configured("average", rescale, "zeros")(picture, ["conv1_2", "conv2_1"])
    pooled = F.avg_pool2d(maps["conv1_2"].double(), 2) * (2 if rescale else 1)
    kernel, bias = hed.tensors["conv2_1.weight"].double(), hed.tensors["conv2_1.bias"].double()
    expected = F.conv2d(pooled, kernel, bias, padding=1).relu()
    assert torch.allclose(maps["conv2_1"].double(), expected, rtol=1e-4, atol=1e-2)


def test_replicate_padding_continues_the_edge(hed: Weights) -> None:
    """A flat picture looks the same everywhere only when its edge goes on."""
    flat = torch.full((1, 3, 32, 32), 0.8)
    replicated = Vgg(hed).configured("max", False, "replicate")(flat, ["conv1_1"])["conv1_1"]
    assert float((replicated - replicated[..., 16:17, 16:17]).abs().max()) < 1e-3
    zeros = Vgg(hed)(flat, ["conv1_1"])["conv1_1"]
    assert float((zeros - zeros[..., 16:17, 16:17]).abs().max()) > 1


def test_vgg19_with_identity_kernels_equals_vgg16(hed: Weights, picture: torch.Tensor) -> None:
    network16, network19 = Vgg(hed), Vgg(identity_vgg19(hed))
    assert len(network19.layers) == 16
    maps16, maps19 = network16(picture, network16.layers), network19(picture, network19.layers)
    for name in network16.layers:
        assert torch.equal(maps16[name], maps19[name]), name
    for last16, last19 in [("conv3_3", "conv3_4"), ("conv4_3", "conv4_4"), ("conv5_3", "conv5_4")]:
        assert torch.equal(maps16[last16], maps19[last19])


def test_gradient_with_respect_to_the_picture(hed: Weights) -> None:
    picture = torch.rand((1, 3, 24, 24), generator=torch.Generator().manual_seed(5))
    direction = torch.randn(picture.shape, generator=torch.Generator().manual_seed(6)).double()

    def value(at: torch.Tensor) -> torch.Tensor:
        return reference.forward(hed.tensors, reference.caffe_input(at))["conv3_2"].square().mean()

    image = picture.clone().requires_grad_(True)
    Vgg(hed)(image, ["conv3_2"])["conv3_2"].square().mean().backward()
    step = 1e-6
    slope = (value(picture.double() + step * direction) - value(picture.double() - step * direction)) / (2 * step)
    assert image.grad is not None
    assert float((image.grad.double() * direction).sum()) == pytest.approx(float(slope), rel=1e-3)


def test_bad_layers_and_sizes_are_named(hed: Weights) -> None:
    with pytest.raises(PlaygroundError, match="conv3_4"):
        Vgg(hed)(torch.rand(1, 3, 32, 32), ["conv3_4"])
    with pytest.raises(PlaygroundError, match="too small"):
        Vgg(hed)(torch.rand(1, 3, 8, 32), ["conv1_1"])


def test_weights_are_shared_between_configurations(hed: Weights) -> None:
    network = Vgg(hed)
    other = network.configured("average", True, "replicate")
    assert other.kernels is network.kernels
    assert (network.pool, other.pool) == ("max", "average")
    assert np.isclose(network._scale[0, 0, 0, 0].item(), 255.0)


def test_the_identity_vgg19_adds_only_identities(vgg19: Weights) -> None:
    tensors = vgg19.tensors
    x = torch.rand(1, 512, 5, 6, generator=torch.Generator().manual_seed(0))
    for layer in ("conv4_4", "conv5_4"):
        y = torch.nn.functional.conv2d(x, tensors[f"{layer}.weight"], tensors[f"{layer}.bias"], padding=1)
        assert torch.equal(x, y.relu())


def test_single_precision_by_choice_where_the_device_would_compute_in_less(
    hed: Weights, network: Vgg, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU that has bfloat16; such a network is the one that the processor computes with anyway."""
    coarse = as_with_bfloat16(hed, monkeypatch)
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    expected = network(picture, ["conv3_1"])["conv3_1"]
    rough = coarse.configured("max", False, "zeros")(picture, ["conv3_1"])["conv3_1"]
    assert not torch.allclose(rough, expected, rtol=1e-4)
    assert torch.backends.cudnn.allow_tf32
    fine = coarse.configured("max", False, "zeros", "float32")
    assert torch.equal(fine(picture, ["conv3_1"])["conv3_1"], expected)
    assert not torch.backends.cudnn.allow_tf32
    assert coarse.configured("max", False, "zeros", "float32").kernels is fine.kernels
    assert coarse.kernels["conv3_1"].dtype == torch.bfloat16


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [(8, 12), (9, 13)])
def test_a_pool_that_keeps_no_places_gives_the_same_bits(
    hed: Weights, precision: torch.dtype, size: tuple[int, int]
) -> None:
    """Where several values of a window are the largest, too, as all are that a ReLU has cut off."""
    generator = torch.Generator().manual_seed(4)
    maps = (torch.randint(-2, 3, (2, 5, *size), generator=generator) / 3).relu().to(precision)
    maps = maps.contiguous(memory_format=torch.channels_last).requires_grad_(True)
    kept: list[torch.dtype] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: (kept.append(x.dtype), x)[1], lambda x: x):
        sparing = Vgg(hed).pool_maps(maps, sparing=True)
    assert kept == [precision]
    plain = Vgg(hed).pool_maps(maps)
    assert torch.equal(sparing, plain)
    grad = torch.randn(plain.shape, generator=generator).to(precision)
    (ours,), (theirs,) = (torch.autograd.grad(pooled, maps, grad) for pooled in (sparing, plain))
    assert torch.equal(ours, theirs)
