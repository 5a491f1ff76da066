"""The sources' methods once more, written apart from the engine: plain, slow and in double precision.

Tests compare the engine with these. Nothing here is shared with `playground`, save the weights' tensors.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import fmin_l_bfgs_b
from torch import Tensor

Maps = dict[str, Tensor]


def forward(tensors: dict[str, Tensor], network_input: Tensor, pool: str = "max") -> Maps:
    """Every rectified layer of a VGG in float64, for an input already in the network's convention."""
    x, maps, block = network_input.double(), {}, "1"
    names = [key.removesuffix(".weight") for key in tensors if key.endswith(".weight")]
    for name in sorted(names):
        if name[4] != block:
            x = F.max_pool2d(x, 2, 2) if pool == "max" else F.avg_pool2d(x, 2, 2)
            block = name[4]
        x = torch.relu(F.conv2d(x, tensors[f"{name}.weight"].double(), tensors[f"{name}.bias"].double(), padding=1))
        maps[name] = x
    return maps


def caffe_input(unit: Tensor) -> Tensor:
    """BGR in [0, 255] minus the means."""
    red, green, blue = unit.double().unbind(1)
    return torch.stack([blue * 255 - 103.939, green * 255 - 116.779, red * 255 - 123.68], 1)


def torch_input(unit: Tensor) -> Tensor:
    """RGB minus ImageNet's mean over its deviation."""
    red, green, blue = unit.double().unbind(1)
    return torch.stack([(red - 0.485) / 0.229, (green - 0.456) / 0.224, (blue - 0.406) / 0.225], 1)


def gram_loops(maps: np.ndarray) -> np.ndarray:
    """G[i][j] = Σ over positions of F[i]·F[j], one number at a time; maps is C×H×W."""
    channels = maps.shape[0]
    rows = maps.reshape(channels, -1)
    gram = np.zeros((channels, channels))
    for i in range(channels):
        for j in range(channels):
            total = 0.0
            for k in range(rows.shape[1]):
                total += float(rows[i, k]) * float(rows[j, k])
            gram[i, j] = total
    return gram


def raw_gram(maps: Tensor) -> Tensor:
    flat = maps[0].flatten(1)
    return flat @ flat.T


def gatys_total(weights: dict[str, float], alpha: float, beta: float) -> Callable[[Maps, Maps, Maps], Tensor]:
    """Recipe 1: α·mean((F−P)²) at conv4_2 + β·Σ w/(4·H²·W²)·mean((G−G_S)²)."""

    def total(maps: Maps, content_image: Maps, style_image: Maps) -> Tensor:
        loss = alpha * ((maps["conv4_2"] - content_image["conv4_2"]) ** 2).mean()
        for name, weight in weights.items():
            area = maps[name].shape[2] * maps[name].shape[3]
            difference = raw_gram(maps[name]) - raw_gram(style_image[name])
            loss = loss + beta * weight / (4 * area**2) * (difference**2).mean()
        return loss

    return total


def rounds_total(weights: dict[str, float], ratio: float) -> Callable[[Maps, Maps, Maps], Tensor]:
    """Recipe 2: style in rows over C·H·W of the first layer, plus content / ratio."""

    def total(maps: Maps, content_image: Maps, style_image: Maps) -> Tensor:
        style = torch.zeros((), dtype=torch.float64)
        for name, weight in weights.items():
            count = maps[name].numel()
            rows = ((raw_gram(maps[name]) / count - raw_gram(style_image[name]) / style_image[name].numel()) ** 2).mean(
                1
            )
            style = style + weight * rows.sum()
        style = style / maps["conv1_2"].numel()
        content = ((maps["conv4_2"] - content_image["conv4_2"]) ** 2).mean(1).sum() / content_image["conv4_2"].numel()
        return style + content / ratio

    return total


