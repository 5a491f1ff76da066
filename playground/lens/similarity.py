"""Echo: what a layer finds alike. Every position of some pictures as a short vector, so that a page compares them by itself.

Pure functions on activations (1×C×H×W), plain arrays out. Called by the command line and the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

DIRECTIONS = 24
LEVELS = 127
ALIKE = 0.5  # cosine from which two places count as alike


@dataclass(frozen=True)
class Echo:
    """Some pictures' positions at one layer along the directions in which all of them vary most.

    Attributes:
        vectors: of each picture, H×W×n int8, each position's of about the same length, so that dot products compare.
        kept: how much of the activations' energy the directions hold, 0 to 1.
    """

    vectors: tuple[np.ndarray, ...]
    kept: float


def echo(pictures: Sequence[Tensor], directions: int = DIRECTIONS) -> Echo:
    """Pictures' activations at one layer, projected to their principal directions and brought to one length."""
    maps = [features[0].detach().flatten(1).T.double().cpu().numpy() for features in pictures]
    every = np.concatenate(maps)
    mean = every.mean(0)
    energies, vectors = np.linalg.eigh((every - mean).T @ (every - mean))
    axes = vectors[:, ::-1][:, :directions]
    total = float(energies.sum())
    kept = float(energies[::-1][:directions].sum()) / total if total > 0 else 1.0
    found = []
    for features, rows in zip(pictures, maps, strict=True):
        along = (rows - mean) @ axes
        lengths = np.linalg.norm(along, axis=1, keepdims=True)
        unit = np.divide(along, lengths, out=np.zeros_like(along), where=lengths > 0)
        height, width = features.shape[-2:]
        found.append(np.rint(unit * LEVELS).astype(np.int8).reshape(height, width, -1))
    return Echo(tuple(found), kept)


def alike(seen: Echo, picture: int, row: int, column: int) -> list[np.ndarray]:
    """How alike every position of every picture is to one spot, H×W each: a cosine, 1 at the spot itself, −1 at least."""
    spot = seen.vectors[picture][row, column].astype(np.float64)
    length = float(np.linalg.norm(spot))
    found = []
    for vectors in seen.vectors:
        others = vectors.astype(np.float64)
        lengths = np.linalg.norm(others, axis=2) * length
        found.append(np.divide(others @ spot, lengths, out=np.zeros_like(lengths), where=lengths > 0))
    return found


def in_words(cosines: Sequence[np.ndarray], names: Sequence[str]) -> str:
    """How much of each picture is like the spot, in one sentence; says so where there is nothing."""
    fractions = [float((values >= ALIKE).mean()) for values in cosines]
    said = [f"{fraction:.0%} of {name}" for fraction, name in zip(fractions, names, strict=True) if fraction >= 0.005]
    return f"Like it: {', '.join(said)}." if said else "Nothing else is like it."
