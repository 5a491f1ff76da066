"""The loop: a run joins a canvas and an objective with an optimiser and yields frames.

It can be steered, paused and stopped through a control at every evaluation, also inside a round of L-BFGS, and
snapshotted and restored between frames. Called by the Python API, the command line and jobs.py.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from playground.engine.canvas import Canvas, Space, first_picture, make_canvas, resample
from playground.engine.control import Control, MemoryControl
from playground.engine.evaluator import Evaluator
from playground.engine.frames import Curve, Frame, Result, State
from playground.engine.losses import Objective, by_term
from playground.engine.optimisers import Lbfgs
from playground.engine.tiling import STRIPS_FROM
from playground.errors import PlaygroundError
from playground.images.load import fit_size, keep_colours, resize_picture, to_array, to_picture, to_tensor
from playground.networks.hrnet import HrnetCanvas
from playground.networks.vgg import Vgg
from playground.recipe.model import Change, Recipe, RecipeError, Stage
from playground.system.device import return_large_blocks

SHARES_EVERY = 2.0  # seconds between two measurements of the gradient's shares, which cost about two evaluations
READ_EVERY = 0.1  # seconds between two transfers of losses from an accelerator
PAUSED_EVERY = 1.0  # seconds between the frames of a paused run, so that a listener who left is noticed
MIN_SHORT_SIDE = 20  # pixels of either picture's short side: what the network needs, and room for rounding
MAX_RECOVERIES = 5
LBFGS_BYTES = 192 * 2**20  # beyond about a megapixel the memory of L-BFGS is cut short to fit into this
MIN_HISTORY = 4
OVERSHOT = 10.0  # a loss of L-BFGS this many times the best one means that it has lost its way
COARSE_SHARE = 0.15  # of the time left that a size before the last may take, however short the time is
MIN_EVALUATIONS = 3  # a size that the clock leaves fewer for is not begun
# These change when a run ends or how it is shown, not the picture at a given step, so they are not journalled.
NOT_JOURNALLED = frozenset({"iterations", "seconds", "preview_rate", "original_colours"})
TARGET_SETTINGS = ("pool", "pool_rescale", "padding", "style_size")


def plan_stages(recipe: Recipe, aspect: float = 1.0) -> list[Stage]:
    """Sizes and iterations of a run: the recorded plan, else `scales` sizes up to the full one.

    Iterations are shared out evenly over the sizes; the full size takes what does not divide. Sizes too small for
    the network's deepest layers are left out.

    Args:
        aspect: long side over short side of the content picture.
    """
    if recipe.plan:
        return list(recipe.plan)
    scales = 1 if recipe.canvas == "hrnet" else recipe.scales  # the network itself works at several sizes
    sizes = [round(recipe.size / recipe.scale_factor**k) for k in reversed(range(scales))]
    sizes = [size for size in sizes if size >= max(recipe.smallest, MIN_SHORT_SIDE * aspect)] or [recipe.size]
    each, rest = divmod(recipe.iterations, len(sizes))
    stages = [Stage(size=size, iterations=each) for size in sizes]
    stages[-1] = Stage(size=recipe.size, iterations=each + rest)
    return stages


def style_long_side(recipe: Recipe, style_size: tuple[int, int], size: int) -> int:
    """Long side of the style picture as it is described for a picture of long side `size`.

    Args:
        style_size: width and height of the style picture as it is; a strip keeps a short side the network can take.
    """
    wanted = recipe.style_size
    full = recipe.size if wanted == "content" else max(style_size) if wanted == "original" else wanted
    smallest = max(32, math.ceil(MIN_SHORT_SIDE * max(style_size) / min(style_size)))
    return max(smallest, round(full * size / recipe.size))


def lbfgs_history(wanted: int, pair: int) -> int:
    """Pairs of steps that L-BFGS remembers: fewer than `wanted` where `pair`, the bytes of one, would take too much."""
    return min(wanted, max(MIN_HISTORY, LBFGS_BYTES // max(1, pair)))


class Run:
    """One run. `frames()` paints; `snapshot()` between two frames holds everything that is needed to go on.

    Args:
        content, style: clean RGB pictures.
        recipe: the settings.
        network: the VGG the recipe names, on the device to paint on.
        control: who steers; a control of its own when None.
        snapshot: of an earlier run with the same pictures and network, to go on from with its own settings; what is
            to be different is wished for through `control`.

    Raises:
        PlaygroundError: the recipe does not fit the network or the pictures, or the snapshot neither.
    """

    def __init__(
        self,
        content: Image.Image,
        style: Image.Image,
        recipe: Recipe,
        network: Vgg,
        control: Control | None = None,
        snapshot: dict[str, Any] | None = None,
    ) -> None:
        self.content, self.style, self.base = content, style, recipe
        self.vgg, self.device = network, network.device
        self.control: Control = control or MemoryControl()
        self.recipe = recipe  # as changed so far
        self.stages = plan_stages(recipe, max(content.size) / min(content.size))
        self.space = Space(recipe.space, self.device)
        self.applied: dict[str, Any] = {}
        self.journal: list[Change] = []
        self.curve = Curve()
        self.stage = self.stage_step = self.stage_evaluations = self.round_evaluations = 0
        self.evaluations = 0
        self.done_before: list[Stage] = []  # stages that are finished, with the iterations they really took
        self.rate_scale = 1.0
        self.recoveries: list[str] = []
        self.failed_in_a_row = 0
        self.seconds = self.stage_began = self.pixel_cost = 0.0
        self.first_preview: float | None = None
        self._pending: list[tuple[Tensor, list[str], float, int, int]] = []
        if recipe.size**2 >= STRIPS_FROM:
            return_large_blocks()
        if snapshot is None:
            self._enter_stage(None)
        else:
            self._restore(snapshot)

    # ---------------------------------------------------------------- sizes

    @property
    def step(self) -> int:
        return sum(stage.iterations for stage in self.done_before) + self.stage_step

    @property
    def steps(self) -> int:
        return sum(stage.iterations for stage in [*self.done_before, *self.stages[self.stage :]])

    def _picture_at(self, picture: Image.Image, long_side: int) -> Tensor:
        return to_tensor(resize_picture(picture, long_side)).to(self.device)

    def _style_at(self, size: int) -> Tensor:
        """The style picture for a stage of long side `size`, in proportion to its size for the full picture."""
        return self._picture_at(self.style, style_long_side(self.recipe, self.style.size, size))

    def _make_objective(self) -> None:
        size = self.stages[self.stage].size
        height, width = self.content_tensor.shape[-2:]
        full_width, full_height = fit_size(*self.content.size, self.recipe.size)
        network = self.vgg.configured(self.recipe.pool, self.recipe.pool_rescale, self.recipe.padding)
        growth = full_width * full_height / (width * height)
        self.objective = Objective(network, self.content_tensor, self._style_at(size), self.recipe, growth)
        self._evaluate_anew()

    def _evaluate_anew(self) -> None:
        """Losses before and after a change of weights cannot be compared, so the search for the best starts anew."""
        self.evaluator = Evaluator(self.canvas, self.objective)

    def _enter_stage(self, smaller: Canvas | None) -> None:
        """Set up pictures, targets, canvas and optimiser for the current stage."""
        self.content_tensor = self._picture_at(self.content, self.stages[self.stage].size)
        height, width = self.content_tensor.shape[-2:]
        if smaller is None:
            first = first_picture(
                self.recipe, self.content_tensor, self._style_at(self.stages[self.stage].size), self.space
            )
            self.canvas = make_canvas(self.recipe, first, self.space)
        else:
            self.canvas = smaller.resized((height, width))
            if self.recipe.init == "content":
                self._restore_detail(smaller)
        self._make_objective()
        self._start_optimizer()
        self.average: list[Tensor] | None = None
        self.stage_step = self.stage_evaluations = self.round_evaluations = 0
        self.stage_began, self.stage_limit = self.seconds, self.stages[self.stage].iterations

    @torch.no_grad()
    def _restore_detail(self, smaller: Canvas) -> None:
        """Give the enlarged picture the photo's finest detail, which the smaller size had no room for.

        It started from the photo, so this is what it would show there; without it each new size begins as a blur.
        """
        size = tuple(self.content_tensor.shape[-2:])
        enlarged = resample(resample(self.content_tensor, tuple(smaller.image().shape[-2:])), size)
        self.canvas.parameters[0].add_((self.content_tensor - enlarged) * self.space.scale)

    def _next_stage(self) -> None:
        """Carry picture and Adam's moments over to the next size."""
        old_canvas, old_optimizer = self.canvas, self.optimizer
        if self.average is not None and self.recipe.average > 0:
            self._set_parameters(self.average)
        self.done_before.append(self._stage_so_far())
        self.stage += 1
        self._enter_stage(old_canvas)
        optimizer, same_levels = self.optimizer, len(old_canvas.parameters) == len(self.canvas.parameters)
        if isinstance(old_optimizer, torch.optim.Adam) and isinstance(optimizer, torch.optim.Adam) and same_levels:
            for index, (old, new) in enumerate(zip(old_canvas.parameters, self.canvas.parameters, strict=True)):
                moments = old_optimizer.state.get(old)
                if moments:
                    optimizer.state[new] = {
                        "step": moments["step"].clone(),
                        "exp_avg": self.canvas.resize_like_parameter(index, moments["exp_avg"]),
                        "exp_avg_sq": self.canvas.resize_like_parameter(index, moments["exp_avg_sq"]).clamp_(min=0),
                    }

    # ---------------------------------------------------------------- optimiser

    def _start_optimizer(self) -> None:
        recipe, parameters = self.recipe, self.canvas.parameters
        if recipe.optimizer == "adam":
            self.optimizer: torch.optim.Adam | Lbfgs = torch.optim.Adam(parameters, lr=recipe.learning_rate)
        else:
            pair = 2 * sum(parameter.nbytes for parameter in parameters)
            history = lbfgs_history(recipe.lbfgs_history, pair)
            self.optimizer = Lbfgs(parameters, recipe.learning_rate, history, float(self.space.scale.mean()))

    @property
    def learning_rate(self) -> float:
        """The rate of this iteration, after decay and recoveries."""
        recipe = self.recipe
        decays = self.stage_step // recipe.decay_steps if recipe.decay_steps else 0
        return recipe.learning_rate * recipe.decay_factor**decays * self.rate_scale

    def _set_rates(self) -> None:
        if isinstance(self.optimizer, Lbfgs):
            self.optimizer.rate = self.learning_rate
        else:
            recipe = self.recipe
            settings = {"lr": self.learning_rate, "betas": (recipe.beta1, recipe.beta2), "eps": recipe.epsilon}
            self.optimizer.param_groups[0].update(settings)

    @torch.no_grad()
    def _set_parameters(self, values: list[Tensor]) -> None:
        for parameter, value in zip(self.canvas.parameters, values, strict=True):
            parameter.copy_(value)

    # ---------------------------------------------------------------- what is shown

    @torch.no_grad()
    def _update_average(self) -> None:
        """Exponential average of the canvas, exact from the first step: it starts as the first picture after a step."""
        decay = self.recipe.average
        if decay == 0 or self.average is None:
            self.average = [parameter.detach().clone() for parameter in self.canvas.parameters]
            self.average_weight = 1.0
            return
        self.average_weight = self.average_weight * decay + 1
        for average, parameter in zip(self.average, self.canvas.parameters, strict=True):
            average.lerp_(parameter, 1 / self.average_weight)

    @torch.no_grad()
    def _image_of(self, values: list[Tensor]) -> Tensor:
        """The unit image that the canvas would show with other parameters."""
        kept = [parameter.detach().clone() for parameter in self.canvas.parameters]
        self._set_parameters(values)
        image = self.canvas.image().clone()
        self._set_parameters(kept)
        return image

    @torch.no_grad()
    def _shown(self) -> Tensor:
        """The unit image to preview: the average where one is kept, else the canvas."""
        if self.average is not None and self.recipe.average > 0:
            return self._image_of(self.average)
        return self.canvas.image().detach()

    # ---------------------------------------------------------------- one evaluation

    def _evaluate(self) -> Tensor:
        """Judge the picture and take one step; the weighted losses before it, in the order of `evaluator.names`."""
        self._set_rates()
        with self.evaluator.undisturbed:
            terms = self.evaluator()
            self.optimizer.step()
        self.evaluations += 1
        self.stage_evaluations += 1
        if isinstance(self.optimizer, Lbfgs):
            self.round_evaluations += 1
            if self.round_evaluations >= self.recipe.lbfgs_evaluations:
                self._finish_iteration()
                self.round_evaluations = 0
                if self.recipe.lbfgs_restart:
                    self._start_optimizer()
        else:
            self._finish_iteration()
        return terms

    def _finish_iteration(self) -> None:
        self.stage_step += 1
        if self.recipe.clip:
            self.canvas.clip()
        if self.recipe.average > 0 or self.average is not None:
            self._update_average()

    def _measure_shares(self) -> dict[str, float]:
        """Share of the gradient's length that each term pulls with: |∂L_k/∂image| over their sum."""
        image = self.canvas.image().detach().requires_grad_(True)
        losses = self.objective(image)
        lengths: dict[str, float] = {}
        for kind in ("content", "style", "variation"):
            terms = [value for name, value in losses.terms.items() if name.split(":")[0] == kind]
            if terms:
                (gradient,) = torch.autograd.grad(torch.stack(terms).sum(), image, retain_graph=True)
                lengths[kind] = float(gradient.norm())
        total = sum(lengths.values())
        return {kind: length / total if total > 0 else 0.0 for kind, length in lengths.items()}

    # ---------------------------------------------------------------- orders

    def _obey(self) -> str | None:
        """Take over what the control and the replayed journal wish before this evaluation; what to tell, if anything."""
        entries = [entry for entry in self.base.journal if entry.evaluation == self.evaluations]
        wishes = {entry.key: entry.value for entry in entries}
        if self.recipe.optimizer == "lbfgs" and wishes.get("learning_rate") == self.recipe.learning_rate:
            self._restart_memory()
        orders = self.control.read()
        wishes |= {key: value for key, value in orders.settings.items() if self.applied.get(key, _NEVER) != value}
        self.applied.update(orders.settings)
        return self._change(wishes) if wishes else None

    def _restart_memory(self) -> None:
        """Let L-BFGS begin anew and state so in the journal, as a learning rate that stays what it was."""
        self._start_optimizer()
        self.journal.append(Change(evaluation=self.evaluations, key="learning_rate", value=self.recipe.learning_rate))

    def _change(self, wishes: dict[str, Any]) -> str | None:
        before = self.recipe
        try:
            changed = before.changed({**wishes, "plan": before.plan, "journal": before.journal})
        except RecipeError as error:
            return f"not changed: {error}"
        changes = {key: value for key in wishes if (value := getattr(changed, key)) != getattr(before, key)}
        if not changes:
            return None
        self.recipe = changed
        self.journal += [
            Change(evaluation=self.evaluations, key=key, value=value)
            for key, value in changes.items()
            if key not in NOT_JOURNALLED
        ]
        if "iterations" in changes:
            self._replan()
        if not changes.keys() - NOT_JOURNALLED:
            return None
        if any(key in changes for key in TARGET_SETTINGS) or not self.objective.covers(changed):
            self.control.turn().do(self._make_objective)
        elif changes.keys() & {"content_weight", "style_weight", "variation_weight", "content_layers", "style_layers",
                               "content_loss", "style_loss", "variation_loss"}:  # fmt: skip
            self.objective.set_weights(changed)
            self._evaluate_anew()
        if changed.optimizer == "lbfgs" and changes.keys() - {"clip", "average"}:
            self._start_optimizer()
            return f"{_names(changes)} changed: L-BFGS starts its memory anew"
        return None

    def _replan(self) -> None:
        """Share the new number of iterations out over this size and those to come."""
        left = max(0, self.recipe.iterations - sum(stage.iterations for stage in self.done_before))
        rest = self.stages[self.stage :]
        each, over = divmod(left, len(rest))
        shared = [Stage(size=stage.size, iterations=each) for stage in rest]
        shared[-1] = Stage(size=rest[-1].size, iterations=each + over)
        self.stages = self.stages[: self.stage] + shared
        self.stage_limit = self.stages[self.stage].iterations

    def _fit_clock(self) -> None:
        """Shorten this size so that it and those to come fit the time left, each by the same share of its iterations.

        All but the last size may take `COARSE_SHARE` of the time left in any case: where there is little, it paints most
        where a step is cheap.

        An evaluation's cost is taken to grow with the pixels. What was planned is kept; a faster moment gives back.
        """
        budget = self.recipe.seconds
        if budget is None or self.base.plan or self.stage_evaluations < 2:
            return
        spent = self.seconds - self.stage_began
        self.pixel_cost = spent / self.stage_evaluations / self.stages[self.stage].size ** 2
        rounds = self.recipe.lbfgs_evaluations if self.recipe.optimizer == "lbfgs" else 1
        wanted = sum(stage.iterations * rounds * stage.size**2 for stage in self.stages[self.stage :]) * self.pixel_cost
        left, stage = budget - self.stage_began, self.stages[self.stage]
        share = min(1.0, left / wanted) if wanted > 0 else 1.0
        if self.stage + 1 < len(self.stages):
            alone = stage.iterations * rounds * stage.size**2 * self.pixel_cost
            share = max(share, min(1.0, COARSE_SHARE * left / alone))
        self.stage_limit = max(1, math.floor(stage.iterations * share))

    def _time_is_up(self) -> bool:
        """Whether one more evaluation, or the next size's first few, would overrun the time budget."""
        budget = self.recipe.seconds
        if budget is None or self.evaluations == 0:
            return False
        if self._stage_is_over():
            next_cost = MIN_EVALUATIONS * self.pixel_cost * self.stages[self.stage + 1].size ** 2
        else:
            next_cost = self.pixel_cost * self.stages[self.stage].size ** 2
        return self.seconds + next_cost > budget

    def _recover(self) -> str:
        """Back to the best picture with a fresh optimiser and half the rate."""
        self.failed_in_a_row += 1
        self.rate_scale /= 2
        self._set_parameters(self.evaluator.best)
        self._start_optimizer()
        self.average = None
        text = (
            f"the loss was no finite number at evaluation {self.evaluations}: "
            f"back to the last good picture, learning rate halved to {self.learning_rate:.3g}"
        )
        self.recoveries.append(text)
        return text

    # ---------------------------------------------------------------- frames

    def frames(self) -> Iterator[Frame]:
        """Paint, yielding a frame at every evaluation (in batches on an accelerator) and the result at the end."""
        yield self._frame({}, picture=True)
        started = time.perf_counter() - self.seconds
        last_picture, last_read, last_shares = -math.inf, time.perf_counter(), -math.inf
        state: State | None = None
        while state is None:
            orders = self.control.read()
            if orders.paused and not orders.stopped:
                yield from self._catch_up()
                paused_at = time.perf_counter()
                yield from self._paused()
                started += time.perf_counter() - paused_at
                continue
            note = self._obey()
            self._fit_clock()
            state = self._ends(orders.stopped)
            if state is not None:
                break
            if self._stage_is_over():
                yield from self._catch_up()
                self.control.turn().do(self._next_stage)  # its targets cost as much memory as an evaluation
                last_picture = -math.inf
            done = self.control.turn().do(partial(self._step, note, started, last_picture, last_read))
            if done is None:
                continue
            points, picture, note = done
            last_read = time.perf_counter()
            if self.failed_in_a_row:
                if self.failed_in_a_row >= MAX_RECOVERIES:
                    state = "recovered"
                yield replace(points[-1], losses={}, layers={}, note=note)
                continue
            yield from points[:-1]
            shares = None
            if orders.shares and last_read - last_shares >= SHARES_EVERY:
                shares = self.control.turn().do(self._measure_shares)
                started += time.perf_counter() - last_read
                last_shares = time.perf_counter()
            if picture is not None:
                last_picture = last_read
                self.first_preview = self.first_preview or self.seconds
            yield replace(points[-1], picture=picture, shares=shares, note=note)
        yield from self._catch_up()
        yield self.control.turn().do(partial(self._finish, state))  # an average is judged once more

    def _step(
        self, note: str | None, started: float, last_picture: float, last_read: float
    ) -> tuple[list[Frame], np.ndarray | None, str | None] | None:
        """One evaluation, the frames since the last reading, the picture where one is due, and what to tell.

        None where the losses stay on the device for now. `failed_in_a_row` says whether the evaluation was in vain.
        """
        terms = self._evaluate()
        now = time.perf_counter()
        self.seconds = now - started
        self._pending.append((terms, self.evaluator.names, self.seconds, self.step, self.evaluations))
        picture_due = now - last_picture >= 1 / self.recipe.preview_rate
        due = picture_due or note is not None or self._stage_is_over() or now - last_read >= READ_EVERY
        if self.device.type != "cpu" and not due:
            return None
        points = self._read_pending()
        if not _finite(points):
            return points, None, self._recover()
        self.failed_in_a_row = 0
        if self._overshot(points[-1]):
            note = self._calm_down()
        return points, to_array(self._shown()) if picture_due else None, note

    def _overshot(self, point: Frame) -> bool:
        """Whether L-BFGS has taken a step that leads away."""
        return self.recipe.optimizer == "lbfgs" and point.losses["total"] > OVERSHOT * float(self.evaluator.best_total)

    def _calm_down(self) -> str:
        """Back to the best picture after such a step; what to tell."""
        self._set_parameters(self.evaluator.best)
        self._start_optimizer()
        return "L-BFGS overshot: back to the best picture, its memory starts anew"

    def _frame(self, layers: dict[str, float], picture: bool = False, state: State = "running") -> Frame:
        height, width = self.content_tensor.shape[-2:]
        return Frame(
            step=self.step,
            steps=self.steps,
            evaluations=self.evaluations,
            seconds=self.seconds,
            losses=by_term(layers) if layers else {},
            layers=layers,
            picture=to_array(self._shown()) if picture else None,
            size=(width, height),
            learning_rate=self.learning_rate,
            state=state,
        )

    def _read_pending(self) -> list[Frame]:
        """Losses of the evaluations since the last reading, moved from the device at once."""
        frames = []
        values = torch.cat([stacked for stacked, *_ in self._pending]).tolist()
        for stacked, names, seconds, step, evaluations in self._pending:
            layers = dict(zip(names, values[: len(stacked)], strict=True))
            values = values[len(stacked) :]
            frame = replace(self._frame(layers), seconds=seconds, step=step, evaluations=evaluations)
            if math.isfinite(frame.losses["total"]):
                self.curve.add({"step": step, "evaluations": evaluations, "seconds": seconds, **frame.losses})
            frames.append(frame)
        self._pending.clear()
        return frames

    def _catch_up(self) -> list[Frame]:
        """Frames of the evaluations that an accelerator has not been asked about, before a pause, a new size or the end."""
        if not self._pending:
            return []

        def read() -> list[Frame]:
            points = self._read_pending()
            return points if _finite(points) else [replace(points[-1], losses={}, layers={}, note=self._recover())]

        return self.control.turn().do(read)

    def _paused(self) -> Iterator[Frame]:
        """Frames while paused, a picture with the first, until resumed, stopped, or the consumer leaves.

        Settings changed meanwhile are taken over together when the run goes on: one change an evaluation is what
        the journal can replay.
        """
        first = True
        while (orders := self.control.read()).paused and not orders.stopped:
            yield self._frame({}, picture=first, state="paused")
            first = False
            self.control.wait(PAUSED_EVERY)

    def _ends(self, stopped: bool) -> State | None:
        if stopped:
            return "stopped"
        if self._stage_is_over() and self.stage == len(self.stages) - 1:
            if self.stage_step < self.stages[self.stage].iterations and self.recipe.seconds is not None:
                return "time"
            return "recovered" if self.recoveries else "done"
        return "time" if self._time_is_up() else None

    def _stage_is_over(self) -> bool:
        stage = self.stages[self.stage]
        if stage.evaluations is not None:
            return self.stage_evaluations >= stage.evaluations
        limit = stage.iterations if self.recipe.seconds is None else min(stage.iterations, self.stage_limit)
        return self.stage_step >= limit

    def _stage_so_far(self) -> Stage:
        return Stage(size=self.stages[self.stage].size, iterations=self.stage_step, evaluations=self.stage_evaluations)

    # ---------------------------------------------------------------- the end

    def _finish(self, state: State) -> Frame:
        """The last frame: the best picture since the last change of weights, at the full size."""
        image, losses, values = self._best_image()
        width, height = fit_size(*self.content.size, self.recipe.size)
        painted = to_picture(resample(image, (height, width)).clamp(0, 1))
        picture = (
            keep_colours(painted, resize_picture(self.content, self.recipe.size))
            if self.recipe.original_colours
            else painted
        )
        ended: str = state
        if state == "recovered":
            ended = f"recovered: {self.recoveries[-1]}"
        result = Result(
            picture=picture,
            recipe=self.final_recipe(),
            ended=ended,
            losses=by_term(losses),
            layers=losses,
            curve=list(self.curve.points),
            steps=self.step,
            evaluations=self.evaluations,
            seconds=self.seconds,
            first_preview_seconds=self.first_preview,
            generator=self.canvas.weights(values) if isinstance(self.canvas, HrnetCanvas) else None,
        )
        frame = replace(self._frame(losses, state=state), picture=np.asarray(picture), size=(width, height))
        return replace(frame, result=result, note=self.recoveries[-1] if self.recoveries else None)

    def _best_image(self) -> tuple[Tensor, dict[str, float], list[Tensor]]:
        """The best picture judged so far, or the average of the last ones where that is better; losses, parameters."""
        evaluator, best_losses = self.evaluator, {}
        if evaluator.best_terms is not None and math.isfinite(float(evaluator.best_total)):
            best_losses = dict(zip(evaluator.names, evaluator.best_terms.tolist(), strict=True))
        if self.average is not None and self.recipe.average > 0:
            averaged = self._image_of(self.average)
            with torch.no_grad():
                losses = self.objective(averaged)
            if float(losses.total) < float(evaluator.best_total):
                return averaged, dict(zip(losses.terms, losses.stacked().tolist(), strict=True)), self.average
        return self._image_of(evaluator.best), best_losses, evaluator.best

    def final_recipe(self) -> Recipe:
        """The recipe that re-runs to the same bits: the plan that was run, no clock, and the journal of changes."""
        plan = [*self.done_before, self._stage_so_far()]
        replayed = {"iterations", "preview_rate", "original_colours"}
        now = {key: getattr(self.recipe, key) for key in replayed}
        return self.base.changed({**now, "seconds": None, "plan": plan, "journal": self.journal})

    # ---------------------------------------------------------------- snapshots

    def snapshot(self, copy: bool = True) -> dict[str, Any]:
        """Everything needed to go on to the same bits, as tensors and plain data (`torch.save`-able, weights-only loadable).

        Args:
            copy: False shares the tensors with the run, for whoever writes them away before its next evaluation.
        """

        def kept(value: Any) -> Any:
            return _to_cpu(value, copy)

        return {
            "recipe": self.recipe.to_json(),
            "base": self.base.to_json(),
            "stages": [stage.model_dump() for stage in self.stages],
            "done_before": [stage.model_dump() for stage in self.done_before],
            "journal": [change.model_dump(mode="json") for change in self.journal],
            "numbers": {name: getattr(self, name) for name in _PLAIN},
            "average_weight": getattr(self, "average_weight", 1.0),
            "recoveries": list(self.recoveries),
            "curve": self.curve.plain(),
            "parameters": kept(list(self.canvas.parameters)),
            "optimizer": kept(self.optimizer.state_dict()),
            "best": kept(self.evaluator.best),
            "best_total": float(self.evaluator.best_total),
            "best_terms": self.evaluator.best_terms.tolist() if self.evaluator.best_terms is not None else None,
            "best_names": list(self.evaluator.names),
            "average": kept(self.average),
        }

    def _restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot, which stays as it is.

        One of L-BFGS may have lost its memory ("optimizer" is None): it starts anew then.
        """
        try:
            self._take_over(snapshot)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise PlaygroundError(
                "this moment is damaged, or of another picture: go back to another one, or start a new run"
            ) from error

    def _take_over(self, snapshot: dict[str, Any]) -> None:
        self.recipe = Recipe.model_validate_json(snapshot["recipe"])
        self.base = Recipe.model_validate_json(snapshot["base"])
        self.space = Space(self.recipe.space, self.device)
        self.stages = [Stage(**stage) for stage in snapshot["stages"]]
        self.done_before = [Stage(**stage) for stage in snapshot["done_before"]]
        numbers = {name: snapshot["numbers"][name] for name in _PLAIN}
        if not all(value is None or isinstance(value, (int, float)) for value in numbers.values()):
            raise TypeError("a snapshot's numbers must be numbers")
        self.stage = numbers["stage"]
        self._enter_stage(None)
        for name, value in numbers.items():
            setattr(self, name, value)
        self.journal = [Change(**change) for change in snapshot["journal"]]
        self.recoveries = list(snapshot["recoveries"])
        self.curve = Curve.of(snapshot["curve"])
        self._set_parameters(self._like_parameters(snapshot["parameters"]))
        if snapshot["optimizer"] is None:
            if self.recipe.optimizer != "lbfgs":
                raise ValueError("Adam's moments are missing")
            self._restart_memory()
        elif isinstance(self.optimizer, Lbfgs):
            self.optimizer.load_state_dict(snapshot["optimizer"])
        else:
            # A copy, since torch would take over the tensors themselves and write into them.
            self.optimizer.load_state_dict(_to_cpu(snapshot["optimizer"]))
            self._check_moments(self.optimizer)
        best, names = self._like_parameters(snapshot["best"]), snapshot["best_names"]
        if snapshot["best_terms"] is not None and len(snapshot["best_terms"]) != len(names):
            raise ValueError("every loss needs its name")
        self.evaluator.restore(best, snapshot["best_total"], snapshot["best_terms"], names)
        average = snapshot["average"]
        self.average = self._like_parameters(average) if average is not None else None
        self.average_weight = snapshot["average_weight"]

    def _like_parameters(self, values: list[Tensor]) -> list[Tensor]:
        """Copies on the device of tensors that must have the canvas's shapes."""
        for parameter, value in zip(self.canvas.parameters, values, strict=True):
            if value.shape != parameter.shape or value.dtype != parameter.dtype:
                raise ValueError(f"{tuple(value.shape)} is not a canvas of {tuple(parameter.shape)}")
        return [value.to(self.device, copy=True) for value in values]

    def _check_moments(self, optimizer: torch.optim.Adam) -> None:
        """Refuse Adam's moments of another size, which would only fail in the middle of a step."""
        for parameter in self.canvas.parameters:
            for key in ("exp_avg", "exp_avg_sq"):
                value = optimizer.state[parameter].get(key)
                if value is not None and value.shape != parameter.shape:
                    raise ValueError("Adam's moments are of another canvas")


