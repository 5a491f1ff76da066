"""What a run will cost on this machine, in seconds and megabytes, before it starts.

Called by the page whenever a control moves, by service/ and by the command line, which also tell it of runs that ended.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from playground.engine.evaluator import RECORD_AFTER
from playground.engine.frames import Result
from playground.engine.schedule import evaluations_of, plan_stages, style_long_side
from playground.images.convert import cut_size, fit_size
from playground.measure.memory import megabytes_of
from playground.measure.operations import Size, Work, work_of_evaluation, work_of_step
from playground.measure.pace import SecondsPerOperation, remember, seconds_per_operation_on
from playground.networks.arithmetic_choice import settled
from playground.recipe.model import Recipe
from playground.recipe.training import TrainingRecipe

RECORDING_SECONDS = {"cpu": 0.0, "cuda": 0.03, "mps": 0.0}  # of a size, before its evaluations are replayed


@dataclass(frozen=True)
class StageCost:
    """One size of the plan."""

    size: Size
    evaluations: int
    work: Work
    """Of one evaluation."""
    seconds: float
    """Of all evaluations and recording one, with describing both pictures at every size but the first, as a run counts
    its seconds."""


@dataclass(frozen=True)
class Estimate:
    """What a run will cost.

    Attributes:
        seconds: of the loop, as `Result.seconds` counts them: without reading files and first targets.
        megabytes: peak resident memory of the process (MiB), on an accelerator the allocator's.
        first_preview_seconds: from the loop's start to the first picture that is not the start itself.
        stages: size by size.
        measured: whether the machine's seconds per operation come from runs, not from a probe or a guess.
    """

    seconds: float
    megabytes: float
    first_preview_seconds: float
    stages: tuple[StageCost, ...]
    measured: bool


def estimate(
    recipe: Recipe,
    content_size: Size,
    style_size: Size,
    machine: SecondsPerOperation | None = None,
    device: str = "cpu",
) -> Estimate:
    """Seconds and megabytes of a run.

    Args:
        content_size, style_size: width and height of the two pictures as they are, before any resizing.
        machine: how fast it is; `seconds_per_operation_on(device)` where None.
        device: "cpu", "cuda" or "mps".

    Raises:
        PlaygroundError: the recipe names a network that cannot be used.
    """
    recipe, _ = settled(recipe, device)
    machine = machine or seconds_per_operation_on(device, recipe.arithmetic)
    content_size, style_size = cut_size(*content_size, recipe.crop), cut_size(*style_size, recipe.style_crop)
    stages: list[StageCost] = []
    for stage in plan_stages(recipe, max(content_size) / min(content_size)):
        size = fit_size(*content_size, stage.size)
        work = work_of_evaluation(recipe, size, device, stage.tiled or None)
        evaluations = evaluations_of(stage, recipe)
        seconds = evaluations * machine.seconds(work, size)
        if evaluations > RECORD_AFTER:
            seconds += RECORDING_SECONDS[device]
        if stages:  # the targets, forward only
            style = fit_size(*style_size, style_long_side(recipe, style_size, stage.size))
            both = work.units + work_of_evaluation(recipe, style, device).units  # more than enough where tiled
            seconds += machine.seconds(replace(work, units=both / 2), size)
        stages.append(StageCost(size, evaluations, work, seconds))
    first = machine.seconds(stages[0].work, stages[0].size)
    return Estimate(
        seconds=min(sum(stage.seconds for stage in stages), recipe.seconds or math.inf),
        megabytes=megabytes_of(recipe, content_size, style_size, device),
        first_preview_seconds=first,
        stages=tuple(stages),
        measured=bool(machine.by_size),
    )


def steps_of(recipe: TrainingRecipe, photographs: int) -> int:
    """Steps of a training on so many photographs: as asked for, else as its epochs ask."""
    return recipe.steps or math.ceil(recipe.epochs * photographs / recipe.batch_size)


def seconds_of_training(
    recipe: TrainingRecipe, photographs: int, machine: SecondsPerOperation | None = None, device: str = "cpu"
) -> float:
    """Seconds of a training's steps, without reading its first photographs and networks.

    Args:
        machine: how fast it is; `seconds_per_operation_on(device)` where None.

    Raises:
        PlaygroundError: the recipe names a network that cannot be used.
    """
    recipe, _ = settled(recipe, device)
    machine = machine or seconds_per_operation_on(device, recipe.arithmetic)
    seconds = machine.seconds(work_of_step(recipe, device), (recipe.image_size, recipe.image_size))
    return min(steps_of(recipe, photographs) * seconds, recipe.seconds or math.inf)


def observe_run(result: Result, device: str = "cpu") -> None:
    """Learn from a run that had the device to itself, and keep it for the next start of the program.

    Nothing is learnt where a journal changed the layers, or from sizes that saw too few evaluations to tell.
    """
    if any(change.key in ("content_layers", "style_layers") for change in result.recipe.journal):
        return
    machine = seconds_per_operation_on(device, result.recipe.arithmetic)
    for size, seconds in seconds_of_evaluations(result):
        machine = machine.observed(work_of_evaluation(result.recipe, size, device), size, seconds)
    remember(machine, device, result.recipe.arithmetic)


def seconds_of_evaluations(result: Result) -> list[tuple[Size, float]]:
    """The mean time of an evaluation at each size of a run, from its curve, without those that warm up or are recorded."""
    found = []
    before = 0
    for stage in result.recipe.plan or ():
        until = before + (stage.evaluations or 0)
        points = [point for point in result.curve if before < point["evaluations"] <= until]
        if len(points) >= 2:
            first, last = points[min(RECORD_AFTER, len(points) // 2 - 1)], points[-1]
            each = (last["seconds"] - first["seconds"]) / (last["evaluations"] - first["evaluations"])
            found.append((fit_size(*result.picture.size, stage.size), each))
        before = until
    return found
