"""The Gram matrix to touch: a few channels, their maps, and the product of two maps, whose average is the matrix's cell.

Pure functions on activations (1×C×H×W), plain arrays out. Called by the command line and the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from playground.lens.statistics import layer_statistics

BORDER = 2  # positions along each edge that do not count when channels are ranked, or those that see the frame win
LEVELS = 255


@dataclass(frozen=True)
class Maps:
    """The maps of a few channels in eight bits, small enough for a page to multiply.

    Attributes:
        levels: n×H×W uint8.
        scales: of n channels; activation = level · scale.
    """

    levels: np.ndarray
    scales: np.ndarray


def strongest_channels(ours: Tensor, theirs: Tensor, count: int = 12) -> list[int]:
    """The channels that have most to do with how two pictures' Gram matrices differ, the first the most.

    Ranked by Σⱼ (Gᵢⱼ/M − G'ᵢⱼ/M')² over positions that do not see the frame, where there are any.
    """
    inner = [layer_statistics(_without_border(maps)).gram for maps in (ours, theirs)]
    rows = np.square(inner[0] - inner[1]).sum(1)
    return [int(index) for index in np.argsort(-rows, kind="stable")[:count]]


def _without_border(features: Tensor) -> Tensor:
    if min(features.shape[-2:]) <= 2 * BORDER + 1:
        return features
    return features[..., BORDER:-BORDER, BORDER:-BORDER]


def block(features: Tensor, channels: Sequence[int]) -> np.ndarray:
    """The Gram matrix over positions of some channels alone, n×n, exact."""
    return layer_statistics(features[:, list(channels)]).gram


def block_fraction(ours: Tensor, theirs: Tensor, channels: Sequence[int]) -> float:
    """How much of all squared difference between two Gram matrices over positions lies in some channels' block, 0 to 1."""
    difference = np.square(layer_statistics(ours).gram - layer_statistics(theirs).gram)
    total = float(difference.sum())
    return float(difference[np.ix_(list(channels), list(channels))].sum()) / total if total > 0 else 0.0


def maps_of(features: Tensor, channels: Sequence[int]) -> Maps:
    """Some channels' maps in eight bits, each on a scale of its own; rectified, so that 0 is the least."""
    maps = features[0, list(channels)].detach().double().cpu().numpy()
    scales = maps.max((1, 2)) / LEVELS
    with np.errstate(divide="ignore", invalid="ignore"):
        levels = np.where(scales[:, None, None] > 0, maps / scales[:, None, None], 0.0)
    return Maps(np.rint(levels).astype(np.uint8), scales)
