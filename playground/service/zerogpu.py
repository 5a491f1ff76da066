"""Runs on a GPU that is lent by the minute, as on Hugging Face's ZeroGPU: another process paints, steered by a file.

web/serve.py decorates `paint_elsewhere` and hands it to jobs.py; worker.py lets runs be painted by it, for as much time
as a run is likely to need. It knows no job.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from playground.engine.control import ControlState, FileControl, MemoryControl
from playground.engine.frames import Frame
from playground.engine.run import Run
from playground.engine.schedule import evaluations_of, plan_stages
from playground.errors import PlaygroundError
from playground.images.pictures import Pictures
from playground.networks.vgg import load_network
from playground.recipe.model import Recipe
from playground.service.faults import did_not_fit
from playground.system.memory import is_out_of_memory

GPU_START_SECONDS = 15.0  # of a lent GPU's time, kept for starting the process and writing the result


class LentGpu:
    """A GPU that this process does not hold itself.

    Args:
        paint: `paint_elsewhere`, decorated to run in another process that holds a GPU.
        seconds: how long one run may hold it.
    """

    def __init__(self, paint: Callable[..., Iterator[Frame | PlaygroundError]], seconds: float) -> None:
        self.paint, self.seconds = paint, seconds
        self.folder = Path(tempfile.mkdtemp(prefix="playground-controls-"))
        self._slowest: float | None = None  # seconds per megapixel judged

    def control(self, id: str) -> FileControl:
        """The control of a run with this id, which reaches into the other process."""
        return FileControl(self.folder / id)

    def frames(self, pictures: Pictures, recipe: Recipe, device: str, control: MemoryControl) -> Iterator[Frame]:
        """A run in the other process.

        Args:
            control: from `control`.

        Raises:
            PlaygroundError: something is wrong that a user can mend.
        """
        assert isinstance(control, FileControl)
        for frame in self.paint(pictures, recipe, device, control.path, self.seconds_for(recipe)):
            if isinstance(frame, PlaygroundError):
                raise frame
            if frame.result is not None:
                took = frame.seconds / megapixels_judged(frame.result.recipe)
                self._slowest = max(took, self._slowest or 0.0)
            yield frame

    def seconds_for(self, recipe: Recipe) -> float:
        """Seconds of the GPU to ask for: by the slowest run so far, with as much again to spare, up to the limit."""
        wanted = self.seconds
        if self._slowest is not None:
            wanted = min(wanted, GPU_START_SECONDS + 2 * self._slowest * megapixels_judged(recipe))
        if recipe.seconds is not None:
            wanted = min(wanted, GPU_START_SECONDS + recipe.seconds)
        return wanted

    def close(self) -> None:
        """Delete what runs were steered through."""
        shutil.rmtree(self.folder, ignore_errors=True)


class _Deadline(FileControl):
    """A file control that also stops at a moment, so that a lent GPU is not taken away in mid-picture."""

    def __init__(self, path: Path, ends_at: float) -> None:
        super().__init__(path)
        self.ends_at = ends_at

    def read(self) -> ControlState:
        state = super().read()
        return replace(state, stopped=True) if time.monotonic() > self.ends_at else state


def paint_elsewhere(
    pictures: Pictures, recipe: Recipe, device: str, control_path: Path, seconds: float
) -> Iterator[Frame | PlaygroundError]:
    """A run for a process that is lent a GPU; takes and yields only what can be pickled.

    Args:
        control_path: the file through which it is steered.
        seconds: how long the process may hold the GPU; the run ends in time to hand over its best picture.

    Yields:
        frames, and where something is wrong that a user can mend, the error as the last value.
    """
    try:
        control = _Deadline(control_path, time.monotonic() + seconds - min(GPU_START_SECONDS, seconds / 2))
        assert pictures.content is not None
        network = load_network(recipe.network, device)
        yield from Run(pictures.content, pictures.styles, recipe, network, control).frames()
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
