"""A running average of what the optimiser changes, which noise in single steps does not reach.

Kept by painting.py where the recipe's `average` asks for it, written down by snapshot.py. Knows no canvas.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Average:
    """An exponential average of parameters, exact from its first step: it starts as the first values it is given.

    Attributes:
        values: the average; None before the first step.
        weight: of all steps so far, in units of the latest one's.
    """

    def __init__(self) -> None:
        self.values: list[Tensor] | None = None
        self.weight = 1.0

    @torch.no_grad()
    def add(self, parameters: Sequence[Tensor], decay: float) -> None:
        """Take one step's parameters in: a ← a + (x − a)/w with w ← w·decay + 1; with a decay of 0 it is the last ones."""
        if decay == 0 or self.values is None:
            self.values = [parameter.detach().clone() for parameter in parameters]
            self.weight = 1.0
            return
        self.weight = self.weight * decay + 1
        for value, parameter in zip(self.values, parameters, strict=True):
            value.lerp_(parameter, 1 / self.weight)
