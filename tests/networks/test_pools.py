"""Max pools on the way back: places found again or known, against torch's own."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from playground.networks.pools import KnownPool, places_of


def maps_of(size: tuple[int, int], precision: torch.dtype) -> Tensor:
    """Rectified maps of few different values, so that many windows have several largest ones."""
    generator = torch.Generator().manual_seed(4)
    maps = (torch.randint(-2, 3, (2, 5, *size), generator=generator) / 3).relu().to(precision)
    return maps.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [(8, 12), (9, 13)])
def test_places_are_where_torch_takes_the_largest(precision: torch.dtype, size: tuple[int, int]) -> None:
    maps = maps_of(size, precision)
    pooled, indices = F.max_pool2d(maps, 2, return_indices=True)
    places = places_of(maps, pooled)
    rows, columns = indices // size[1], indices % size[1]
    assert torch.equal(places.long(), rows % 2 * 2 + columns % 2)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("size", "top"), [((8, 12), 0), ((9, 13), 0), ((14, 12), 4), ((13, 11), 2)])
def test_a_known_pool_passes_back_what_torch_does(precision: torch.dtype, size: tuple[int, int], top: int) -> None:
    """Of a layer that only rectifies, so that its way back is none."""
    x = maps_of(size, precision) - 0.1
    own = x[..., top : top + 6, :].clone().requires_grad_(True)
    pooled = F.max_pool2d(own.relu(), 2)
    grad = torch.randn(pooled.shape, generator=torch.Generator().manual_seed(5)).to(precision)
    (expected,) = torch.autograd.grad(pooled, own, grad)
    taken = x.clone().requires_grad_(True)
    known = pooled.detach(), places_of(own.detach().relu(), pooled.detach())
    result = KnownPool.apply(taken, *known, top, lambda maps: maps)
    assert torch.equal(result, pooled)
    (found,) = torch.autograd.grad(result, taken, grad)
    assert torch.equal(found[..., top : top + 6, :], expected)
    assert not found[..., :top, :].any()
    assert not found[..., top + 6 :, :].any()
