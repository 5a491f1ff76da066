"""Runs on a GPU that is lent by the minute, as on Hugging Face's ZeroGPU: another process paints, steered by a file.

web/serve.py decorates `paint_elsewhere` and hands it to jobs.py, which asks for as much time as a run is likely to need.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from PIL import Image

from playground.engine.control import ControlState, FileControl
from playground.engine.frames import Frame
from playground.engine.run import Run
from playground.engine.schedule import evaluations_of, plan_stages
from playground.errors import PlaygroundError
from playground.networks.vgg import load_network
from playground.recipe.model import Recipe
from playground.service.job import did_not_fit
from playground.system.memory import is_out_of_memory

GPU_START_SECONDS = 15.0  # of a lent GPU's time, kept for starting the process and writing the result


class _Deadline(FileControl):
    """A file control that also stops at a moment, so that a lent GPU is not taken away in mid-picture."""

    def __init__(self, path: Path, ends_at: float) -> None:
        super().__init__(path)
        self.ends_at = ends_at

    def read(self) -> ControlState:
        orders = super().read()
        return replace(orders, stopped=True) if time.monotonic() > self.ends_at else orders


def paint_elsewhere(
    content: Image.Image, style: Image.Image, recipe: Recipe, device: str, orders: Path, seconds: float
) -> Iterator[Frame | PlaygroundError]:
    """A run for a process that is lent a GPU; takes and yields only what can be pickled.

    Args:
        orders: the file through which it is steered.
        seconds: how long the process may hold the GPU; the run ends in time to hand over its best picture.

    Yields:
        frames, and where something is wrong that a user can mend, the error as the last value.
    """
    try:
        control = _Deadline(orders, time.monotonic() + seconds - min(GPU_START_SECONDS, seconds / 2))
        yield from Run(content, style, recipe, load_network(recipe.network, device), control).frames()
    except PlaygroundError as error:
        yield PlaygroundError(str(error))
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        yield PlaygroundError(did_not_fit(recipe))


def megapixels_judged(recipe: Recipe) -> float:
    """How much a run judges: pixels (of a square picture) times evaluations over all its sizes, in units of 10⁶."""
    evaluations = {stage.size: evaluations_of(stage, recipe) for stage in plan_stages(recipe)}
    return max(1.0, sum(size**2 * count for size, count in evaluations.items())) / 1e6
