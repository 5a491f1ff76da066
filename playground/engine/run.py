"""The loop: a run paints evaluation by evaluation and yields frames.

It can be steered, paused and stopped through a control at every evaluation, also inside a round of L-BFGS, and
snapshotted and restored between frames. Called by the Python API, the command line, measure/ and service/; what stands in
the picture is painting.py's. It knows nothing of people, servers and pages.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from playground.engine.canvas import resample
from playground.engine.control import Control, MemoryControl
from playground.engine.first_light import NOTE as FIRST_LIGHT
from playground.engine.frames import Frame, Result, State, ended_in_words
from playground.engine.live_changes import take_over
from playground.engine.losses import by_term, unweighted
from playground.engine.painting import Painting
from playground.engine.pulls import Pulls
from playground.engine.snapshot import final_recipe, restore_snapshot, take_snapshot
from playground.engine.strips import STRIPS_FROM
from playground.errors import PlaygroundError
from playground.images.convert import cut_size, fit_size, resize_picture, to_array, to_picture
from playground.images.finish import finished
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe
from playground.system.device import return_large_blocks

PULLS_EVERY = 2.0  # seconds between two measurements of the pulls, which cost about two evaluations
PULLS_SHARE = 0.1  # of the time that they may take, so that it may be on by default
READ_EVERY = 0.1  # seconds between two transfers of losses from an accelerator
PAUSED_EVERY = 1.0  # seconds between the frames of a paused run, so that a listener who left is noticed
MAX_RECOVERIES = 5


class Run:
    """One run. `frames()` paints; `snapshot()` between two frames holds everything that is needed to go on.

    Args:
        content, style: clean RGB pictures; one style image, or several in the order of the recipe's weights.
        recipe: the settings.
        network: the VGG the recipe names, on the device to paint on.
        control: who steers; a control of its own when None.
        snapshot: of an earlier run with the same pictures and network, to go on from with its own settings; what is
            to be different is asked for through `control`.
        pictures_every: iterations after each of which a frame has the picture, whatever the recipe's preview rate.

    Raises:
        PlaygroundError: the recipe does not fit the network or the pictures, or the snapshot neither.
    """

    def __init__(
        self,
        content: Image.Image,
        style: Image.Image | Sequence[Image.Image],
        recipe: Recipe,
        network: Vgg,
        control: Control | None = None,
        snapshot: dict[str, Any] | None = None,
        pictures_every: int | None = None,
    ) -> None:
        self.pictures_every = pictures_every
        styles = [style] if isinstance(style, Image.Image) else list(style)
        self.painting = Painting(content, styles, recipe, network)
        self.control: Control = control or MemoryControl()
        self.applied: dict[str, Any] = {}  # what the control has asked for so far
        self._pending: list[tuple[Tensor, list[str], float, int, int, Recipe]] = []
        if recipe.painted_size**2 >= STRIPS_FROM:
            return_large_blocks()
        if snapshot is None:
            self.painting.enter_stage()
        else:
            restore_snapshot(self.painting, snapshot)

    @property
    def recipe(self) -> Recipe:
        """The settings as they apply now."""
        return self.painting.recipe

    @property
    def evaluations(self) -> int:
        """How often the picture has been judged."""
        return self.painting.evaluations

    @property
    def seconds(self) -> float:
        """Of the loop so far, without pauses."""
        return self.painting.seconds

    def snapshot(self, copy: bool = True) -> dict[str, Any]:
        """Everything needed to go on to the same bits; see `take_snapshot`."""
        return take_snapshot(self.painting, copy)

    # ---------------------------------------------------------------- changes

    def _apply_changes(self, asked: dict[str, Any]) -> str | None:
        """Take over what the control and the replayed journal ask before this evaluation; what to tell, if anything."""
        painting = self.painting
        entries = [entry for entry in painting.base.journal if entry.evaluation == painting.evaluations]
        requested = {entry.key: entry.value for entry in entries}
        if painting.optimiser.keeps_memory and requested.get("learning_rate") == painting.recipe.learning_rate:
            painting.restart_memory()
        requested |= {key: value for key, value in asked.items() if self.applied.get(key, _NEVER) != value}
        self.applied.update(asked)
        return take_over(painting, requested, self.control) if requested else None

    # ---------------------------------------------------------------- frames

    def frames(self) -> Iterator[Frame]:
        """Paint, yielding a frame at every evaluation (in batches on an accelerator) and the result at the end."""
        painting, schedule = self.painting, self.painting.schedule
        self.control.turn().do(painting.light_up)
        lit = FIRST_LIGHT if painting.light is not None and not painting.evaluations else None
        notes = "; ".join(note for note in (painting.arithmetic_note, lit) if note)
        yield replace(self._frame({}, picture=True), note=notes or None)
        started = time.perf_counter() - painting.seconds
        last_picture, last_read, next_pulls = -math.inf, time.perf_counter(), -math.inf
        pulls: Pulls | None = None  # of the picture that the next frame judges
        end: State | None = None
        while end is None:
            state = self.control.read()
            if state.paused and not state.stopped:
                yield from self._catch_up()
                paused_at = time.perf_counter()
                yield from self._paused()
                started += time.perf_counter() - paused_at
                continue
            note = self._apply_changes(state.settings)
            schedule.fit_clock(painting.seconds)
            end = self._ends(state.stopped)
            if end is not None:
                break
            if schedule.stage_is_over():
                yield from self._catch_up()
                self.control.turn().do(painting.next_stage)  # its targets cost as much memory as an evaluation
                last_picture = -math.inf
            if state.shares and not schedule.tiled and (now := time.perf_counter()) >= next_pulls:
                pulls = self.control.turn().do(painting.measure_pulls)
                took = time.perf_counter() - now
                started += took
                next_pulls = now + took + max(PULLS_EVERY, took / PULLS_SHARE)
            done = self.control.turn().do(partial(self._step, note, started, last_picture, last_read))
            if done is None:
                continue
            points, picture = done
            last_read = time.perf_counter()
            if painting.failed_in_a_row:
                end = "recovered" if painting.failed_in_a_row >= MAX_RECOVERIES else None
                yield from points
                continue
            yield from points[:-1]
            if picture is not None:
                last_picture = last_read
                painting.first_preview = painting.first_preview or painting.seconds
            yield replace(points[-1], picture=picture, pulls=pulls)
            pulls = None
        yield from self._catch_up()
        yield self.control.turn().do(partial(self._finish, end))  # an average is judged once more

    def _step(
        self, note: str | None, started: float, last_picture: float, last_read: float
    ) -> tuple[list[Frame], np.ndarray | None] | None:
        """One evaluation; the frames since the last reading, the last with what to tell, and the picture where one is due.

        None where the losses stay on the device for now.
        """
        painting, before = self.painting, self.painting.schedule.step
        terms = painting.evaluate()
        now = time.perf_counter()
        painting.seconds = now - started
        names = painting.evaluator.names
        step, evaluations = painting.schedule.step, painting.evaluations
        self._pending.append((terms, names, painting.seconds, step, evaluations, painting.recipe))
        asked = self.pictures_every is not None and painting.schedule.step % self.pictures_every == 0
        picture_due = now - last_picture >= 1 / painting.recipe.preview_rate or (
            asked and painting.schedule.step > before
        )
        told = note is not None or painting.ended_round is not None
        due = picture_due or told or painting.schedule.stage_is_over() or now - last_read >= READ_EVERY
        if painting.device.type != "cpu" and not due:
            return None
        points = self._judged()
        if painting.failed_in_a_row:
            return points, None
        calmed = painting.calmed_down(points[-1].losses["total"])
        points[-1] = replace(points[-1], note=calmed or note, round=painting.ended_round)
        return points, to_array(painting.preview()) if picture_due else None

    def _judged(self) -> list[Frame]:
        """Frames since the last reading; after a loss that is no number one alone, which says how it was recovered from."""
        points = self._read_pending()
        if all(math.isfinite(point.losses["total"]) for point in points):
            self.painting.failed_in_a_row = 0
            return points
        return [replace(points[-1], losses={}, layers={}, note=self.painting.recover())]

    def _frame(self, layers: dict[str, float], picture: bool = False, state: State = "running") -> Frame:
        painting = self.painting
        height, width = painting.content_tensor.shape[-2:]
        return Frame(
            step=painting.schedule.step,
            steps=painting.schedule.steps,
            evaluations=painting.evaluations,
            seconds=painting.seconds,
            losses=by_term(layers) if layers else {},
            layers=layers,
            picture=to_array(painting.preview()) if picture else None,
            size=(width, height),
            learning_rate=painting.schedule.learning_rate(painting.rate_scale),
            state=state,
            journal=tuple(painting.journal),
        )

    def _read_pending(self) -> list[Frame]:
        """Losses of the evaluations since the last reading, moved from the device at once."""
        frames = []
        values = torch.cat([stacked for stacked, *_ in self._pending]).tolist()
        for stacked, names, seconds, step, evaluations, recipe in self._pending:
            layers = dict(zip(names, values[: len(stacked)], strict=True))
            values = values[len(stacked) :]
            frame = replace(self._frame(layers), seconds=seconds, step=step, evaluations=evaluations)
            frame = replace(frame, unweighted=unweighted(layers, recipe))
            if math.isfinite(frame.losses["total"]):
                self.painting.curve.add({"step": step, "evaluations": evaluations, "seconds": seconds, **frame.losses})
            frames.append(frame)
        self._pending.clear()
        return frames

    def _catch_up(self) -> list[Frame]:
        """Frames of the evaluations that an accelerator has not been asked about, before a pause, a new size or the end."""
        return self.control.turn().do(self._judged) if self._pending else []

    def _paused(self) -> Iterator[Frame]:
        """Frames while paused, a picture with the first, until resumed, stopped, or the consumer leaves.

        Settings changed meanwhile are taken over together when the run goes on: one change an evaluation is what
        the journal can replay.
        """
        first = True
        while (state := self.control.read()).paused and not state.stopped:
            yield self._frame({}, picture=first, state="paused")
            first = False
            self.control.wait(PAUSED_EVERY)

    def _ends(self, stopped: bool) -> State | None:
        schedule = self.painting.schedule
        if stopped:
            return "stopped"
        if schedule.stage_is_over() and schedule.at_last_size:
            if schedule.cut_short:
                return "time"
            return "recovered" if self.painting.recoveries else "done"
        return "time" if schedule.time_is_up(self.painting.seconds) else None

    def _finish(self, state: State) -> Frame:
        """The last frame: the best picture since the last change of weights, at the full size."""
        painting, recipe, content = self.painting, self.painting.recipe, self.painting.content
        image, losses, values = painting.best()
        width, height = fit_size(*content.size, recipe.size)
        found = [image, painting.shown()]
        if recipe.colours != "fitted":  # which needs no more than the small picture
            found = [resample(each, (height, width)) for each in found]
        picture, last = (to_picture(each) for each in found)
        del image, found  # two of the largest there are
        if recipe.regions or recipe.colours in ("content", "palette", "fitted"):
            at_size = resize_picture(content, recipe.size)
            picture, last = (finished(each, at_size, painting.styles, recipe) for each in (picture, last))
        result = Result(
            picture=picture,
            last=last,
            recipe=final_recipe(painting),
            ended=ended_in_words(state, painting.recoveries),
            losses=by_term(losses),
            layers=losses,
            curve=list(painting.curve.points),
            steps=painting.schedule.step,
            evaluations=painting.evaluations,
            seconds=painting.seconds,
            first_preview_seconds=painting.first_preview,
            generator=painting.canvas.weights(values),
        )
        frame = replace(self._frame(losses, state=state), picture=np.asarray(picture), size=(width, height))
        return replace(frame, result=result, note=painting.recoveries[-1] if painting.recoveries else None)


_NEVER = object()


def check_pictures(content: Image.Image, size: int, crop: str = "none") -> None:
    """Refuse a picture whose short side, once it is cut, would be too small for the network at the requested size.

    Raises:
        PlaygroundError: with the size that would do.
    """
    kept = cut_size(*content.size, crop)
    width, height = fit_size(*kept, size)
    if min(width, height) < 32:
        enough = math.ceil(32 * max(kept) / min(kept))
        raise PlaygroundError(
            f"at {size} px this picture would be only {width}×{height} px; "
            f"choose a size of at least {enough} px or crop it"
        )
