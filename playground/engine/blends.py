"""Several style images as one: what a picture is compared with where it should be like each of them by its weight.

Called by losses.py, which hands on whatever comes from here as if it were a style image's own statistic. Knows no picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from playground.engine.statistics import StyleStatistic


def fractions_of(weights: Sequence[float]) -> tuple[float, ...]:
    """Weights as fractions that add up to 1."""
    total = sum(weights)
    return tuple(weight / total for weight in weights)


@dataclass(frozen=True)
class Blend(StyleStatistic):
    """Weighted targets: G/M = Σ s_k·G_k/M_k, μ = Σ s_k·μ_k and Σ = Σ s_k·Σ_k, with fractions s_k that add up to 1.

    A loss that looks at Gram matrices sees the style images' mixed; one that looks at means and covariances sees those mixed,
    and not the covariance of a picture that is half the one and half the other, which would hold the way from one mean to
    the other too. M is the style images' mean number of positions, by which undivided Gram matrices grow.
    """

    mixed_covariance: Tensor

    @property
    def covariance(self) -> Tensor:
        return self.mixed_covariance


def blend(statistics: Sequence[StyleStatistic], fractions: Sequence[float]) -> StyleStatistic:
    """One layer's statistics of several style images as one target; a style image alone is left as it is.

    Args:
        fractions: of each, adding up to 1; a style image with none does not count.
    """
    counted = [(statistic, fraction) for statistic, fraction in zip(statistics, fractions, strict=True) if fraction > 0]
    if len(counted) == 1:
        return counted[0][0]
    positions = max(1, round(sum(fraction * one.positions for one, fraction in counted)))
    gram, mean, covariance = (
        torch.stack([fraction * part for part, (_, fraction) in zip(parts, counted, strict=True)]).sum(0)
        for parts in zip(*((one.gram / one.positions, one.mean, one.covariance) for one, _ in counted), strict=True)
    )
    return Blend(gram * positions, mean * positions, positions, covariance)
