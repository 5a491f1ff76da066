"""The image transformation network that is trained once per style (arXiv 1603.08155): its graph and first weights.

feedforward/ trains it, keeps it and applies it. It knows no file and no loss.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from playground.networks.hrnet import pad_to_multiple


class Layer(nn.Module):
    """[nearest ×2], reflection padding, convolution, [InstanceNorm with affine, [ReLU]]."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, *, up: bool = False, norm: bool = True,
        relu: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride)
        self.norm = nn.InstanceNorm2d(outputs, affine=True) if norm else None
        self.up, self.relu, self.pad = up, relu, kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        if self.up:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        x = self.conv(F.pad(x, [self.pad] * 4, mode="reflect"))
        if self.norm is not None:
            x = self.norm(x)
        return F.relu(x) if self.relu else x


class Residual(nn.Module):
    """x + two 3×3 layers; no ReLU after the second, nor after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = Layer(channels, channels, 3), Layer(channels, channels, 3, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(x))


class TransformerNet(nn.Module):
    """Johnson et al.'s image transformation network with nearest upsampling and instance normalisation.

    Args:
        width: channels at full resolution; twice at half, four times at a quarter. 32 is the published network with
            1,679,235 parameters, 16 has 424,899 and is about three times as fast.
        blocks: residual blocks at a quarter of the size.
    """

    def __init__(self, width: int = 32, blocks: int = 5) -> None:
        super().__init__()
        self.width, self.blocks = width, blocks
        self.down1 = Layer(3, width, 9)
        self.down2 = Layer(width, width * 2, 3, 2)
        self.down3 = Layer(width * 2, width * 4, 3, 2)
        self.residuals = nn.Sequential(*(Residual(width * 4) for _ in range(blocks)))
        self.up1 = Layer(width * 4, width * 2, 3, up=True)
        self.up2 = Layer(width * 2, width, 3, up=True)
        self.out = Layer(width, 3, 9, norm=False, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """N×3×H×W in torch's convention, at least 8 px a side, to the same size and convention, unbounded."""
        height, width = x.shape[-2:]
        x = self.down3(self.down2(self.down1(pad_to_multiple(x))))
        return self.out(self.up2(self.up1(self.residuals(x))))[..., :height, :width]


def new_network(width: int, blocks: int, seed: int) -> TransformerNet:
    """A network with first weights drawn from `seed`, the same on every device."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TransformerNet(width, blocks)
