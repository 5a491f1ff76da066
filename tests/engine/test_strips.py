"""Strips give the same maps, Gram matrices and gradients as the whole picture, with less memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from playground.engine import strips
from playground.engine.strips import observe
from playground.errors import PlaygroundError
from playground.networks import vgg
from playground.networks.read import Weights
from playground.networks.vgg import Vgg

STYLE = ["conv1_1", "conv1_2", "conv2_2", "conv3_1", "conv4_1"]


def judged(
    network: Vgg, image: torch.Tensor, style: list[str] = STYLE
) -> tuple[dict[str, torch.Tensor], dict[str, Any], torch.Tensor]:
    image = image.clone().requires_grad_(True)
    maps, statistics = observe(network, image, ["conv2_1", "conv3_2", "conv4_2"], style)
    total = sum(value.square().mean() for value in maps.values())
    for statistic in statistics.values():
        total = total + statistic.covariance.square().mean() + statistic.mean.square().mean()
    torch.as_tensor(total).backward()
    assert image.grad is not None
    return maps, statistics, image.grad


def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strips at any size, and as narrow as their halo allows."""
    monkeypatch.setattr(strips, "STRIPS_FROM", 1)
    monkeypatch.setattr(strips, "SEGMENTS", tuple(replace(segment, positions=1) for segment in strips.SEGMENTS))


def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The blocks of the strips that are walked from here on, one after the other."""
    seen: list[str] = []
    original = strips._Strip.walked

    def walked(self: Any, network: Vgg, layers: list[str], wanted: Any) -> Any:
        seen.append(layers[0][4])
        return original(self, network, layers, wanted)

    monkeypatch.setattr(strips._Strip, "walked", walked)
    return seen


@pytest.mark.parametrize("size", [(160, 96), (141, 67), (97, 130), (64, 40)])
@pytest.mark.parametrize("settings", [("max", False, "zeros"), ("average", True, "replicate")])
def test_strips_equal_the_whole(
    hed: Weights, size: tuple[int, int], settings: tuple[str, bool, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Vgg(hed).configured(*settings)
    image = torch.rand((1, 3, *size), generator=torch.Generator().manual_seed(1))
    whole_maps, whole_statistics, whole_gradient = judged(network, image)
    narrow(monkeypatch)
    seen = taken(monkeypatch)
    maps, statistics, gradient = judged(network, image)
    assert seen.count("1") == 2 * -(-(size[0] - 1) // 8)  # once on the way there, once on the way back
    assert seen.count("2") == 2 * -(-(size[0] // 2 - 1) // 8)
    assert seen.count("3") == 2 * -(-(size[0] // 4 - 1) // 16)
    for name, expected in whole_maps.items():
        assert torch.allclose(maps[name], expected, rtol=1e-4, atol=1e-4 * float(expected.detach().abs().max()))
    for name, expected in whole_statistics.items():
        assert statistics[name].positions == expected.positions
        assert torch.allclose(
            statistics[name].gram, expected.gram, rtol=1e-4, atol=1e-5 * float(expected.gram.detach().max())
        )
        assert torch.allclose(statistics[name].sums, expected.sums, rtol=1e-4)
    assert torch.allclose(gradient, whole_gradient, rtol=1e-3, atol=1e-4 * float(whole_gradient.abs().max()))


@pytest.mark.parametrize("arithmetic", ["direct", "winograd", "bfloat16"])
@pytest.mark.parametrize("size", [(161, 97), (96, 64)])
def test_the_way_back_does_without_a_blocks_last_layer(
    hed: Weights, size: tuple[int, int], arithmetic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a max pool made of it is known: only a layer that a loss looks at is computed a second time."""
    monkeypatch.setattr(
        vgg, "winograd_pays", lambda *shape: min(shape[:2]) >= 128
    )  # in blocks 2 and 3 of a small picture
    network = Vgg(hed).configured("max", False, "zeros", arithmetic=arithmetic)
    image = torch.rand((1, 3, *size), generator=torch.Generator().manual_seed(1))
    firsts = ["conv1_1", "conv2_1", "conv3_1", "conv4_1"]
    whole = judged(network, image, firsts)[2]
    narrow(monkeypatch)
    walked: list[str] = []
    plain = Vgg._convolve
    monkeypatch.setattr(Vgg, "_convolve", lambda self, x, name: (walked.append(name), plain(self, x, name))[1])
    ours = judged(network, image, firsts)[2]
    times = {name: walked.count(name) for name in network.layers[:7]}
    first, second, third = times["conv1_2"], times["conv2_2"], times["conv3_3"]
    assert list(times.values()) == [2 * first, first, 2 * second, second, 2 * third, 2 * third, third]
    difference = (ours - whole).norm() / whole.norm()
    assert difference < (0.03 if arithmetic == "bfloat16" else 1e-4)


