"""What the style loss compares, layer by layer: means, covariances, Gram matrices, and where two pictures differ most.

Pure functions on activations (1×C×H×W), plain arrays in double precision out. Called by the command line and the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class LayerStatistics:
    """What is left of a layer's activations F (C×M) when every position is forgotten.

    Attributes:
        mean: μ = F·1/M, of C channels.
        gram: G/M = F·Fᵀ/M, C×C, so that it does not grow with the picture.
        positions: M.
    """

    mean: np.ndarray
    gram: np.ndarray
    positions: int

    @property
    def covariance(self) -> np.ndarray:
        """Σ = G/M − μ·μᵀ, C×C: what channels do together beyond being active at all."""
        return np.asarray(self.gram - np.outer(self.mean, self.mean))


@dataclass(frozen=True)
class LayerDifference:
    """How far one layer's statistics are from another picture's, each over the other's own, so that 0 is the same.

    Attributes:
        gram, mean, covariance: mean((X − Y)²)/mean(Y²).
        share: of the Gram difference over all layers that were compared together, 0 to 1.
    """

    gram: float
    mean: float
    covariance: float
    share: float


def layer_statistics(features: Tensor) -> LayerStatistics:
    """Means and Gram matrix of one picture's activations, 1×C×H×W."""
    maps = features[0].detach().flatten(1).double().cpu().numpy()
    return LayerStatistics(maps.mean(1), maps @ maps.T / maps.shape[1], maps.shape[1])


def differences(
    ours: Mapping[str, LayerStatistics], theirs: Mapping[str, LayerStatistics]
) -> dict[str, LayerDifference]:
    """How far `ours` are from `theirs`, by layer; both have the same layers."""
    grams = {name: _relative(ours[name].gram, theirs[name].gram) for name in ours}
    total = sum(grams.values())
    return {
        name: LayerDifference(
            gram,
            _relative(ours[name].mean, theirs[name].mean),
            _relative(ours[name].covariance, theirs[name].covariance),
            gram / total if total > 0 else 0.0,
        )
        for name, gram in grams.items()
    }


def _relative(ours: np.ndarray, theirs: np.ndarray) -> float:
    energy = float(np.square(theirs).mean())
    return float(np.square(ours - theirs).mean()) / max(energy, 1e-12)
