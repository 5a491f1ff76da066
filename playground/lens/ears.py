"""Ears: what the content loss and the style loss notice when a style image is changed.

Pure functions on activations (1×C×H×W), plain numbers out, and in between what is worth keeping of a picture that is heard
often. Called by the command line and the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from playground.engine.statistics import StyleStatistic
from playground.lens.distances import CONTENT_LAYER, content_distance, style_distances, style_statistics


@dataclass(frozen=True)
class Seen:
    """What the two losses compare of a picture.

    Attributes:
        content: activations at conv4_2.
        style: statistics at the first layer of each block.
    """

    content: Tensor
    style: dict[str, StyleStatistic]


@dataclass(frozen=True)
class Heard:
    """How far a changed picture is from what it was, as the two losses measure it; 0 is the same.

    Attributes:
        content: mean((F − P)²)/mean(P²) at conv4_2; None where the size changed, since nothing stands over anything.
        layers: mean((G/M − G'/M')²)/mean((G'/M')²) at the first layer of each block.
    """

    content: float | None
    layers: dict[str, float]

    @property
    def style(self) -> float:
        """Mean over the layers."""
        return sum(self.layers.values()) / len(self.layers)


@torch.no_grad()
def seen(maps: Mapping[str, Tensor]) -> Seen:
    """What is compared of a picture, from its activations at `distances.LAYERS`."""
    return Seen(maps[CONTENT_LAYER], style_statistics(maps))


@torch.no_grad()
def heard(before: Seen, after: Seen) -> Heard:
    """What is noticed of a change."""
    same_size = before.content.shape == after.content.shape
    content = float(content_distance(after.content, before.content)) if same_size else None
    return Heard(
        content, {name: float(distance) for name, distance in style_distances(after.style, before.style).items()}
    )


def in_words(found: Heard, another: float | None = None) -> str:
    """What was noticed, in one sentence or two.

    Args:
        another: the style distance of quite another style image, to compare with.
    """
    if found.content == 0 and found.style == 0:
        return "Nothing has changed: both are exactly 0."
    style = f"style {found.style:.2f}"
    if another is not None:
        style += f" (another painting: {another:.2f})"
    if found.content is None:
        return f"{style[0].upper()}{style[1:]}. Content cannot be compared: the size changed, so no place has a counterpart."
    quiet = 0.15
    who = {
        (True, True): "Both notice",
        (True, False): "Content notices, style hardly",
        (False, True): "Style notices, content hardly",
        (False, False): "Neither notices much",
    }[found.content >= quiet, found.style >= quiet]
    return f"{who}: content {found.content:.2f}, {style}."
