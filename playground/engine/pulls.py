"""Where each term of the loss pulls the picture, how strongly, and what is left when they pull against each other.

Called by painting.py where somebody wants to see it, and by lens/. Plain data out: no tensor, nothing that pins a device.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from playground.engine.losses import TERMS, Objective

MAP_SIDE = 64  # positions, the long side of a heat map


@dataclass(frozen=True)
class Pulls:
    """The gradients of the terms with respect to one picture.

    Attributes:
        lengths: |g_k| of each term that is there.
        left_over: |Σ g_k| / Σ |g_k|: 1 where all pull one way, 0 where they cancel; 0 too where nothing pulls.
        cosine: between content's pull and all others' together, −1 where they are opposite; None where either is none.
        maps: where each pulls: mean |g_k| over the colours of a cell's pixels, h×w float32, on one scale for all.
    """

    lengths: dict[str, float]
    left_over: float
    cosine: float | None
    maps: dict[str, np.ndarray]

    @property
    def shares(self) -> dict[str, float]:
        """Each term's part of the lengths' sum; all 0 where nothing pulls."""
        total = sum(self.lengths.values())
        return {kind: length / total if total > 0 else 0.0 for kind, length in self.lengths.items()}


def measure_pulls(objective: Objective, image: Tensor) -> Pulls:
    """The pulls on a unit RGB image, 1×3×H×W: one look, and the way back once for each term."""
    image = image.detach().requires_grad_(True)
    losses = objective(image)
    gradients: dict[str, Tensor] = {}
    for kind in TERMS:
        terms = [value for name, value in losses.terms.items() if name.split(":")[0] == kind]
        if terms:
            (gradients[kind],) = torch.autograd.grad(torch.stack(terms).sum(), image, retain_graph=True)
    return pulls(gradients)


@torch.no_grad()
def pulls(gradients: Mapping[str, Tensor]) -> Pulls:
    """What there is to say of some terms' gradients, each 1×3×H×W."""
    lengths = {kind: float(gradient.norm()) for kind, gradient in gradients.items()}
    total = sum(lengths.values())
    whole = torch.stack(list(gradients.values())).sum(0) if gradients else torch.zeros(1)
    content = gradients.get("content")
    others = [gradient for kind, gradient in gradients.items() if kind != "content"]
    return Pulls(
        lengths=lengths,
        left_over=float(whole.norm()) / total if total > 0 else 0.0,
        cosine=_cosine(content, torch.stack(others).sum(0)) if content is not None and others else None,
        maps={kind: heat_map(gradient) for kind, gradient in gradients.items()},
    )


def _cosine(first: Tensor, second: Tensor) -> float | None:
    product = float(first.norm()) * float(second.norm())
    return float((first * second).sum()) / product if product > 0 else None


def heat_map(gradient: Tensor) -> np.ndarray:
    """How strongly a gradient (1×3×H×W) pulls where: its length over the colours, averaged to at most 64 cells a side."""
    lengths = gradient.detach().norm(dim=1, keepdim=True)
    height, width = lengths.shape[-2:]
    factor = max(1.0, max(height, width) / MAP_SIDE)
    cells = max(1, math.floor(height / factor)), max(1, math.floor(width / factor))
    return F.adaptive_avg_pool2d(lengths, cells)[0, 0].float().cpu().numpy()


def direction(found: Pulls) -> str:
    """How content and the others pull: "opposite", "against", "across", "along"; empty where there is no telling."""
    if found.cosine is None or found.shares["content"] < FAINT:
        return ""
    return next(name for most, name in DIRECTIONS if found.cosine <= most)


def in_words(found: Pulls) -> str:
    """The pulls in a sentence: "Content 50 %, style 48 %, variation 2 %, nearly opposite; 4 % left over."."""
    if not any(found.lengths.values()):
        return "Nothing pulls."
    parts = [f"{kind} {100 * share:.0f} %" for kind, share in found.shares.items()]
    return f"{', '.join(parts)}{IN_WORDS[direction(found)]}; {100 * found.left_over:.0f} % left over.".capitalize()


FAINT = 0.005  # share of a pull whose direction is only rounding
DIRECTIONS = ((-0.9, "opposite"), (-0.5, "against"), (0.5, "across"), (math.inf, "along"))
"""Names by the cosine between content's pull and the others': the first that is no less."""
IN_WORDS = {
    "": "",
    "opposite": ", nearly opposite",
    "against": ", against each other",
    "across": ", across each other",
    "along": ", the same way",
}
