"""How long a run will still take: what was estimated for each size, corrected by what its evaluations really cost.

Called for the status line of every open page. One forecast a run, so that all pages say the same; from one look to the next
it never moves by more than a fifth, and it does not grow for little: a number that jumps or climbs is believed by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from playground.engine.schedule import evaluations_of, plan_stages
from playground.recipe.model import Recipe, Stage
from playground.web.components.format import steps_per_second

STEP = 0.15  # of what was said: no more between two looks, nor within `PAUSE`
PAUSE = 2.0  # seconds of the run
LITTLE = 0.25  # more than what was said, and a second: nothing grows for that
SLOWER = 0.6  # of the time that passes: by so much what is said falls behind the clock until it is right again
FEW = 3  # points of a size before its pace counts: the first ones warm up
RECENT = 12  # points that its pace is taken from, at least
RECENT_SECONDS = 20.0  # that they cover, at least: what else the machine does comes and goes


@dataclass
class Forecast:
    """What is known of one run's pace.

    Attributes:
        factor: real seconds over estimated ones; None before anything was seen.
        before: the same when the size that is painted now began, and where that was.
        said: the last answer, and the run's own seconds then.
        planned: the iterations it was for.
    """

    factor: float | None = None
    before: tuple[float | None, int] = (None, 0)
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
        done, left, spent = frame.evaluations, 0.0, 0.0
        for stage, cost in zip(stages, costs, strict=True):
            evaluations = evaluations_of(stage, job.recipe)
            now = min(evaluations, max(0, done))
            spent += now * cost
            # The sizes to come are like all that was painted so far: what slows a machine just now may be over by then.
            left += (evaluations - now) * cost * (self.factor if now else frame.seconds / spent)
            done -= evaluations
        budget = job.control.read().settings.get("seconds", job.recipe.seconds)
        if budget is not None:
            left = min(left, max(0.0, budget - frame.seconds))
        if self.said is not None and self.planned == frame.steps:
            left = calmed(left, self.said[0], frame.seconds - self.said[1])
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
                if self.before[1] != begin:
                    self.before = self.factor, begin
                points = [point for point in job.curve if point["evaluations"] > begin][FEW - 1 :]
                if (each := pace(points)) > 0:
                    real, known = each / cost, self.before[0]
                    sure = 1.0 if known is None else min(1.0, (len(points) - 1) / RECENT)
                    self.factor = real if known is None else known + sure * (real - known)
                return
            begin = end


def pace(points: Sequence[Mapping[str, float]]) -> float:
    """Seconds of an evaluation over the last points of a curve; 0 where there are too few."""
    if len(points) < 2:
        return 0.0
    last, nth = points[-1], max(0, len(points) - 1 - RECENT)
    while nth > 0 and last["seconds"] - points[nth]["seconds"] < RECENT_SECONDS:
        nth -= 1
    first = points[nth]
    return (last["seconds"] - first["seconds"]) / max(1, last["evaluations"] - first["evaluations"])


def calmed(left: float, said: float, passed: float) -> float:
    """What is said of so many seconds left, so many seconds after `said` was: no jump, and no climb for little."""
    expected, most = max(0.0, said - passed), min(1.0, passed / PAUSE)
    if left <= expected:
        return max(left, expected * (1 - STEP * most))
    if left <= expected * (1 + LITTLE) + 1.0:
        return min(left, expected + SLOWER * passed)
    return min(left, expected * (1 + STEP * most) + 0.5 * most)


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