_NEVER = object()
_PLAIN = (
    "stage",
    "stage_step",
    "stage_evaluations",
    "round_evaluations",
    "evaluations",
    "rate_scale",
    "failed_in_a_row",
    "seconds",
    "first_preview",
    "stage_began",
    "stage_limit",
    "pixel_cost",
)


def _finite(frames: list[Frame]) -> bool:
    return all(math.isfinite(frame.losses["total"]) for frame in frames)


def _names(changes: dict[str, Any]) -> str:
    return " and ".join(key.replace("_", " ") for key in changes)


def _to_cpu(value: Any, copy: bool = True) -> Any:
    """A nested structure with every tensor on the CPU, all of them copies unless `copy` is False."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=copy)
    if isinstance(value, dict):
        return {key: _to_cpu(inner, copy) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_to_cpu(inner, copy) for inner in value)
    return value


def check_pictures(content: Image.Image, size: int) -> None:
    """Refuse a picture whose short side would be too small for the network at the wished size.

    Raises:
        PlaygroundError: with the size that would do.
    """
    width, height = fit_size(*content.size, size)
    if min(width, height) < 32:
        enough = math.ceil(32 * max(content.size) / min(content.size))
        raise PlaygroundError(
            f"at {size} px this picture would be only {width}×{height} px; "
            f"choose a size of at least {enough} px or crop it"
        )
