"""When a run is at which size: the plan of sizes and iterations, the clock, and the counting of evaluations.

Planned here once for everybody: the loop (run.py), the estimates (measure/) and the progress that people see. Arithmetic
on numbers alone; it knows no tensor and no picture, and of a canvas only what the registry says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from playground.engine.canvas import CANVASES
from playground.recipe.model import Recipe, Stage
from playground.recipe.training import TrainingRecipe

MIN_SHORT_SIDE = 20  # pixels of either picture's short side: what the network needs, and room for rounding
TILED_ABOVE = 4096  # pixels of the long side, beyond which every picture is judged in tiles (tiles.py)
PRINT_STYLE_SIDE = (
    2048  # pixels of a style image there: never enlarged, so that strokes are as sharp as the style image is
)
COARSE_FRACTION = 0.15  # of the time left that a size before the last may take, however short the time is
MIN_EVALUATIONS = 3  # a size that the clock leaves fewer for is not begun

Standing = Literal["at rest", "searching", "stuck"]
"""Where a step has left the picture: where an iteration may end, on the way to such a place, or where nothing leads on."""


def plan_stages(recipe: Recipe, aspect: float = 1.0) -> list[Stage]:
    """Sizes and iterations of a run: the recorded plan, else `scales` sizes up to the full one.

    Iterations are shared out evenly over the sizes; the full size takes what does not divide. Sizes too small for
    the network's deepest layers are left out.

    Args:
        aspect: long side over short side of the content image.
    """
    if recipe.plan:
        return list(recipe.plan)
    scales = recipe.scales if CANVASES[recipe.canvas].scales else 1
    sizes = [round(recipe.painted_size / recipe.scale_factor**k) for k in reversed(range(scales))]
    sizes = [size for size in sizes if size >= max(recipe.smallest, MIN_SHORT_SIDE * aspect)] or [recipe.painted_size]
    stages = _shared_out(recipe.iterations, sizes)
    return [*stages[:-1], Stage(size=recipe.painted_size, iterations=stages[-1].iterations)]


def _shared_out(iterations: int, sizes: Sequence[int]) -> list[Stage]:
    """The same number of iterations at every size; the last takes what does not divide."""
    each, rest = divmod(iterations, len(sizes))
    counts = [each] * (len(sizes) - 1) + [each + rest]
    return [Stage(size=size, iterations=count) for size, count in zip(sizes, counts, strict=True)]


def evaluations_of(stage: Stage, recipe: Recipe) -> int:
    """Evaluations that a size takes: as recorded, else what its iterations need."""
    each = 1 if stage.tiled else recipe.evaluations_per_iteration
    return stage.iterations * each if stage.evaluations is None else stage.evaluations


def fraction_done(recipe: Recipe, evaluations: int, aspect: float = 1.0) -> float:
    """Fraction of a run's work that is done after so many evaluations, 0 to 1; one costs as much as it has pixels."""
    done = total = 0.0
    for stage in plan_stages(recipe, aspect):
        planned = evaluations_of(stage, recipe)
        done += min(planned, evaluations) * stage.size**2
        total += planned * stage.size**2
        evaluations -= min(planned, evaluations)
    return done / total if total else 1.0


def style_long_side(recipe: Recipe | TrainingRecipe, style_size: tuple[int, int], size: int, number: int = 0) -> int:
    """Long side of the style image as it is described for a picture, or a crop, of long side `size`, in pixels.

    Args:
        style_size: width and height of the style image as it is; a strip keeps a short side the network can take.
        number: of the style image among several, from 0.
    """
    wanted, largest = (
        recipe.style_size,
        _largest_without_print(recipe) if isinstance(recipe, Recipe) else recipe.image_size,
    )
    full = largest if wanted == "content" else max(style_size) if wanted == "original" else wanted
    smallest = max(32, math.ceil(MIN_SHORT_SIDE * max(style_size) / min(style_size)))
    scales = recipe.style_scales if isinstance(recipe, Recipe) else ()
    scale = scales[number] if number < len(scales) else 1.0
    side = max(smallest, round(full * scale * size / largest))
    for_print = size > (largest if _printed(recipe) else TILED_ABOVE)
    return min(side, max(style_size), PRINT_STYLE_SIDE) if for_print else side