def test_places_are_kept_for_the_way_back_alone(hed: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow(monkeypatch)
    asked: list[torch.Size] = []
    plain = strips.places_of
    monkeypatch.setattr(strips, "places_of", lambda maps, pooled: (asked.append(maps.shape), plain(maps, pooled))[1])
    image = torch.rand((1, 3, 64, 64))
    observe(Vgg(hed), image, [], ["conv1_1", "conv4_1"])
    assert not asked
    observe(Vgg(hed), image.requires_grad_(True), [], ["conv1_1", "conv4_1"])
    assert len({shape[1] for shape in asked}) == 3


def test_the_block_where_the_pass_stops_is_taken_whole(hed: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "STRIPS_FROM", 1)
    seen = taken(monkeypatch)
    image = torch.rand((1, 3, 48, 48))
    observe(Vgg(hed), image, ["conv1_2"], ["conv1_1"])
    assert not seen
    maps, statistics = observe(Vgg(hed), image, ["conv2_1"], ["conv3_1"])
    assert seen == ["1", "2"]
    assert maps["conv2_1"].shape == (1, 128, 24, 24)
    assert statistics["conv3_1"].positions == 144


def test_bad_wishes_are_refused_in_strips_too(hed: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "STRIPS_FROM", 1)
    with pytest.raises(PlaygroundError, match="too small"):
        observe(Vgg(hed), torch.rand(1, 3, 8, 64), [], ["conv3_1"])
    assert observe(Vgg(hed), torch.rand(1, 3, 64, 64), [], []) == ({}, {})


def test_two_passes_give_the_same_bits(hed: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow(monkeypatch)
    image = torch.rand((1, 3, 90, 70), generator=torch.Generator().manual_seed(2))
    assert torch.equal(judged(Vgg(hed), image)[2], judged(Vgg(hed), image)[2])


@pytest.mark.parametrize("in_strips", [False, True])
def test_maps_as_computed_are_those_in_single_precision(
    hed: Weights, in_strips: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bfloat16 without loss, maps and gradients: what an objective holds takes half."""
    if in_strips:
        narrow(monkeypatch)
    network = Vgg(hed).configured("max", False, "zeros", arithmetic="bfloat16")
    names = ["conv2_1", "conv3_2", "conv4_2"]

    def judged(as_computed: bool) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        image = torch.rand((1, 3, 90, 70), generator=torch.Generator().manual_seed(2)).requires_grad_(True)
        maps, _ = observe(network, image, names, STYLE, as_computed=as_computed)
        total = torch.stack([its.float().square().mean() for its in maps.values()]).sum()
        return maps, torch.autograd.grad(total, image)[0]

    maps, gradient = judged(as_computed=True)
    single, expected = judged(as_computed=False)
    assert {its.dtype for its in maps.values()} == {torch.bfloat16}
    assert {its.dtype for its in single.values()} == {torch.float32}
    assert all(torch.equal(maps[name].float(), single[name]) for name in names)
    assert torch.equal(gradient, expected)
