"""Small runs on the real network, and what they leave."""

from __future__ import annotations

from PIL import Image

from playground.engine.control import Control
from playground.engine.frames import Frame, Result
from playground.engine.run import Run
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe

Pictures = tuple[Image.Image, Image.Image]
SMALL = {"size": 64, "smallest": 48, "iterations": 6}


def paint(pictures: Pictures, network: Vgg, recipe: Recipe, control: Control | None = None) -> list[Frame]:
    """All frames of a run."""
    return list(Run(*pictures, recipe, network, control).frames())


def result(frames: list[Frame]) -> Result:
    """Of the last of a run's frames."""
    assert frames[-1].result is not None
    return frames[-1].result


def plain(**settings: object) -> Recipe:
    """A recipe of six iterations at 64 px, but for these settings."""
    return Recipe(**{**SMALL, **settings})


def totals(frames: list[Frame]) -> list[float]:
    """The total losses of a run's evaluations."""
    return [frame.losses["total"] for frame in frames[1:-1]]
