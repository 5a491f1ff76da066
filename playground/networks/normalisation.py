"""ImageNet's constants, and pictures in torch's convention and back.

The only place of these numbers; whoever feeds a network or optimises in its units reads them here.
"""

from __future__ import annotations

import torch
from torch import Tensor

TORCH_MEAN, TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB in [0, 1]
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)  # BGR in [0, 255]


class TorchConvention:
    """Unit RGB to torch's convention (mean 0, deviation 1 over ImageNet) and back, on one device."""

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.mean = torch.tensor(TORCH_MEAN, device=device).view(1, 3, 1, 1)
        self.std = torch.tensor(TORCH_STD, device=device).view(1, 3, 1, 1)

    def to(self, unit: Tensor) -> Tensor:
        return (unit - self.mean) / self.std

    def of(self, normalised: Tensor) -> Tensor:
        return normalised * self.std + self.mean
