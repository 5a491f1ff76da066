"""Every arithmetic of this machine against convolution in double precision: maps, gradients, and whole networks."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from playground.engine.statistics import style_statistic
from playground.networks import convolution
from playground.networks.arithmetic import ARITHMETICS, available
from playground.networks.read import Weights
from playground.networks.vgg import Vgg
from tests.helpers import reference
from tests.networks.test_winograd import SHAPES, layer, relative

ERROR = {torch.float32: 2e-6, torch.bfloat16: 6e-3}  # relative, of the norm: 24 bits of mantissa, and 8
NETWORK_ERROR = {"direct": 5e-6, "winograd": 1e-5, "bfloat16": 2e-2}
GRADIENT_ERROR = {"direct": 1e-5, "winograd": 1e-5, "bfloat16": 0.1}  # where a ReLU flips, its whole slope does

precisions = pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])


def needs(arithmetic: str) -> None:
    if arithmetic not in available():
        pytest.skip(f"this processor has no {arithmetic}")


@precisions
@pytest.mark.parametrize(("channels", "outputs", "height", "width", "images"), SHAPES)
@pytest.mark.parametrize("padding", [0, 1])
def test_values_and_input_gradient(
    channels: int, outputs: int, height: int, width: int, images: int, padding: int, precision: torch.dtype
) -> None:
    if precision == torch.bfloat16:
        needs("bfloat16")
    if min(height, width) < 3:
        padding = 1
    x, weight, bias, _ = layer(channels, outputs, height, width, images)
    x = x.to(precision).requires_grad_(True)
    y = convolution.conv3x3(x, convolution.prepare(weight, bias, precision), padding)
    weight = weight.to(precision).double()  # whose rounding is not the convolution's
    exact = F.conv2d(x.detach().double(), weight, bias.double(), padding=padding).relu()
    assert y.dtype == precision
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert relative(y, exact) < ERROR[precision]
    grad = torch.randn(y.shape, generator=torch.Generator().manual_seed(3)).to(precision)
    y.backward(grad)
    assert x.grad is not None
    expected = F.conv_transpose2d(grad.double() * (y > 0), weight, padding=padding)
    assert relative(x.grad, expected) < ERROR[precision]


def test_the_result_may_be_kept_in_less_than_it_was_computed_in() -> None:
    x, weight, bias, grad = layer(3, 16, 20, 22)
    kernels = convolution.prepare(weight, bias)
    leaf = x.clone(memory_format=torch.preserve_format).requires_grad_(True)
    y = convolution.conv3x3(leaf, kernels, kept=torch.bfloat16)
    assert torch.equal(y, convolution.conv3x3(x, kernels).bfloat16())
    y.backward(grad.bfloat16())
    assert leaf.grad is not None
    assert leaf.grad.dtype == torch.float32
    expected = F.conv_transpose2d(grad.bfloat16().double() * (y > 0), weight.double(), padding=1)
    assert relative(leaf.grad, expected) < ERROR[torch.float32]


def test_without_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight, bias, grad = layer(16, 24, 12, 20)

    def both() -> tuple[torch.Tensor, torch.Tensor]:
        leaf = x.clone(memory_format=torch.preserve_format).requires_grad_(True)
        y = convolution.conv3x3(leaf, convolution.prepare(weight, bias))
        return y.detach(), torch.autograd.grad(y, leaf, grad)[0]

    ours = both()
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert all(relative(theirs, one.double()) < ERROR[torch.float32] for one, theirs in zip(ours, both(), strict=True))


@pytest.mark.parametrize("channels", [3, 16, 64])
def test_gram_matrices_of_maps_in_bfloat16_are_as_good_as_in_float32(channels: int) -> None:
    needs("bfloat16")
    maps = torch.rand((1, channels, 37, 41), generator=torch.Generator().manual_seed(4)).bfloat16()
    maps = maps.contiguous(memory_format=torch.channels_last).requires_grad_(True)
    statistic = style_statistic(maps)
    rows = maps.detach()[0].flatten(1).double()
    assert relative(statistic.gram[0], rows @ rows.T) < 1e-5
    assert relative(statistic.sums[0], rows.sum(1)) < 1e-6
    weights = torch.randn((1, channels, channels), generator=torch.Generator().manual_seed(5))
    ((statistic.gram * weights).sum() + statistic.sums.sum()).backward()
    assert maps.grad is not None
    exact = (weights[0] + weights[0].T).double() @ rows + 1
    assert relative(maps.grad[0].flatten(1), exact) < ERROR[torch.bfloat16]


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_a_whole_network_and_its_gradient(hed: Weights, arithmetic: str) -> None:
    """Statistics of five layers as losses have them, at a size where Winograd has layers of its own."""
    needs(arithmetic)
    picture = torch.rand((1, 3, 136, 130), generator=torch.Generator().manual_seed(7))
    names = ["conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv4_2"]
    network = Vgg(hed).configured("max", False, "zeros", "auto", arithmetic)
    image, exact_image = picture.clone().requires_grad_(True), picture.double().requires_grad_(True)
    maps: dict[str, torch.Tensor] = {}
    network.walk(network.preprocess(image), network.layers[: network.deepest(names) + 1], names, maps)
    exact = reference.forward(hed.tensors, reference.caffe_input(exact_image))
    for name in names:
        assert relative(maps[name], exact[name]) < NETWORK_ERROR[arithmetic], name
    loss, exact_loss = torch.zeros(()), torch.zeros((), dtype=torch.float64)
    for name in names:
        gram, rows = style_statistic(maps[name]).gram[0], exact[name].flatten(2)[0]
        exact_gram = rows @ rows.T
        scale = float(exact_gram.detach().norm())
        assert gram.dtype == torch.float32
        assert relative(gram, exact_gram) < NETWORK_ERROR[arithmetic]
        loss = loss + (gram / scale).square().sum()
        exact_loss = exact_loss + (exact_gram / scale).square().sum()
    loss.backward()
    exact_loss.backward()
    assert image.grad is not None
    assert exact_image.grad is not None
    assert relative(image.grad, exact_image.grad) < GRADIENT_ERROR[arithmetic]


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_the_same_bits_twice(hed: Weights, arithmetic: str) -> None:
    needs(arithmetic)
    picture = torch.rand((1, 3, 72, 64), generator=torch.Generator().manual_seed(8))

    def both() -> tuple[torch.Tensor, torch.Tensor]:
        image = picture.clone().requires_grad_(True)
        maps = Vgg(hed).configured("max", False, "zeros", "auto", arithmetic)(image, ["conv4_1"])["conv4_1"]
        return maps.detach(), torch.autograd.grad(maps.square().sum(), image)[0]

    assert all(torch.equal(one, other) for one, other in zip(both(), both(), strict=True))
