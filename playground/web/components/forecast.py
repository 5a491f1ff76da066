"""How long a run will still take: what was estimated for each size, corrected by what its evaluations really cost.

Called for the status line of every open page. One forecast a run, so that all pages say the same; from one look to the next
it never moves by more than a fifth, since a number that jumps is believed by nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from playground.engine.schedule import evaluations_of, plan_stages
from playground.recipe.model import Recipe, Stage
from playground.web.components.format import steps_per_second

STEP = 0.15  # of what was said: no more between two looks, nor within `PAUSE`
PAUSE = 2.0  # seconds of the run
WEIGHT = 0.25  # of a new observation against all before
FEW = 3  # points of a size before its pace counts: the first ones warm up
RECENT = 12  # points that its pace is taken from


@dataclass
class Forecast:
    """What is known of one run's pace.

    Attributes:
        factor: real seconds over estimated ones; None before anything was seen.
        said: the last answer, and the run's own seconds then.
        planned: the iterations it was for.
    """

    factor: float | None = None
    said: tuple[float, float] | None = None
    planned: int = 0
    seen: int = -1

    def left(self, job: Any) -> float | None:
        """Seconds until the run will be done; None while nothing can be said."""
        frame = job.frame
        stages = planned_stages(job)
        costs = _costs(job, stages)
        self._observe(job, stages, costs)
        if self.factor is None:
            return None
        done, raw = frame.evaluations, 0.0
        for stage, cost in zip(stages, costs, strict=True):
            evaluations = evaluations_of(stage, job.recipe)
            raw += max(0, evaluations - max(0, done)) * cost
            done -= evaluations
        left = raw * self.factor
        budget = job.control.read().settings.get("seconds", job.recipe.seconds)
        if budget is not None:
            left = min(left, max(0.0, budget - frame.seconds))
        if self.said is not None and self.planned == frame.steps:
            passed = frame.seconds - self.said[1]
            expected, most = max(0.0, self.said[0] - passed), min(1.0, passed / PAUSE)
            left = max(expected * (1 - STEP * most), min(expected * (1 + STEP * most) + 0.5 * most, left))
        self.said, self.planned = (left, frame.seconds), frame.steps
        return left

    def _observe(self, job: Any, stages: list[Stage], costs: list[float]) -> None:
        """Compare the size that is painted now with its estimate."""
        done = job.frame.evaluations
        if done == self.seen:
            return
        self.seen = done
        begin = 0
        for stage, cost in zip(stages, costs, strict=True):
            end = begin + evaluations_of(stage, job.recipe)
            if begin < done <= end:
                points = [point for point in job.curve[-RECENT - FEW :] if point["evaluations"] > begin]
                if len(points) > FEW:
                    first, last = points[FEW - 1], points[-1]
                    each = (last["seconds"] - first["seconds"]) / max(1, last["evaluations"] - first["evaluations"])
                    if each > 0:
                        real = each / cost
                        self.factor = real if self.factor is None else (1 - WEIGHT) * self.factor + WEIGHT * real
                return
            begin = end


def planned_stages(job: Any) -> list[Stage]:
    """Sizes and iterations of a run as they stand now."""
    recipe = job.recipe
    if recipe.plan is None:
        recipe = recipe.changed({"iterations": max(1, job.frame.steps)})
    return plan_stages(recipe, job.aspect)


def _costs(job: Any, stages: list[Stage]) -> list[float]:
    """Estimated seconds of one evaluation at each size; in proportion to the pixels where nothing was estimated."""
    known = job.cost.stages if job.cost is not None else ()
    if len(known) == len(stages):
        return [max(1e-9, cost.seconds / max(1, cost.evaluations)) for cost in known]
    return [stage.size**2 for stage in stages]


_of: WeakKeyDictionary[Any, Forecast] = WeakKeyDictionary()


def seconds_left(job: Any) -> float | None:
    """Seconds until a run or a training will be done; None while nothing can be said."""
    if job.frame is None:
        return None
    if isinstance(job.recipe, Recipe) and job.content is not None:
        return _of.setdefault(job, Forecast()).left(job)
    pace = steps_per_second(job.curve)
    if not pace:
        return None
    left = max(0, job.frame.steps - job.frame.step) / pace
    budget = job.control.read().settings.get("seconds", job.recipe.seconds)
    return left if budget is None else min(left, max(0.0, budget - job.frame.seconds))
