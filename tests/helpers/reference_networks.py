"""The sources' two generators and their training once more, in double precision, written apart from the project's modules.

Tests compare the engine and a training with these. The tensors come by name from the project's networks; nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.helpers.reference import raw_gram

Tensors = dict[str, Tensor]
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def normalised(unit: Tensor) -> Tensor:
    """Unit RGB in torch's convention."""
    return torch.stack([(unit.double()[:, k] - MEAN[k]) / DEVIATION[k] for k in range(3)], 1)


def as_unit(values: Tensor) -> Tensor:
    """What `normalised` was made of."""
    return torch.stack([values[:, k] * DEVIATION[k] + MEAN[k] for k in range(3)], 1)


def standardised(x: Tensor) -> Tensor:
    """Instance normalisation without parameters: each channel of each picture with mean 0 and variance 1."""
    middle = x.mean((2, 3), keepdim=True)
    variance = ((x - middle) ** 2).mean((2, 3), keepdim=True)
    return (x - middle) / (variance + 1e-5).sqrt()


def mirrored(x: Tensor, top: int, bottom: int, left: int, right: int) -> Tensor:
    """Edges continued by what lies within, the edge itself not repeated."""
    rows = [*range(top, 0, -1), *range(x.shape[2]), *range(x.shape[2] - 2, x.shape[2] - 2 - bottom, -1)]
    columns = [*range(left, 0, -1), *range(x.shape[3]), *range(x.shape[3] - 2, x.shape[3] - 2 - right, -1)]
    return x[:, :, rows][:, :, :, columns]


def to_fours(x: Tensor) -> Tensor:
    return mirrored(x, 0, -x.shape[2] % 4, 0, -x.shape[3] % 4)


# ---- recipe 3 -------------------------------------------------------------------------------------------------------


def enlarged(x: Tensor, factor: int) -> Tensor:
    """Bilinear, with the corners of the outer pixels kept in place (align_corners=False)."""
    for axis in (2, 3):
        length = x.shape[axis]
        at = ((torch.arange(length * factor, dtype=torch.float64) + 0.5) / factor - 0.5).clamp(min=0)
        low = at.floor().long().clamp(max=length - 1)
        high = (low + 1).clamp(max=length - 1)
        share = (at - low).view([-1 if a == axis else 1 for a in range(4)])
        x = x.index_select(axis, low) * (1 - share) + x.index_select(axis, high) * share
    return x


