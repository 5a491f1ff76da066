"""What was steered on a run's way, as the flags of its chart: at which step which setting went from what to what.

Called by run_chart.py. Reads the journal that a run keeps; it must never steer one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playground.recipe.model import Change
from playground.service.job import Job
from playground.web.components.format import number, numbers, option
from playground.web.words import joined, label, say

NEAR = 0.01  # of the axis: changes of one setting that close are one flag, such as a slider's on its way
LAYERS = 3  # that a flag names


def flags(job: Job, steps: Sequence[float], points: Sequence[Mapping[str, float]]) -> list[list[Any]]:
    """[step, sentence] of every change on the way; a slider that was dragged is one change."""
    journal: Sequence[Change] = (
        job.result.recipe.journal if job.result is not None else job.frame.journal if job.frame is not None else ()
    )
    found: list[list[Any]] = []  # [step, setting, value before, value after]
    now: dict[str, Any] = {}
    latest: dict[str, int] = {}
    for change in journal:
        place = next(
            (step for step, point in zip(steps, points, strict=True) if point["evaluations"] > change.evaluation),
            steps[-1],
        )
        key = change.key
        index = latest.get(key)
        if index is not None and place - found[index][0] <= max(2.0, NEAR * steps[-1]):
            found[index][3] = change.value
        else:
            latest[key] = len(found)
            found.append([place, key, now.get(key, getattr(job.recipe, key, None)), change.value])
        now[key] = change.value
    return [
        [round(place, 2), say("flag.said", step=round(place), what=went(key, *values))] for place, key, *values in found
    ]


def went(key: str, before: Any, after: Any) -> str:
    """A setting and how it has changed, such as "Style weight from 1 to 40"."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = [name for name in dict.fromkeys((*before, *after)) if before.get(name, 0) != after.get(name, 0)]
        each = [_from_to("", name, before.get(name, 0), after.get(name, 0)) for name in names[:LAYERS]]
        more = [say("flag.more", count=len(names) - LAYERS)] if len(names) > LAYERS else []
        return say("flag.layers", what=label(key), which=joined([*each, *more]))
    return _from_to(key, label(key), before, after)


def _from_to(key: str, called: str, before: Any, after: Any) -> str:
    return say("flag.from_to", what=called, before=_value(key, before), after=_value(key, after))


def _value(key: str, value: Any) -> str:
    if value is None:
        return say("value.none")
    if isinstance(value, bool):
        return say("value.on" if value else "value.off")
    if isinstance(value, (int, float)):
        return number(value)
    return numbers(value) if isinstance(value, (tuple, list)) else option(key, str(value))
