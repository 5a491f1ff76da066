from __future__ import annotations

import pytest
import torch

from playground.lens.receptive_fields import receptive_field
from playground.networks.vgg import Vgg


@pytest.mark.parametrize(("layer", "pixels"), [("conv1_1", 3), ("conv1_2", 5), ("conv3_1", 24), ("conv4_3", 92)])
def test_a_layers_field_in_pixels(layer: str, pixels: int) -> None:
    assert receptive_field(layer).pixels == pixels


def test_an_unknown_layer_has_none() -> None:
    with pytest.raises(ValueError, match="conv3_4"):
        receptive_field("conv3_4")
    assert receptive_field("conv3_4", "vgg19").pixels == 48


@pytest.mark.parametrize("layer", ["conv1_2", "conv2_1", "conv3_1"])
def test_what_a_position_sees_is_where_its_gradient_is(network: Vgg, layer: str) -> None:
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(1, 3, 96, 96, generator=generator).requires_grad_(True)
    averaging = network.configured("average", False, "zeros")  # a max pool passes a gradient to one of four only
    maps = averaging(image, [layer])[layer]
    middle = maps.shape[-1] // 2
    (gradient,) = torch.autograd.grad(maps[0, :, middle, middle].sum(), image)
    touched = gradient[0].abs().sum(0).nonzero()
    field = receptive_field(layer)
    first = field.offset + middle * field.stride
    assert touched.amin(0).tolist() == [first, first]
    assert touched.amax(0).tolist() == [first + field.pixels - 1] * 2
    assert field.position(field.centre(middle), maps.shape[-1]) == middle