def hrnet(t: Tensors, unit: Tensor) -> Tensor:
    """The photorealistic generator: m1, m21 … m4 and the four that follow, as the paper's text has them."""

    def conv(x: Tensor, name: str, stride: int = 1) -> Tensor:
        kernel = t[f"{name}.weight"]
        return F.conv2d(x, kernel, t[f"{name}.bias"], stride=stride, padding=(kernel.shape[-1] - 1) // 2)

    def block(x: Tensor, name: str) -> Tensor:
        y = x
        for part in ("reduce", "look", "expand"):
            y = torch.relu(standardised(conv(y, f"{name}.{part}")))
        narrow = f"{name}.shortcut.weight" not in t
        return torch.relu((x if narrow else standardised(conv(x, f"{name}.shortcut"))) + y)

    photo = normalised(unit)
    m1 = block(to_fours(photo), "stem")
    m21, m22 = block(m1, "full2"), conv(m1, "half2", 2)
    m31 = torch.cat([block(m21, "full3"), enlarged(m22, 2)], 1)
    m32 = torch.cat([conv(m21, "full_to_half3", 2), block(m22, "half3")], 1)
    m33 = torch.cat([conv(m21, "full_to_quarter3", 4), conv(m22, "half_to_quarter3", 2)], 1)
    x = torch.cat([block(m31, "full4"), enlarged(m32, 2), enlarged(m33, 4)], 1)
    x = block(block(block(x, "head.0"), "head.1"), "head.2")
    return as_unit(conv(x, "head.3")[:, :, : photo.shape[2], : photo.shape[3]])


def hrnet_total(content: float, style: float) -> Callable[[Tensors, Tensors, Tensors], Tensor]:
    """Recipe 3: content·mean((F−P)²) at conv4_2, and style·Σ w·mean((G−G_S)²)/(C·H·W) with undivided G."""
    weights = {"conv1_1": 0.1, "conv2_1": 0.2, "conv3_1": 0.4, "conv4_1": 0.8, "conv5_1": 1.6}

    def total(maps: Tensors, photo: Tensors, painting: Tensors) -> Tensor:
        loss = content * ((maps["conv4_2"] - photo["conv4_2"]) ** 2).mean()
        for name, weight in weights.items():
            difference = raw_gram(maps[name]) - raw_gram(painting[name])
            loss = loss + style * weight * (difference**2).mean() / maps[name][0].numel()
        return loss

    return total


# ---- recipe 4 -------------------------------------------------------------------------------------------------------


def transformer(t: Tensors, unit: Tensor, blocks: int = 5) -> Tensor:
    """The feed-forward network: a picture in, the painted picture out."""

    def layer(x: Tensor, name: str, stride: int = 1, up: bool = False, last: bool = False, relu: bool = True) -> Tensor:
        if up:
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        kernel = t[f"{name}.conv.weight"]
        x = F.conv2d(mirrored(x, *[kernel.shape[-1] // 2] * 4), kernel, t[f"{name}.conv.bias"], stride=stride)
        if last:
            return x
        x = standardised(x) * t[f"{name}.norm.weight"].view(1, -1, 1, 1) + t[f"{name}.norm.bias"].view(1, -1, 1, 1)
        return torch.relu(x) if relu else x

    photo = normalised(unit)
    x = layer(layer(layer(to_fours(photo), "down1"), "down2", 2), "down3", 2)
    for k in range(blocks):
        x = x + layer(layer(x, f"residuals.{k}.first"), f"residuals.{k}.second", relu=False)
    x = layer(layer(layer(x, "up1", up=True), "up2", up=True), "out", last=True)
    return as_unit(x[:, :, : photo.shape[2], : photo.shape[3]])


def training_terms(content: float, style: float) -> Callable[[Tensors, Tensors, Tensors], Tensors]:
    """Recipe 4, means over a batch: content·mean((F−P)²) at conv2_2, style·mean((G−G_S)²) of each layer, G over C·H·W."""

    def terms(maps: Tensors, photos: Tensors, painting: Tensors) -> Tensors:
        found = {"content:conv2_2": content * ((maps["conv2_2"] - photos["conv2_2"]) ** 2).mean()}
        for name in ("conv1_2", "conv2_2", "conv3_3", "conv4_3"):
            target = raw_gram(painting[name]) / painting[name][0].numel()
            each = [((raw_gram(one) / one[0].numel() - target) ** 2).mean() for one in maps[name].split(1)]
            found[f"style:{name}"] = style * torch.stack(each).mean()
        return found

    return terms


def train(
    tensors: Tensors, loss_of: Callable[[Tensors, int], Tensor], rates: list[float], epsilon: float = 1e-8
) -> list[float]:
    """Losses before each Adam step on named tensors (β 0.9 and 0.999), one step for each of the `rates`."""
    x = {name: tensor.double() for name, tensor in tensors.items()}
    m, v = ({name: torch.zeros_like(tensor) for name, tensor in x.items()} for _ in range(2))
    losses = []
    for t, rate in enumerate(rates, 1):
        x = {name: tensor.detach().requires_grad_(True) for name, tensor in x.items()}
        loss = loss_of(x, t - 1)
        losses.append(float(loss.detach()))
        gradients = torch.autograd.grad(loss, list(x.values()))
        for (name, tensor), g in zip(list(x.items()), gradients, strict=True):
            m[name], v[name] = 0.9 * m[name] + 0.1 * g, 0.999 * v[name] + 0.001 * g * g
            step = m[name] / (1 - 0.9**t) / ((v[name] / (1 - 0.999**t)).sqrt() + epsilon)
            x[name] = tensor.detach() - rate * step
    return losses
