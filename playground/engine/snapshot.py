"""A painting written down as plain data, and taken up again from it to the same bits.

Called by the loop (run.py), between two evaluations. The format is what lies on disks: names in it stay. Knows no file and no
folder.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from playground.engine.canvas import Space, set_parameters
from playground.engine.frames import Curve
from playground.engine.painting import Painting
from playground.engine.schedule import NUMBERS as SCHEDULE_NUMBERS
from playground.errors import PlaygroundError
from playground.recipe.model import Change, Recipe, Stage

PAINTING_NUMBERS = ("evaluations", "rate_scale", "failed_in_a_row", "seconds", "first_preview")


def take_snapshot(painting: Painting, copy: bool = True) -> dict[str, Any]:
    """Everything needed to go on to the same bits, as tensors and plain data (`torch.save`-able, weights-only loadable).

    Args:
        copy: False shares the tensors with the painting, for whoever writes them away before its next evaluation.
    """

    def kept(value: Any) -> Any:
        return _to_cpu(value, copy)

    schedule, evaluator, neighbours = painting.schedule, painting.evaluator, painting.objective.neighbours
    return {
        "recipe": painting.recipe.to_json(),
        "base": painting.base.to_json(),
        "stages": [stage.model_dump() for stage in schedule.stages],
        "done_before": [stage.model_dump() for stage in schedule.finished],
        "journal": [change.model_dump(mode="json") for change in painting.journal],
        "numbers": {**schedule.numbers(), **{name: getattr(painting, name) for name in PAINTING_NUMBERS}},
        "average_weight": painting.average.weight,
        "recoveries": list(painting.recoveries),
        "curve": painting.curve.plain(),
        "parameters": kept(list(painting.canvas.parameters)),
        "optimizer": kept(painting.optimiser.state_dict()),
        "best": kept(evaluator.best),
        "best_total": float(evaluator.best_total),
        "best_terms": evaluator.best_terms.tolist() if evaluator.best_terms is not None else None,
        "best_names": list(evaluator.names),
        "average": kept(painting.average.values),
        **({"neighbours": kept(neighbours.state_dict())} if neighbours is not None else {}),
    }


def final_recipe(painting: Painting) -> Recipe:
    """The recipe that re-runs to the same bits: the plan that was run, no clock, and the journal of changes."""
    plan = [*painting.schedule.finished, painting.schedule.stage_so_far()]
    now = {key: getattr(painting.recipe, key) for key in ("iterations", "preview_rate", "colours")}
    return painting.base.changed({**now, "seconds": None, "plan": plan, "journal": painting.journal})


def restore_snapshot(painting: Painting, snapshot: dict[str, Any]) -> None:
    """Let a painting of the same pictures and network, not begun yet, go on from a snapshot, which stays as it is.

    One of L-BFGS may have lost its memory ("optimizer" is None): it starts anew then.

    Raises:
        PlaygroundError: it is damaged, or of another picture.
    """
    try:
        _restore_plain(painting, snapshot)
        _restore_tensors(painting, snapshot)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise PlaygroundError(
            "this moment is damaged, or of another picture: go back to another one, or start a new run"
        ) from error


def _restore_plain(painting: Painting, snapshot: dict[str, Any]) -> None:
    """Settings, plan, numbers, journal and curve; the canvas of that size is set up on the way."""
    painting.set_recipe(Recipe.model_validate_json(snapshot["recipe"]))
    painting.base = Recipe.model_validate_json(snapshot["base"])
    painting.space = Space(painting.recipe.space, painting.device)
    names = (*SCHEDULE_NUMBERS, *PAINTING_NUMBERS)
    numbers = {name: snapshot["numbers"][name] for name in names}
    if not all(value is None or isinstance(value, (int, float)) for value in numbers.values()):
        raise TypeError("a snapshot's numbers must be numbers")
    stages, finished = ([Stage(**stage) for stage in snapshot[name]] for name in ("stages", "done_before"))
    painting.schedule.replays = bool(painting.base.plan)
    painting.schedule.restore(stages, finished, numbers)
    painting.enter_stage()
    painting.schedule.restore(stages, finished, numbers)  # once more: to enter a size sets its counters to zero
    for name in PAINTING_NUMBERS:
        setattr(painting, name, numbers[name])
    painting.journal = [Change(**change) for change in snapshot["journal"]]
    painting.recoveries = list(snapshot["recoveries"])
    painting.curve = Curve.of(snapshot["curve"])


def _restore_tensors(painting: Painting, snapshot: dict[str, Any]) -> None:
    """The picture, the optimiser's memory, the best picture and the average."""
    set_parameters(painting.canvas, _like_parameters(painting, snapshot["parameters"]))
    if snapshot["optimizer"] is not None:
        painting.optimiser.load_state_dict(snapshot["optimizer"])
    elif painting.optimiser.keeps_memory:
        painting.restart_memory()
    else:
        raise ValueError(f"what {painting.optimiser.title} had learnt is missing")
    best, names = _like_parameters(painting, snapshot["best"]), snapshot["best_names"]
    if snapshot["best_terms"] is not None and len(snapshot["best_terms"]) != len(names):
        raise ValueError("every loss needs its name")
    painting.evaluator.restore(best, snapshot["best_total"], snapshot["best_terms"], names)
    neighbours = snapshot.get("neighbours")
    if neighbours is not None and painting.objective.neighbours is not None:
        painting.objective.neighbours.load_state_dict(neighbours)
    average = snapshot["average"]
    painting.average.values = _like_parameters(painting, average) if average is not None else None
    painting.average.weight = snapshot["average_weight"]


def _like_parameters(painting: Painting, values: list[Tensor]) -> list[Tensor]:
    """Copies on the device of tensors that must have the canvas's shapes."""
    for parameter, value in zip(painting.canvas.parameters, values, strict=True):
        if value.shape != parameter.shape or value.dtype != parameter.dtype:
            raise ValueError(f"{tuple(value.shape)} is not a canvas of {tuple(parameter.shape)}")
    return [value.to(painting.device, copy=True) for value in values]


def _to_cpu(value: Any, copy: bool = True) -> Any:
    """A nested structure with every tensor on the CPU, all of them copies unless `copy` is False."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=copy)
    if isinstance(value, dict):
        return {key: _to_cpu(inner, copy) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_to_cpu(inner, copy) for inner in value)
    return value
