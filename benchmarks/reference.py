"""The loop the engine is measured against: style transfer as one writes it after PyTorch's tutorial.

A module per layer, contiguous tensors, autograd for everything; the same network, layers and pooling as the engine's
run. Called by parts.py.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from playground.networks.catalogue import LAYERS
from playground.networks.normalisation import CAFFE_MEAN_BGR
from playground.networks.read import Weights
from playground.recipe.base import STYLE_BLOCKS

CONTENT_LAYER = "conv4_2"
STYLE_WEIGHT = 1000.0  # over the content


class Normalise(nn.Module):
    """Unit RGB to the network's BGR around the mean colour of its training."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(CAFFE_MEAN_BGR).view(3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        return image.flip(1) * 255 - self.mean


def gram(features: Tensor) -> Tensor:
    """C×C, over the number of values."""
    n, c, h, w = features.shape
    rows = features.view(n * c, h * w)
    return torch.mm(rows, rows.t()) / (n * c * h * w)


class ContentLoss(nn.Module):
    """Passes its input on and notes how far it is from the target."""

    def __init__(self, target: Tensor) -> None:
        super().__init__()
        self.target = target.detach()

    def forward(self, x: Tensor) -> Tensor:
        self.loss = F.mse_loss(x, self.target)
        return x


class StyleLoss(nn.Module):
    """The same for Gram matrices."""

    def __init__(self, target_features: Tensor) -> None:
        super().__init__()
        self.target = gram(target_features).detach()

    def forward(self, x: Tensor) -> Tensor:
        self.loss = F.mse_loss(gram(x), self.target)
        return x


class ReferenceLoop:
    """Paints pixels with Adam; `step` is one iteration.

    Args:
        content, style: unit RGB, 1×3×H×W of the same size.
        weights: of a VGG16 in caffe's convention.
        device: where to paint.
    """

    def __init__(self, content: Tensor, style: Tensor, weights: Weights, device: str = "cpu") -> None:
        content, style = content.to(device), style.to(device)
        self.model = nn.Sequential(Normalise()).to(device)
        self.content_losses: list[ContentLoss] = []
        self.style_losses: list[StyleLoss] = []
        names = LAYERS[weights.network.architecture]
        for index, name in enumerate(names[: names.index(STYLE_BLOCKS[-1]) + 1]):
            if index and name[4] != names[index - 1][4]:
                self.model.append(nn.MaxPool2d(2))
            kernel, bias = weights.tensors[f"{name}.weight"], weights.tensors[f"{name}.bias"]
            convolution = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
            convolution.load_state_dict({"weight": kernel, "bias": bias})
            self.model.append(convolution.to(device))
            self.model.append(nn.ReLU(inplace=False))
            self.model.requires_grad_(False)
            if name == CONTENT_LAYER:
                self.content_losses.append(ContentLoss(self.model(content)))
                self.model.append(self.content_losses[-1])
            if name in STYLE_BLOCKS:
                self.style_losses.append(StyleLoss(self.model(style)))
                self.model.append(self.style_losses[-1])
        self.image = content.clone().requires_grad_(True)
        self.optimizer = torch.optim.Adam([self.image], lr=0.02)

    def step(self) -> float:
        """One iteration; the loss."""
        with torch.no_grad():
            self.image.clamp_(0, 1)
        self.optimizer.zero_grad()
        self.model(self.image)
        style = torch.stack([layer.loss for layer in self.style_losses]).sum()
        content = torch.stack([layer.loss for layer in self.content_losses]).sum()
        loss = STYLE_WEIGHT * style + content
        loss.backward()
        self.optimizer.step()
        return loss.item()