def _largest_without_print(recipe: Recipe) -> int:
    """The size that style sizes are meant for: what was painted before it was painted on for print, where it was."""
    if recipe.plan and _printed(recipe):
        before = next(place for place, stage in enumerate(recipe.plan) if stage.tiled)
        return max((stage.size for stage in recipe.plan[:before]), default=recipe.painted_size)
    if recipe.painted_size <= TILED_ABOVE or not recipe.plan:
        return recipe.painted_size
    return max((stage.size for stage in recipe.plan if stage.size <= TILED_ABOVE), default=recipe.painted_size)


def _printed(recipe: Recipe | TrainingRecipe) -> bool:
    return isinstance(recipe, Recipe) and any(stage.tiled for stage in recipe.plan or ())


class Schedule:
    """Where a run stands in its plan. Told of every evaluation and of the time; says when a size or the run is over.

    Attributes:
        recipe: as it applies now; whoever changes it calls `replan` where the number of iterations is new.
        stages: sizes and iterations, as planned by now.
        finished: sizes that are over, with the iterations they really took.
        replays: the plan is a recorded one, which no clock cuts short.
        stage: index of the size that is painted.
        stage_step, stage_evaluations: iterations and evaluations of it so far.
        round_evaluations: evaluations of the iteration that is under way.
        stage_began: seconds of the run when it began.
        stage_limit: iterations that the clock leaves for it.
        pixel_cost: seconds of an evaluation for each pixel of a square picture, at this size; 0 while unknown.
    """

    def __init__(self, recipe: Recipe, aspect: float) -> None:
        self.recipe, self.replays = recipe, bool(recipe.plan)
        self.stages, self.finished = plan_stages(recipe, aspect), list[Stage]()
        self.stage = self.stage_step = self.stage_evaluations = self.round_evaluations = 0
        self.stage_began = self.pixel_cost = 0.0
        self.stage_limit = self.stages[0].iterations

    @property
    def step(self) -> int:
        """Iterations so far, over all sizes."""
        return sum(stage.iterations for stage in self.finished) + self.stage_step

    @property
    def steps(self) -> int:
        """Iterations of the whole run, as planned by now."""
        return sum(stage.iterations for stage in [*self.finished, *self.stages[self.stage :]])

    @property
    def evaluations(self) -> int:
        """Evaluations so far, over all sizes."""
        return sum(stage.evaluations or 0 for stage in self.finished) + self.stage_evaluations

    @property
    def size(self) -> int:
        """Long side in pixels that is painted now."""
        return self.stages[self.stage].size

    @property
    def tiled(self) -> bool:
        """Whether this size is judged in tiles."""
        return self.on_plain_pixels or self.size > TILED_ABOVE

    @property
    def on_plain_pixels(self) -> bool:
        """Whether this size is for print: plain pixels and Adam, which together hold the least."""
        return self.stages[self.stage].tiled

    @property
    def at_last_size(self) -> bool:
        return self.stage == len(self.stages) - 1

    # ---------------------------------------------------------------- going on

    def enter(self, seconds: float) -> None:
        """The size that is now the current one begins."""
        self.stage_step = self.stage_evaluations = self.round_evaluations = 0
        self.stage_began, self.stage_limit = seconds, self.stages[self.stage].iterations

    def leave(self) -> None:
        """The current size is over; the next becomes the current one."""
        self.finished.append(self.stage_so_far())
        self.stage += 1

    @property
    def evaluations_per_iteration(self) -> int:
        """Of this size: a size for print has no rounds."""
        return 1 if self.on_plain_pixels else self.recipe.evaluations_per_iteration

    @property
    def iteration_is_full(self) -> bool:
        """Whether the evaluation that is under way is the last that the iteration needs."""
        return self.round_evaluations + 1 >= self.evaluations_per_iteration

    def learning_rate(self, scale: float = 1.0) -> float:
        """The rate of this iteration: decayed since the size was begun, and scaled by what recoveries left of it."""
        recipe = self.recipe
        decays = self.stage_step // recipe.decay_steps if recipe.decay_steps else 0
        return recipe.learning_rate * recipe.decay_factor**decays * scale

    def evaluated(self, standing: Standing = "at rest") -> bool:
        """Count an evaluation, after which the optimiser stands so; whether it ends an iteration."""
        over = standing == "stuck" or (standing == "at rest" and self.iteration_is_full)
        self.stage_evaluations += 1
        self.round_evaluations += 1
        if not over:
            return False
        self.round_evaluations = 0
        self.stage_step += 1
        return True

    def stage_so_far(self) -> Stage:
        """What was really done of the current size."""
        done = {"iterations": self.stage_step, "evaluations": self.stage_evaluations}
        return Stage(size=self.size, tiled=self.on_plain_pixels, **done)

    def replan(self) -> None:
        """Share the recipe's number of iterations out over this size and those to come."""
        left = max(0, self.recipe.iterations - sum(stage.iterations for stage in self.finished))
        coming = self.stages[self.stage :]
        shared = _shared_out(left, [stage.size for stage in coming])
        self.stages = self.stages[: self.stage] + [
            new.model_copy(update={"tiled": old.tiled}) for new, old in zip(shared, coming, strict=True)
        ]
        self.stage_limit = self.stages[self.stage].iterations

    # ---------------------------------------------------------------- the end of a size, and the clock

    def stage_is_over(self) -> bool:
        stage = self.stages[self.stage]
        if stage.evaluations is not None:
            return self.stage_evaluations >= stage.evaluations
        limit = stage.iterations if self.recipe.seconds is None else min(stage.iterations, self.stage_limit)
        return self.stage_step >= limit

    @property
    def cut_short(self) -> bool:
        """Whether the clock took iterations away from the current size."""
        return self.stage_step < self.stages[self.stage].iterations and self.recipe.seconds is not None

    def fit_clock(self, seconds: float) -> None:
        """Shorten this size so that it and those to come fit the time left, each by the same fraction of its iterations.

        All but the last size may take `COARSE_FRACTION` of the time left in any case: where there is little, it paints most
        where a step is cheap.

        An evaluation's cost is taken to grow with the pixels. What was planned is kept; a faster moment gives back.
        """
        budget, recipe = self.recipe.seconds, self.recipe
        if budget is None or self.replays or self.stage_evaluations < 2:
            return
        spent = seconds - self.stage_began
        self.pixel_cost = spent / self.stage_evaluations / self.size**2
        rounds = recipe.evaluations_per_iteration
        wanted = sum(stage.iterations * rounds * stage.size**2 for stage in self.stages[self.stage :]) * self.pixel_cost
        left, stage = budget - self.stage_began, self.stages[self.stage]
        fraction = min(1.0, left / wanted) if wanted > 0 else 1.0
        if not self.at_last_size:
            alone = stage.iterations * rounds * stage.size**2 * self.pixel_cost
            fraction = max(fraction, min(1.0, COARSE_FRACTION * left / alone))
        self.stage_limit = max(1, math.floor(stage.iterations * fraction))

    def time_is_up(self, seconds: float) -> bool:
        """Whether one more evaluation, or the next size's first few, would overrun the time budget."""
        budget = self.recipe.seconds
        if budget is None or self.evaluations == 0:
            return False
        if self.stage_is_over():
            next_cost = MIN_EVALUATIONS * self.pixel_cost * self.stages[self.stage + 1].size ** 2
        else:
            next_cost = self.pixel_cost * self.size**2
        return seconds + next_cost > budget

    # ---------------------------------------------------------------- snapshots

    def numbers(self) -> dict[str, float]:
        """Where it stands, as plain numbers."""
        return {name: getattr(self, name) for name in NUMBERS}

    def restore(self, stages: Sequence[Stage], finished: Sequence[Stage], numbers: Mapping[str, Any]) -> None:
        """Stand where another schedule of such a recipe stood."""
        self.stages, self.finished = list(stages), list(finished)
        for name in NUMBERS:
            setattr(self, name, numbers[name])


NUMBERS = (
    "stage", "stage_step", "stage_evaluations", "round_evaluations", "stage_began", "stage_limit", "pixel_cost",
)  # fmt: skip