def variation_total(style: float, content: float, variation: float) -> Callable[[Maps, Maps, Maps, Tensor], Tensor]:
    """Recipe 5: style/5·Σ mean((G−G_S)²) with G/(H·W), content at conv5_2, and squared total variation."""

    def total(maps: Maps, content_image: Maps, style_image: Maps, image: Tensor) -> Tensor:
        loss = content * ((maps["conv5_2"] - content_image["conv5_2"]) ** 2).mean()
        for name in ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"):
            ours = raw_gram(maps[name]) / (maps[name].shape[2] * maps[name].shape[3])
            theirs = raw_gram(style_image[name]) / (style_image[name].shape[2] * style_image[name].shape[3])
            loss = loss + style / 5 * ((ours - theirs) ** 2).mean()
        dx, dy = image[:, :, :, 1:] - image[:, :, :, :-1], image[:, :, 1:] - image[:, :, :-1]
        return loss + variation * ((dx**2).mean() + (dy**2).mean())

    return total


def adam(start: Tensor, loss_of: Callable[[Tensor], Tensor], steps: int, rate: float, betas: tuple[float, float],
         epsilon: float, clip: tuple[float, float] | None = None) -> list[float]:  # fmt: skip
    """Losses before each of `steps` Adam steps (Kingma and Ba 2015, algorithm 1), written out."""
    x = start.double().clone()
    m, v = torch.zeros_like(x), torch.zeros_like(x)
    losses = []
    for t in range(1, steps + 1):
        x = x.detach().requires_grad_(True)
        loss = loss_of(x)
        (g,) = torch.autograd.grad(loss, x)
        losses.append(float(loss.detach()))
        m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g * g
        step = (m / (1 - betas[0] ** t)) / ((v / (1 - betas[1] ** t)).sqrt() + epsilon)
        x = x.detach() - rate * step
        if clip is not None:
            x = x.clamp(*clip)
    return losses


def tensorflow_adam(start: np.ndarray, loss_of: Callable[[np.ndarray], tuple[float, np.ndarray]], steps: int, rate: float,
                    beta1: float, beta2: float, epsilon: float, bounds: tuple[float, float]) -> list[float]:  # fmt: skip
    """Losses before each of `steps` of Adam as TensorFlow documents it, in numpy: its ε is added to √v as it is.

    lr_t = rate·√(1 − β₂ᵗ)/(1 − β₁ᵗ), then x ← x − lr_t·m/(√v + ε), then what is out of bounds is clipped.
    """
    x, m, v, losses = start.astype(np.float64), np.zeros(start.shape), np.zeros(start.shape), list[float]()
    for t in range(1, steps + 1):
        loss, g = loss_of(x)
        losses.append(loss)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        x = x - rate * np.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (np.sqrt(v) + epsilon)
        x = np.clip(x, *bounds)
    return losses


def scipy_rounds(
    start: Tensor, loss_of: Callable[[Tensor], Tensor], rounds: int, evaluations: int, clip: float
) -> tuple[list[list[float]], list[float]]:
    """The losses of every evaluation of scipy's L-BFGS, round by round, and each round's last.

    A round asks for `evaluations` and ends where scipy ends it; then the picture is clipped. Scipy's own tests for an end,
    which compare the loss with 1 and the gradient with 1e-5, are left out: they would hang on the loss's scale.
    """
    x, seen, ends = start.double().numpy().ravel(), list[list[float]](), list[float]()

    def value(at: np.ndarray) -> tuple[float, np.ndarray]:
        image = torch.tensor(at).view_as(start).requires_grad_(True)
        loss = loss_of(image)
        seen[-1].append(float(loss.detach()))
        # far above 1, so that no rounding of scipy's own counts for something
        return 1e9 * seen[-1][-1], 1e9 * torch.autograd.grad(loss, image)[0].numpy().ravel()

    for _ in range(rounds):
        seen.append([])
        x, loss, _ = fmin_l_bfgs_b(value, x, m=10, maxfun=evaluations, pgtol=0, factr=0)
        x = x.clip(-clip, clip)
        ends.append(loss / 1e9)
    return seen, ends
