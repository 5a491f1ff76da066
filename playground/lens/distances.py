"""How far two pictures are apart as a network sees them: content at conv4_2, style at the first layer of each block.

Pure functions on activations (1×C×H×W) and what is computed from them; both distances are relative, so that 0 is none at all.
Called by ears.py and by measure/. Knows no picture and no run.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from playground.engine.losses import content_loss, style_loss
from playground.engine.statistics import StyleStatistic, style_statistic
from playground.recipe.base import STYLE_BLOCKS

CONTENT_LAYER = "conv4_2"
LAYERS = (*STYLE_BLOCKS, CONTENT_LAYER)
"""Layers that are looked at."""


def content_distance(seen: Tensor, wanted: Tensor) -> Tensor:
    """mean((F − P)²)/mean(P²) of activations at conv4_2, of pictures of one size."""
    return content_loss(seen, wanted, "relative")


def style_statistics(maps: Mapping[str, Tensor]) -> dict[str, StyleStatistic]:
    """What `style_distances` compares of a picture's activations: far smaller than these."""
    return {name: style_statistic(maps[name]) for name in STYLE_BLOCKS}


def style_distances(seen: Mapping[str, StyleStatistic], wanted: Mapping[str, StyleStatistic]) -> dict[str, Tensor]:
    """mean((G/M − G'/M')²)/mean((G'/M')²) at the first layer of each block."""
    return {name: style_loss(seen[name], wanted[name], "relative") for name in STYLE_BLOCKS}
