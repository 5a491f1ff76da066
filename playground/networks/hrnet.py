"""The generator of the photorealistic recipe: a small network that repaints one content image, optimised instead of its pixels.

engine/canvas.py paints with it; `Repainter` applies what a run has left to other pictures. The graph keeps full resolution
from the first layer to the last (arXiv 1904.11617), which is why edges stay sharp. No loss is known here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from playground.networks.normalisation import TorchConvention

MULTIPLE = 4  # the lowest branch lives at a quarter of the size


class Block(nn.Module):
    """Bottleneck with a shortcut: 1×1, 3×3, 1×1 convolutions, each with InstanceNorm and ReLU, then sum and ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(inputs, outputs // 4, 1)
        self.look = nn.Conv2d(outputs // 4, outputs // 4, 3, padding=1)
        self.expand = nn.Conv2d(outputs // 4, outputs, 1)
        # Only where the widths differ: a shortcut that is never used would be weights that never train.
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(F.instance_norm(self.reduce(x)))
        y = F.relu(F.instance_norm(self.look(y)))
        y = F.relu(F.instance_norm(self.expand(y)))
        if self.shortcut is not None:
            x = F.instance_norm(self.shortcut(x))
        return F.relu(x + y)  # out of place: the ReLU before the sum needs its own output on the way back


class HrNet(nn.Module):
    """Three resolutions side by side, joined at the full one; 64,607 parameters, all of them used.

    Input and output N×3×H×W in torch's convention, H and W divisible by 4; the output has no activation and no bounds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = Block(3, 16)
        self.full2, self.half2 = Block(16, 32), _down(16, 32, 2)
        self.full3, self.full_to_half3, self.half3 = Block(32, 32), _down(32, 32, 2), Block(32, 32)
        self.full_to_quarter3, self.half_to_quarter3 = _down(32, 32, 4), _down(32, 32, 2)
        self.full4 = Block(64, 64)
        self.head = nn.Sequential(Block(192, 64), Block(64, 32), Block(32, 16), nn.Conv2d(16, 3, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        stem = self.stem(x)
        full, half = self.full2(stem), self.half2(stem)
        full, half, quarter = (
            torch.cat([self.full3(full), _enlarge(half, 2)], 1),
            torch.cat([self.full_to_half3(full), self.half3(half)], 1),
            torch.cat([self.full_to_quarter3(full), self.half_to_quarter3(half)], 1),
        )
        return self.head(torch.cat([self.full4(full), _enlarge(half, 2), _enlarge(quarter, 4)], 1))


def _down(inputs: int, outputs: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)


def _enlarge(x: Tensor, factor: int) -> Tensor:
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def pad_to_multiple(image: Tensor, multiple: int = MULTIPLE) -> Tensor:
    """N×C×H×W with right and bottom edges mirrored until both sides divide by `multiple`; crop back with the old size."""
    height, width = image.shape[-2:]
    return F.pad(image, (0, -width % multiple, 0, -height % multiple), mode="reflect")


class Repainter:
    """A trained generator, to be applied to any picture; it has learned one pair and knows no other.

    Args:
        weights: a run's `result.generator`.
    """

    def __init__(self, weights: Mapping[str, np.ndarray], device: torch.device | str = "cpu") -> None:
        self.network = HrNet().to(device).requires_grad_(False)
        self.network.load_state_dict({name: torch.as_tensor(value) for name, value in weights.items()})
        self.device = torch.device(device)

    def __call__(self, content: Tensor) -> Tensor:
        """Unit RGB 1×3×H×W, any size of at least 8 px, repainted at the same size, in [0, 1]."""
        return repaint(self.network, content.to(self.device), TorchConvention(self.device)).clamp(0, 1)


def repaint(network: HrNet, content: Tensor, convention: TorchConvention) -> Tensor:
    """What a network makes of unit RGB 1×3×H×W, at the same size and unbounded."""
    height, width = content.shape[-2:]
    return convention.of(network(pad_to_multiple(convention.to(content)))[..., :height, :width])
