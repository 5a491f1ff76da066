"""Winograd's convolution against direct convolution in double precision, and that its bits are always the same."""

from __future__ import annotations

import threading

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from playground.networks import winograd
from playground.networks.arithmetic import winograd_pays

ERROR = 5e-6  # relative, of the norm


def layer(
    channels: int, outputs: int, height: int, width: int, images: int = 1, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Rectified activations, kernels and bias as a layer of VGG has them, and a gradient for its output."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(images, channels, height, width, generator=generator).relu()
    weight = torch.randn(outputs, channels, 3, 3, generator=generator) * (2 / (9 * channels)) ** 0.5
    bias = torch.randn(outputs, generator=generator) * 0.1
    grad = torch.randn(images, outputs, height, width, generator=generator)
    return x.contiguous(memory_format=torch.channels_last), weight, bias, grad


def relative(ours: Tensor, exact: Tensor) -> float:
    return ((ours - exact).norm() / exact.norm()).item()


SHAPES = [
    (16, 24, 32, 32, 1),
    (16, 24, 13, 7, 1),  # neither side is a multiple of the tile
    (24, 16, 5, 30, 2),
    (3, 5, 1, 1, 1),
    (5, 3, 2, 6, 3),  # channels that fill no vector register
    (128, 128, 42, 50, 1),  # several blocks of tiles, the last one shorter
]


@pytest.mark.parametrize(("channels", "outputs", "height", "width", "images"), SHAPES)
@pytest.mark.parametrize("relu", [False, True])
def test_values_and_input_gradient(
    channels: int, outputs: int, height: int, width: int, images: int, relu: bool
) -> None:
    x, weight, bias, grad = layer(channels, outputs, height, width, images)
    x.requires_grad_(True)
    y = winograd.conv3x3(x, winograd.prepare(weight), bias, relu=relu)
    y.backward(grad)
    exact = F.conv2d(x.detach().double(), weight.double(), bias.double(), padding=1)
    assert relative(y, exact.relu() if relu else exact) < ERROR
    reaching = grad.double() * (y > 0) if relu else grad.double()
    assert x.grad is not None
    assert relative(x.grad, F.conv_transpose2d(reaching, weight.double(), padding=1)) < ERROR


def test_many_blocks_agree_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight, bias, _ = layer(16, 16, 37, 22)
    planes = winograd.prepare(weight)
    whole = winograd.conv3x3(x, planes, bias)
    monkeypatch.setattr(winograd, "BLOCK", 1)  # a tile row at a time
    assert relative(winograd.conv3x3(x, planes, bias), whole) < ERROR


def test_memory_layout_does_not_matter() -> None:
    x, weight, bias, grad = layer(16, 8, 18, 21)
    planes = winograd.prepare(weight)
    contiguous = x.contiguous().requires_grad_(True)
    x.requires_grad_(True)
    ours, theirs = winograd.conv3x3(x, planes, bias, relu=True), winograd.conv3x3(contiguous, planes, bias, relu=True)
    assert torch.equal(ours, theirs)
    assert ours.is_contiguous(memory_format=torch.channels_last)
    ours.backward(grad.contiguous(memory_format=torch.channels_last))
    theirs.backward(grad)
    assert x.grad is not None
    assert contiguous.grad is not None
    assert torch.equal(x.grad, contiguous.grad)
    x.grad = None
    winograd.conv3x3(x, planes, bias).sum().backward()  # an expanded gradient, all strides zero
    expected = F.conv_transpose2d(torch.ones_like(grad).double(), weight.double(), padding=1)
    assert x.grad is not None  # for the types: it was None, and is not any more
    assert relative(x.grad, expected) < ERROR


def test_nothing_of_earlier_calls_is_left() -> None:
    """The same bits on every call, also after other sizes and after numbers that spread."""
    x, weight, bias, grad = layer(16, 24, 19, 26)
    planes = winograd.prepare(weight)

    def both() -> tuple[Tensor, Tensor]:
        leaf = x.clone(memory_format=torch.preserve_format).requires_grad_(True)
        y = winograd.conv3x3(leaf, planes, bias, relu=True)
        (gradient,) = torch.autograd.grad(y, leaf, grad)
        return y.detach(), gradient

    first = both()
    winograd.conv3x3(torch.full((1, 16, 40, 64), torch.nan), planes, bias)
    winograd.conv3x3(torch.full((2, 16, 3, 5), torch.inf), planes, bias)
    assert all(torch.equal(a, b) for a, b in zip(first, both(), strict=True))


def test_inference_mode_first() -> None:
    """Targets may be computed in inference mode by a thread that paints afterwards."""
    x, weight, bias, grad = layer(16, 24, 19, 26)
    planes = winograd.prepare(weight)
    results: list[Tensor] = []

    def work() -> None:
        with torch.inference_mode():
            results.append(winograd.conv3x3(x, planes, bias).clone())
        y = winograd.conv3x3(x.detach().clone().requires_grad_(True), planes, bias)
        y.backward(grad)
        results.append(y.detach())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(results) == 2
    assert torch.equal(*results)


def test_threads_do_not_share_workspaces() -> None:
    cases = [layer(16, 24, 40 + 4 * seed, 50, seed=seed) for seed in range(2)]
    planes = [winograd.prepare(weight) for _, weight, _, _ in cases]

    def both(index: int) -> tuple[Tensor, Tensor]:
        x, _, bias, grad = cases[index]
        leaf = x.clone(memory_format=torch.preserve_format).requires_grad_(True)
        y = winograd.conv3x3(leaf, planes[index], bias, relu=True)
        (gradient,) = torch.autograd.grad(y, leaf, grad)
        return y.detach(), gradient

    alone = [both(index) for index in range(2)]
    together: list[list[tuple[Tensor, Tensor]]] = [[], []]
    start = threading.Barrier(2)

    def work(index: int) -> None:
        start.wait()
        together[index].extend(both(index) for _ in range(10))

    threads = [threading.Thread(target=work, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in range(2):
        assert len(together[index]) == 10
        assert all(torch.equal(a, b) for pair in together[index] for a, b in zip(alone[index], pair, strict=True))


def test_without_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight, bias, _ = layer(16, 24, 12, 20)
    planes = winograd.prepare(weight)
    ours = winograd.conv3x3(x, planes, bias)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert relative(winograd.conv3x3(x, planes, bias), ours) < ERROR


def test_a_second_derivative_is_refused() -> None:
    x, weight, bias, _ = layer(4, 4, 8, 8)
    x.requires_grad_(True)
    y = winograd.conv3x3(x, winograd.prepare(weight), bias)
    (gradient,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_where_it_pays() -> None:
    assert winograd_pays(512, 512, 32, 32)  # conv4_2 at 256 px
    assert winograd_pays(256, 256, 64, 64)
    assert not winograd_pays(3, 64, 1024, 1024)
    assert not winograd_pays(64, 128, 512, 512)
    assert not winograd_pays(512, 512, 4, 4)
