"""The coach: one line on what is seen just now, by rules that hold and nothing else; a person can send it away.

Asked by following.py while a run goes on. Reads what the run has told anyway and measures nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr
import numpy as np

from playground.images.convert import resize_picture
from playground.service.job import Job
from playground.web.components.layout import Parts
from playground.web.words import say

SETTLED = 0.05  # of the pulls left over
FIRST = 5  # steps in which a rate that is too large shows
NEW = 8  # evaluations for which a size is new
SMOOTH = 0.4  # of the painting's variation, where there is as much else to see
MIDDLE = 192  # pixels, the side of what is looked at
SCRIPT = (Path(__file__).parent.parent / "assets" / "coach.js").read_text("utf-8")


def build_coach(parts: Parts) -> None:
    """A place under the easel that takes no room while nothing is said."""
    template = '<p class="coach" role="status" hidden></p>'
    parts["coach"] = gr.HTML({}, html_template=template, js_on_load=SCRIPT, elem_id="coach", apply_default_css=False)


def coached(job: Job | None) -> dict[str, str]:
    """What coach.js shows: the rule that holds now and its sentence, or nothing."""
    rule = rule_of(job) if job is not None else ""
    if job is None or not rule:
        return {}
    values: dict[str, Any] = {"size": max(job.frame.size) if job.frame is not None else 0}
    if job.pulls is not None:
        values["left"] = round(100 * job.pulls.left_over)
    return {"rule": rule, "text": say(f"coach.{rule}", **values)}


def rule_of(job: Job) -> str:
    """Which rule holds: "rate", "size", "start", "settled", "smooth"; empty for none. The most urgent comes first."""
    points, recipe = job.reported.unweighted, job.recipe
    if job.ended or job.frame is None or not points:
        return ""
    here, changed = points[-1], bool(job.control.read().settings)
    if recipe.optimizer == "adam" and not changed and risen(job.curve):
        return "rate"
    if points[0]["size"] != here["size"]:
        since = next(point["evaluations"] for point in points if point["size"] == here["size"])
        if here["evaluations"] - since < NEW:
            return "size"
    elif recipe.init == "content" and here["evaluations"] < NEW:
        return "start"
    pulls = job.pulls if job.control.read().shares else None
    if pulls is not None and any(pulls.lengths.values()) and pulls.left_over < SETTLED:
        return "settled"
    late = recipe.variation_weight > 0 and 2 * job.frame.step > job.frame.steps
    if late and job.picture is not None and _smooth(job, job.picture):
        return "smooth"
    return ""


def risen(curve: Sequence[dict[str, float]]) -> bool:
    """Whether the total stands higher than at the start after Adam's first five steps, and those are not long ago."""
    if not curve or not FIRST <= curve[-1]["step"] <= 4 * FIRST:
        return False
    early = [point["total"] for point in curve if point["step"] <= FIRST]
    return early[-1] > early[0]


def roughness(picture: np.ndarray) -> float:
    """Mean difference of neighbouring pixels over their spread, in the middle of H×W×3 values; 0 for one flat colour."""
    top, left = (max(0, side - MIDDLE) // 2 for side in picture.shape[:2])
    values = picture[top : top + MIDDLE, left : left + MIDDLE].astype(np.float64)
    apart = np.abs(np.diff(values, axis=0)).mean() + np.abs(np.diff(values, axis=1)).mean()
    spread = float(values.std())
    return float(apart) / spread if spread > 0 else 0.0


def _smooth(job: Job, picture: np.ndarray) -> bool:
    return roughness(picture) < SMOOTH * _of_painting(job, max(picture.shape[:2]))


def _of_painting(job: Job, long_side: int) -> float:
    """The same of a run's painting at the picture's scale, worked out once a size."""
    known = _paintings.setdefault(job, {})
    if long_side not in known:
        known[long_side] = roughness(np.asarray(resize_picture(job.style, long_side)))
    return known[long_side]


_paintings: WeakKeyDictionary[Job, dict[int, float]] = WeakKeyDictionary()
