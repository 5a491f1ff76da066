"""Numbers, weights and progress in words, for the page.

Plain functions on plain data, called by every tab; they know no component.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from playground.errors import PlaygroundError
from playground.recipe.model import Recipe, field_info
from playground.recipe.presets import load_preset, presets
from playground.recipe.training import TrainingRecipe
from playground.service.job import ENDS


class Ending(NamedTuple):
    """How a run can end, in words.

    Attributes:
        state: among other facts, such as "time is up"; the part before a comma is enough in a small place.
        summary: what the summary of a result begins with.
        announcement: a sentence for ears.
    """

    state: str
    summary: str
    announcement: str


ENDINGS = {
    "done": Ending("done", "Finished", "The picture is done."),
    "stopped": Ending("stopped", "Stopped", "Stopped. The best picture so far is shown."),
    "time": Ending("time is up", "Ended by the time budget", "Time is up. The best picture so far is shown."),
    "recovered": Ending("done, after a recovery", "Recovered", "The picture is done, after a recovery."),
    "failed": Ending("failed", "Failed", "The run failed."),
}
_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def number(value: float) -> str:
    """A number for people: three digits, thousands apart, powers of ten beyond what can be read."""
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return "no number"
    size = abs(value)
    if 1e-3 <= size < 1e10:
        if size >= 1000:
            return f"{float(f'{value:.3g}'):,.0f}".replace(",", "\u202f")
        return f"{value:.3g}"
    exponent = math.floor(math.log10(size))
    mantissa = value / 10.0**exponent
    if round(mantissa, 2) >= 10:
        mantissa, exponent = mantissa / 10, exponent + 1
    power = f"10{str(exponent).translate(_SUPERSCRIPT)}"
    return power if f"{mantissa:.3g}" == "1" else f"{mantissa:.3g} × {power}"


def duration(seconds: float) -> str:
    """Seconds as "12 s", "2 min 05 s" or "1 h 02 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def compared(name: str, value: float | None, preset: float) -> str:
    """How a logarithmic setting stands to the preset's: "style pulls 3× harder than in this preset"."""
    if value is None:
        return "no number"
    pulls = name.endswith("_weight")
    what = name.removesuffix("_weight") if pulls else str(field_info(name).get("label", name)).lower()
    if value == 0:
        return f"{what} is off"
    if preset == 0:
        return f"{number(value)} (off in this preset)"
    ratio = value / preset
    if abs(ratio - 1) < 5e-3:
        return f"{number(value)}, as in this preset"
    if pulls:
        times, how = (ratio, "harder") if ratio > 1 else (1 / ratio, "more gently")
        return f"{number(value)}: {what} pulls {number(times)}× {how} than in this preset"
    return f"{number(value)}: {number(ratio)}× this preset's"


def balance(content: float | None, style: float | None) -> str:
    """The ratio of the two main weights as a sentence."""
    if content is None or style is None:
        return ""
    if content == 0 and style == 0:
        return "Neither content nor style has a weight: nothing would be painted."
    if content == 0:
        return "Style alone: nothing holds the photo's shapes."
    if style == 0:
        return "Content alone: nothing asks for the painting's strokes."
    ratio = style / content
    if abs(ratio - 1) < 5e-3:
        return "Style and content weigh the same."
    if ratio > 1:
        return f"Style weighs {number(ratio)} times as much as content."
    return f"Content weighs {number(1 / ratio)} times as much as style."


def caption(recipe: Recipe) -> str:
    """A recipe in a few words: its preset, up to three settings that are not the preset's, and the seed."""
    preset = presets().get(recipe.preset or "")
    if preset is None or preset.kind != "stylize":
        return f"Own recipe, seed {recipe.seed}"
    try:
        base = load_preset(preset.name, network=recipe.network)
    except PlaygroundError:  # its layers do not exist in this network, or the network is a file that has gone
        base = load_preset(preset.name)
    names = [name for name in Recipe.model_fields if name not in UNNAMED and field_info(name)]
    said = [
        _setting_said(name, getattr(recipe, name)) for name in names if getattr(recipe, name) != getattr(base, name)
    ]
    return ", ".join([preset.title, *said[:3], f"seed {recipe.seed}"])


UNNAMED = {"seed", "plan", "journal", "network", "preview_rate"}  # of a caption


def _setting_said(name: str, value: Any) -> str:
    label = str(field_info(name).get("label", name)).lower()
    if isinstance(value, Mapping):
        return f"{label} {', '.join(layer for layer, weight in value.items() if weight > 0)}"
    if isinstance(value, bool):
        return label if value else f"no {label}"
    return f"{label} {number(value) if isinstance(value, (int, float)) else value}"


def planned_evaluations(job: Any) -> int:
    """Evaluations that a run has taken once it has ended, and will take before; 0 while that is not known."""
    if job.frame is None:
        return 0
    if job.state in ENDS:
        return int(job.frame.evaluations)
    return int(job.frame.steps * job.recipe.evaluations_per_iteration)


def steps_per_second(curve: Sequence[Mapping[str, float]]) -> float | None:
    """The pace of the last few points of a curve, in steps a second."""
    recent = curve[-12:]
    if len(recent) < 2:
        return None
    steps, seconds = recent[-1]["step"] - recent[0]["step"], recent[-1]["seconds"] - recent[0]["seconds"]
    if steps <= 0:  # within one round of L-BFGS: the pace since the start
        steps, seconds = recent[-1]["step"], recent[-1]["seconds"]
    return steps / seconds if steps > 0 and seconds > 0 else None


def status_line(job: Any, device: str, left: float | None = None) -> str:
    """The live line of a run, `left` seconds before its end: "step 34 of 150 · 12 s · 28 s left · 2.9 steps/s · CPU (2 threads)"."""
    state, frame, curve = job.state, job.frame, job.curve
    if state == "waiting":
        place = "you are next" if job.place <= 1 else f"place {job.place} in the queue"
        how_long = "" if job.wait_seconds is None else f" · about {duration(max(1.0, job.wait_seconds))} to wait"
        return f"waiting for the device · {place}{how_long}"
    if state == "failed":
        return "the run failed"
    if state == "loading" or frame is None:
        return job.doing or "reading the network and the pictures …"
    steps = f"step {frame.step} of {frame.steps}"
    took = duration(frame.seconds)
    if state == "paused":
        return f"paused at {steps} · {took}"
    if state in ENDS:
        left_over = ["the network is ready"] if isinstance(job.recipe, TrainingRecipe) else []
        return " · ".join([ENDINGS[state].state, f"{frame.step} steps in {took}", *left_over, device])
    parts = [steps, took]
    pace = steps_per_second(curve)
    if left is not None:
        parts.append(f"{duration(left)} left")
    if pace:
        parts.append(f"{pace:.1f} steps/s" if pace < 100 else f"{pace:.0f} steps/s")
    return " · ".join([*parts, device])
