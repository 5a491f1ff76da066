"""Training: a network learns one style from a folder of photographs, as a generator of the same frames a run yields.

It is steered through the same control, saves everything at intervals, and goes on from there to the same bits. Under
`torchrun` several processes train one network. Called by the command line and the page.
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from playground.engine.control import Control, ControlState, MemoryControl
from playground.engine.frames import Frame, State
from playground.engine.run import MAX_RECOVERIES, PAUSED_EVERY
from playground.errors import PlaygroundError
from playground.feedforward.checkpoint import Paths, read_checkpoint, write_checkpoint
from playground.feedforward.learner import Learner, first_network
from playground.feedforward.model import Model, ModelCard, thumbnail
from playground.feedforward.photos import Crops, Photos
from playground.feedforward.processes import Processes
from playground.feedforward.progress import Progress
from playground.networks.arithmetic_choice import settled
from playground.networks.vgg import Vgg
from playground.recipe.base import RecipeError
from playground.recipe.complaints import settled_at_start
from playground.recipe.training import TrainingRecipe, is_live

SAMPLES = 4  # crops in a before/after picture
GRID_EVERY = 10.0  # seconds between two of them for whoever watches; each costs about a step
UNWRITTEN = "a checkpoint could not be written, so the disk may be full: the training goes on and tries again"

logger = logging.getLogger(__name__)


class Training:
    """One training. `frames()` trains; every checkpoint holds all that `resume` needs.

    Args:
        style: a clean RGB picture.
        photos: what to train on.
        recipe: the settings; on resuming, those of `saved_recipe`, changed or not.
        network: the VGG the recipe names, on the device to train on.
        output: where the model is to stand, as .safetensors; None keeps nothing on the disk.
        control: who steers; a control of its own when None.
        resume: go on from the checkpoint beside `output`.
        title: the style's name.
        command: the command line, for the model card.
        half: keep 16 bits a weight in the model; the checkpoint to go on from always keeps 32.

    Raises:
        PlaygroundError: the recipe, the network or the checkpoint cannot be used.
    """

    def __init__(
        self,
        style: Image.Image,
        photos: Photos,
        recipe: TrainingRecipe,
        network: Vgg,
        output: Path | None = None,
        control: Control | None = None,
        *,
        resume: bool = False,
        title: str = "",
        command: str = "",
        half: bool = False,
    ) -> None:
        self.device = network.device
        recipe, self.arithmetic_note = settled(recipe, self.device.type)
        self.style, self.photos, self.recipe = style, photos, recipe
        self.paths = Paths(output) if output else None
        self.control: Control = control or MemoryControl()
        self.title, self.command, self.half = title, command, half
        self.processes = Processes()
        self.progress = Progress()
        self.broken: list[str] = list(photos.broken)
        self.applied: dict[str, Any] = {}
        saved = None
        if resume:
            assert self.paths is not None, "only a training with an output can be resumed"
            saved = read_checkpoint(self.paths, sha256_of(self.style), len(self.photos), self.recipe)
        self._fresh = resume  # no checkpoint has been written since it was taken up again
        start = first_network(recipe, from_checkpoint=saved is not None)
        self.crops = Crops(photos, recipe.image_size, recipe.seed, recipe.augment)
        self.samples = self.crops.samples(SAMPLES)
        self.learner = Learner(start, network, style, self.samples[:1], recipe, self.processes)
        if saved is not None:
            tensors, state = saved
            self.learner.load(tensors)
            self.progress = Progress.of(state)

    @property
    def steps(self) -> int:
        """Length of the whole training."""
        recipe = self.recipe
        each = recipe.batch_size * self.processes.world
        return recipe.steps if recipe.steps is not None else math.ceil(recipe.epochs * len(self.photos) / each)

    @property
    def warning(self) -> str | None:
        """What to tell about too few photographs; None where there are enough."""
        return self.photos.warning(self.steps * self.recipe.batch_size * self.processes.world)

    def model(self) -> Model:
        """The network as it stands and what is known about it."""
        about = ModelCard(
            title=self.title,
            steps=self.progress.step,
            recipe=self.recipe.model_dump(mode="json"),
            curve=self.progress.curve.points,
            style=thumbnail(self.style),
            style_sha256=sha256_of(self.style),
            photos=len(self.photos),
            command=self.command,
        )
        return Model(self.learner.network, about)

    # ---------------------------------------------------------------- steering

    def _control_state(self) -> ControlState:
        """What the first process was asked for, the same for all."""
        return self.processes.agreed(self.control.read())

    def _apply_changes(self, control: ControlState) -> str | None:
        """Take over settings that were changed since the last step; what to tell, if anything."""
        never = object()
        requested = {key: value for key, value in control.settings.items() if self.applied.get(key, never) != value}
        self.applied.update(control.settings)
        if not requested:
            return None
        fixed = next((key for key in requested if not is_live(key)), None)
        if fixed is not None:
            return f"not changed: {settled_at_start(fixed, 'training')}"
        try:
            self.recipe = self.recipe.changed(requested)
        except RecipeError as error:
            return f"not changed: {error}"
        self.learner.set_recipe(self.recipe)
        return None

    # ---------------------------------------------------------------- frames

    def frames(self) -> Iterator[Frame]:
        """Train, yielding a frame a step; `picture` is a before/after grid where one is due, at the end the last.

        Raises:
            PlaygroundError: the last checkpoint, which is the network, cannot be written; an earlier one is tried again.
        """
        notes = list(filter(None, (self.warning, self.arithmetic_note)))
        yield replace(self._frame({}, grid=True), note="; ".join(notes) or None)
        started = time.perf_counter() - self.progress.seconds
        last_grid = last_checkpoint = time.perf_counter()
        state: State | None = self._ends(self._control_state())
        self._keep_good()
        batches = self._batches()
        while state is None:
            control = self._control_state()
            if control.paused and not control.stopped:
                paused_at = time.perf_counter()
                if trouble := self._try_checkpoint():
                    yield replace(self._frame({}), note=trouble)
                yield from self._paused()
                started += time.perf_counter() - paused_at
                continue
            note = self._apply_changes(control)
            state = self._ends(control)
            if state is not None:
                break
            photos, broken = next(batches)
            losses, wrong = self.control.turn().do(
                partial(self.learner.learn, photos.to(self.device), self.progress.learning_rate(self.recipe))
            )
            note = self._note_broken(broken) or note
            self.progress.seconds = time.perf_counter() - started
            layers = dict(zip(losses.terms, losses.stacked().tolist(), strict=True))
            if not math.isfinite(sum(layers.values())):
                yield replace(self._frame({}), note=self._recover())
                batches = self._batches()
                state = "recovered" if len(self.progress.recoveries) >= MAX_RECOVERIES else None
                continue
            self.progress.taken(layers)
            if wrong:
                note = f"nothing learned at step {self.progress.step}: the gradient of its photographs {wrong}"
            frame = self._frame(layers)
            now = time.perf_counter()
            saving = self.processes.agreed(
                self.progress.step % self.recipe.checkpoint_steps == 0
                or now - last_checkpoint >= self.recipe.checkpoint_seconds
            )
            if self._fresh and not saving:  # else a machine that dies often would never get on with it
                self._fresh, note = False, self._try_checkpoint() or note
            if saving:
                self._keep_good()
                note = self._try_checkpoint() or note
                last_checkpoint = time.perf_counter()
            if saving or now - last_grid >= GRID_EVERY:
                frame, last_grid = replace(frame, picture=self._grid()), time.perf_counter()
            yield replace(frame, note=note)
        self.checkpoint()
        yield self._finish(state)

    def _batches(self) -> Iterator[tuple[Tensor, list[str]]]:
        """Batches from the current step on, without an end of their own: the number of steps may be raised."""
        recipe = self.recipe
        return self.crops.batches(
            self.progress.step, 2**62, recipe.batch_size, self.processes.rank, self.processes.world, recipe.workers
        )

    def _ends(self, control: ControlState) -> State | None:
        if control.stopped:
            return "stopped"
        if self.progress.step >= self.steps:
            return "recovered" if self.progress.recoveries else "done"
        if self.processes.agreed(self.recipe.seconds is not None and self.progress.seconds >= self.recipe.seconds):
            return "time"
        return None

    def _paused(self) -> Iterator[Frame]:
        """Frames while paused, a picture with the first, until resumed or stopped."""
        grid = True
        while (control := self._control_state()).paused and not control.stopped:
            yield self._frame({}, grid=grid, state="paused")
            grid = False
            self.control.wait(PAUSED_EVERY)

    def _note_broken(self, names: list[str]) -> str | None:
        new = [name for name in dict.fromkeys(names) if name not in self.broken]
        self.broken += new
        return f"skipped, since it cannot be read: {', '.join(new)}" if new else None

    def _frame(self, layers: dict[str, float], grid: bool = False, state: State = "running") -> Frame:
        return self.progress.frame(self.recipe, self.steps, layers, self._grid() if grid else None, state)

    def _grid(self) -> np.ndarray:
        """The same crops before (above) and after (below), H×W×3 uint8."""
        return self.learner.before_and_after(self.samples)

    def _finish(self, state: State) -> Frame:
        frame = self._frame({}, grid=True, state=state)
        assert frame.picture is not None
        result = self.progress.result(self.recipe, frame.picture, state)
        return replace(frame, losses=result.losses, result=result)

    # ---------------------------------------------------------------- mishaps

    def _keep_good(self) -> None:
        """Remember weights and moments that are known to be good."""
        self._good = self.learner.tensors()
        self._good_step = self.progress.step

    def _recover(self) -> str:
        """Back to the last good weights with half the rate."""
        self.learner.load(self._good)
        return self.progress.fall_back(self._good_step, self.recipe)

    # ---------------------------------------------------------------- checkpoints

    def _try_checkpoint(self) -> str | None:
        """Write a checkpoint on the way; what to tell a person where that fails, since the one before stays good."""
        try:
            self.checkpoint()
        except PlaygroundError as error:
            logger.warning("a training goes on without a checkpoint: %s", error)
            return UNWRITTEN
        return None

    def checkpoint(self) -> None:
        """Write the model, the before/after picture, and last all that is needed to go on, each whole or not at all."""
        if self.paths is None or self.processes.rank != 0:
            return
        model = self.model()
        state = {
            "recipe": self.recipe.model_dump(mode="json"),
            **self.progress.plain(),
            "style_sha256": model.card.style_sha256,
            "photos": len(self.photos),
            "world": self.processes.world,
        }
        write_checkpoint(self.paths, model, self._grid(), self.learner.tensors(), state, half=self.half)


def sha256_of(style: Image.Image) -> str:
    """What tells one style image from another: the hash of its pixels."""
    return hashlib.sha256(np.asarray(style).tobytes()).hexdigest()
