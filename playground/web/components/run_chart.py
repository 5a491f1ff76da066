"""What run_chart.js draws of a run: its points with and without weights, bands for the sizes, flags for the steering.

Called by the Studio tab at every update, so a page is told the last points often and the whole curve seldom; run_chart.js joins
them by their evaluations. It must never start or steer a run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import gradio as gr

from playground.engine.schedule import plan_stages
from playground.recipe.model import Recipe
from playground.service.job import ENDS, Job
from playground.web.components.flags import flags
from playground.web.components.small_charts import TERMS

SCRIPT = "\n".join(
    (Path(__file__).parent.parent / "assets" / name).read_text("utf-8") for name in ("run_chart_pen.js", "run_chart.js")
)
WHOLE, TAIL = 240, 24  # points that are sent of a whole curve, and between two of those
EMPTY: dict[str, Any] = {"run": "", "points": [], "keys": [], "whole": True}


def chart() -> gr.HTML:
    """The chart; fires `select` with the evaluation that somebody points at."""
    return gr.HTML(
        EMPTY, html_template='<figure class="curves"></figure>', js_on_load=SCRIPT, elem_id="terms-chart",
        apply_default_css=False,
    )  # fmt: skip


def data(job: Job, *, whole: bool = True) -> dict[str, Any]:
    """What run_chart.js needs of a run now: everything, or its last points only."""
    weighted, layers, plain = job.curve, job.reported.layers, job.reported.unweighted
    if not weighted:
        return {**EMPTY, "run": job.name, "ended": job.ended, "steps": _planned(job)}
    by_layer = {point["evaluations"]: point for point in layers}
    unweighted = {point["evaluations"]: point for point in plain}
    steps, keys = along(weighted), _keys(weighted, layers)
    every = math.ceil(len(weighted) / WHOLE)
    kept = (
        {*range(0, len(weighted), every), len(weighted) - 1}
        if whole
        else range(max(0, len(weighted) - TAIL), len(weighted))
    )
    points = []
    for index in sorted(kept):
        point = weighted[index]
        bare, layered = unweighted.get(point["evaluations"], {}), by_layer.get(point["evaluations"], {})
        values = _short({**layered, **point}, keys), _short(bare, keys)
        points.append(
            [point["evaluations"], round(steps[index], 3), bare.get("size", 0), round(point["seconds"], 1), *values]
        )
    last = max(steps[-1], _planned(job))
    return {
        "run": job.name,
        "ended": job.ended,
        "whole": whole,
        "steps": last,
        "stages": _stages(job, last),
        "flags": flags(job, steps, weighted),
        "keys": keys,
        "points": points,
    }


def overlay(name: str, job: Job) -> dict[str, Any]:
    """Another result's curves, to be laid over those on show."""
    found = data(job)
    return {"name": name, "run": job.name, "keys": found["keys"], "points": found["points"]}


def _short(values: Mapping[str, float], keys: Sequence[str]) -> list[float | None]:
    """The values of some keys with four digits; None for what is absent, off, or no number."""
    found = (values.get(key, 0.0) for key in keys)
    return [float(f"{value:.4g}") if value > 0 and math.isfinite(value) else None for value in found]


def _keys(weighted: Sequence[Mapping[str, float]], layers: Sequence[Mapping[str, float]]) -> list[str]:
    """Terms that ever had a value, and layers, in order."""
    terms = [name for name in TERMS if any(point.get(name, 0) > 0 for point in weighted)]
    return [*terms, *dict.fromkeys(key for point in layers for key in point if ":" in key)]


def _planned(job: Job) -> int:
    return job.frame.steps if job.frame is not None and job.state not in ENDS else 0


def along(points: Iterable[Mapping[str, float]]) -> list[float]:
    """Where each point stands on an axis of steps.

    A point says how many steps were done with it. One that ends a step stands there; those after it, within a round of
    L-BFGS, share out the way to the next evenly.
    """
    places: list[float] = []
    for step, group in groupby(point["step"] for point in points):
        begun = step == 0  # nothing done yet, so that no point stands at the start itself
        count = len(list(group))
        parts = count + begun
        places += [step + (nth + begun) / parts for nth in range(count)]
    return places


def _stages(job: Job, last: float) -> list[list[float]]:
    """[first step, last step, pixels] of every size: what was painted, and what is planned beyond."""
    if not isinstance(job.recipe, Recipe):
        return []
    recipe = job.result.recipe if job.result is not None else job.recipe
    if job.frame is not None and recipe.plan is None:
        recipe = recipe.changed({"iterations": max(1, job.frame.steps)})
    bands, begin = [], 0.0
    for stage in plan_stages(recipe, job.aspect):
        if stage.iterations and begin < last:
            bands.append([begin, min(last, begin + stage.iterations), stage.size])
        begin += stage.iterations
    return bands
