"""Numbers, weights and progress in words, for the page.

Plain functions on plain data, called by every tab; they know no component.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from playground.errors import PlaygroundError
from playground.recipe.model import Recipe, field_info
from playground.recipe.parse import MAPS
from playground.recipe.picture_limits import CM_PER_INCH, DPI
from playground.recipe.presets import load_preset, presets
from playground.recipe.training import TrainingRecipe
from playground.service.job import ENDS
from playground.web.words import decimal, has, label, say, translated, within

_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def ending(state: str, kind: str) -> str:
    """How a run has ended, in words.

    Args:
        kind: "state" among other facts, "short" in a small place, "summary" to begin that of a result, "announcement" for
            ears.
    """
    key = f"ending.{state}.{kind}"
    return say(key) if has(key) else state.capitalize()


def number(value: float) -> str:
    """A number for people: three digits, thousands apart, powers of ten beyond what can be read, in the language's way."""
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return say("number.none")
    size = abs(value)
    if 1e-3 <= size < 1e10:
        if size >= 1000:
            return f"{float(f'{value:.3g}'):,.0f}".replace(",", "\u202f")
        return decimal(f"{value:.3g}")
    exponent = math.floor(math.log10(size))
    mantissa = value / 10.0**exponent
    if round(mantissa, 2) >= 10:
        mantissa, exponent = mantissa / 10, exponent + 1
    power = f"10{str(exponent).translate(_SUPERSCRIPT)}"
    return power if f"{mantissa:.3g}" == "1" else f"{decimal(f'{mantissa:.3g}')} × {power}"


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
        return say("number.none")
    pulls = name.endswith("_weight")
    what = term(name.removesuffix("_weight")) if pulls else label(name)
    if value == 0:
        return say("compared.off", what=what)
    if preset == 0:
        return say("compared.off_in_preset", value=number(value))
    ratio = value / preset
    if abs(ratio - 1) < 5e-3:
        return say("compared.same", value=number(value))
    if pulls:
        times, how = (ratio, "harder") if ratio > 1 else (1 / ratio, "gentler")
        return say(f"compared.{how}", what=what, times=number(times))
    return say("compared.times", value=number(value), times=number(ratio))


def term(name: str) -> str:
    """A term of the loss, or one layer's part of it ("style:conv1_1"), as the page calls it."""
    kind, colon, layer = name.partition(":")
    known = say(f"term.{kind}") if has(f"term.{kind}") else kind.replace("_", " ")
    return f"{known} {layer}" if colon else known


def option(name: str, word: str) -> str:
    """A word that a setting may have, as the page shows it."""
    key = f"option.{name}.{word}"
    return say(key) if has(key) else word.replace("_", " ")


def balance(content: float | None, style: float | None, preset: Recipe) -> str:
    """Where a recipe stands between photo and painting, beside its preset.

    The weights' ratio itself says nothing: what a weight of 1 does depends on the network and on the loss.
    """
    if content is None or style is None or min(content, style) < 0:
        return ""
    if content == 0 and style == 0:
        return say("balance.neither")
    if content == 0:
        return say("balance.style_alone")
    if style == 0:
        return say("balance.content_alone")
    if not preset.content_weight or not preset.style_weight:
        return say("balance.both")
    times = (style / content) * (preset.content_weight / preset.style_weight)
    if abs(times - 1) < 5e-3:
        return say("balance.same")
    if times > 1:
        return say("balance.painting", times=number(times))
    return say("balance.photo", times=number((content / style) * (preset.style_weight / preset.content_weight)))


def caption(recipe: Recipe) -> str:
    """A recipe in a few words: its preset, up to three settings that are not the preset's, and the seed."""
    preset = presets().get(recipe.preset or "")
    if preset is None or preset.kind != "stylize":
        return say("caption.own", seed=recipe.seed)
    try:
        base = load_preset(preset.name, network=recipe.network)
    except PlaygroundError:  # its layers do not exist in this network, or the network is a file that has gone
        base = load_preset(preset.name)
    names = [name for name in Recipe.model_fields if name not in UNNAMED and field_info(name)]
    said = [setting_said(name, getattr(recipe, name)) for name in names if getattr(recipe, name) != getattr(base, name)]
    return ", ".join([say(f"preset.{preset.name}.title"), *said[:3], say("caption.seed", seed=recipe.seed)])


UNNAMED = {
    "arithmetic",
    "seed",
    "plan",
    "journal",
    "network",
    "preview_rate",
}  # of a caption; arithmetic changes no picture that one could see


def on_paper(pixels: int) -> str:
    """How many centimetres so many pixels are on paper."""
    return number(pixels / DPI * CM_PER_INCH)


def numbers(values: Sequence[float]) -> str:
    """A number for each painting or region; those that are not stated are 1."""
    return say("number.between").join(map(number, values)) or "1"


def setting_said(name: str, value: Any) -> str:
    """A setting and its value in a few words, such as "size 256"."""
    called = within(label(name))
    if isinstance(value, Mapping):
        return f"{called} {', '.join(layer for layer, weight in value.items() if weight > 0)}"
    if isinstance(value, bool) or name in MAPS:  # a map is the text of a picture, which says nothing to a reader
        return called if value else say("caption.without", what=called)
    if isinstance(value, tuple):
        return f"{called} {numbers(value)}"
    return f"{called} {number(value) if isinstance(value, (int, float)) else option(name, str(value))}"


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
    """The live line of a run, `left` seconds before its end.

    Such as "step 34 of 150 · 12 s · 28 s left · 2.9 steps/s · CPU (2 threads)".
    """
    state, frame, curve = job.state, job.frame, job.curve
    device = translated(device)
    if state == "waiting":
        said = [say("status.waiting"), say("status.next") if job.place <= 1 else say("status.place", place=job.place)]
        if job.wait_seconds is not None:
            said.append(say("status.to_wait", time=duration(max(1.0, job.wait_seconds))))
        return " · ".join(said)
    if state == "failed":
        return say("status.failed")
    if state == "loading" or frame is None:
        return translated(job.doing) if job.doing else say("status.reading")
    steps = say("status.step", step=frame.step, steps=frame.steps)
    took = duration(frame.seconds)
    if state == "paused":
        return f"{say('status.paused', step=frame.step, steps=frame.steps)} · {took}"
    if state in ENDS:
        left_over = [say("status.network_ready")] if isinstance(job.recipe, TrainingRecipe) else []
        steps_in = say("status.steps_in", steps=frame.step, time=took)
        return " · ".join([ending(state, "state"), steps_in, *left_over, device])
    parts = [steps, took]
    pace = steps_per_second(curve)
    if left is not None:
        parts.append(say("status.left", time=duration(left)))
    if pace:
        parts.append(say("status.pace", pace=decimal(f"{pace:.1f}") if pace < 100 else f"{pace:.0f}"))
    return " · ".join([*parts, device])
