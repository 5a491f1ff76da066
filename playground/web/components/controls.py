"""Recipe fields as gradio controls, in both directions: a field's control, what it shows for a recipe, what it gives back.

Label, help and bounds come from the field (recipe/base.py, model.py). A recipe keeps every value that nobody touched:
`assembled` takes over only what differs from what the controls showed, so that nothing is lost to a slider's range or a
rounding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import gradio as gr

from playground.recipe.base import BaseRecipe, RecipeError
from playground.recipe.model import Recipe, bounds, field_info
from playground.web.components.format import option
from playground.web.words import label, say

PANELS = ("picture", "layers", "network", "canvas", "optimiser")
"""The panels of controls below the weights, in the page's order."""


def panel_of(name: str) -> str | None:
    """The panel a field's control stands in; None for what is no control of its own."""
    group = field_info(name).get("group")
    if group in (None, "paintings") or name.endswith("_layers"):  # the layers are one grid (layers.py)
        return None
    if name.endswith("_weight"):
        return "balance"
    if group in ("picture", "run") or name == "style_size":
        return "picture"
    return "layers" if group in ("content", "style", "variation") else group


FIRST = ("size", "style_size", "colours", "iterations", "optimizer")
FIELDS: dict[str, str] = {
    name: panel for name in dict.fromkeys((*FIRST, *Recipe.model_fields)) if (panel := panel_of(name))
}
"""Every recipe field with a control of its own, and its panel, in the page's order."""

FIXED = frozenset(
    {
        "seconds",
        "plan",
        "journal",
        "preset",
        "numbers",
        "measured_against",
        "arithmetic",
        "network",
        "styles",
        "preview_rate",
    }
)
"""Fields that a grid cannot vary, or that change no picture."""
VARIED = tuple(name for name in FIELDS if name not in FIXED)
"""Settings beside which stands "try five values"."""

BESIDE = frozenset(
    {
        "content_layers",
        "style_layers",
        "neighbours_layers",
        "style_weights",
        "style_scales",
        "region_content_weights",
        "kept_weight",
    }
)
"""Live settings whose controls are made elsewhere."""

ON_SLIDER = ("content_weight", "style_weight", "neighbours_weight", "variation_weight", "learning_rate", "iterations")
"""Fields with a slider over decades beside their number."""

DECADES = 4.0  # to either side of the preset's value
REACH = {"iterations": 1.5}  # where that would be too far
MIX = 3.0  # decades to either side by which one slider shifts painting against photo
OFF = -DECADES - 0.2  # the leftmost notch of a weight's slider means zero
STEPS = {
    "size": 16,
    "work_size": 16,
    "scale_factor": 0.1,
    "preview_rate": 0.1,
    "beta1": 0.001,
    "beta2": 0.001,
    "average": 0.01,
}
EMPTY = ("seconds", "steps", "work_size")
"""Fields that may be left empty."""


def accepts(name: str, model: type[BaseRecipe] = Recipe) -> Any:
    """The type a field accepts, without its Annotated wrapping and, where it may be empty, without None."""
    hint = model.model_fields[name].annotation
    if name in EMPTY:
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    return get_args(hint)[0] if get_origin(hint) is not None and hasattr(hint, "__metadata__") else hint


def options(name: str, model: type[BaseRecipe] = Recipe) -> tuple[str, ...]:
    """The words a field accepts, or none where it is no choice of words."""
    hint = accepts(name, model)
    return get_args(hint) if get_origin(hint) is Literal else ()


def control(
    name: str,
    value: Any,
    choices: Sequence[tuple[str, str]] = (),
    model: type[BaseRecipe] = Recipe,
    prefix: str = "set",
    most: float | None = None,
) -> gr.components.Component:
    """The gradio control of a recipe field, showing `value`.

    Words become a dropdown, switches a checkbox, numbers in a narrow range a slider, other numbers a box. `choices` are
    for fields whose words are not known to the recipe, such as the networks on this machine; `most` is what the server
    allows, if that is less than the field does.
    """
    info = field_info(name, model)
    unit = f" ({say(f'unit.{unit}')})" if (unit := info.get("unit")) else ""
    common: dict[str, Any] = {
        "label": f"{label(name)}{unit}",
        "info": say(f"field.{name}.help"),
        "elem_id": f"{prefix}-{name}",
        "elem_classes": ["setting", "live" if info.get("live") else "later"],
    }
    hint = accepts(name, model)
    if hint is bool:
        return gr.Checkbox(value=value, **common)
    if name == "style_size":
        sizes = [(f"{size} px", str(size)) for size in (128, 192, 256, 384, 512, 768, 1024) if size <= (most or size)]
        named = [(option(name, word), word) for word in ("content", "original")]
        return gr.Dropdown([*named, *sizes], value=value, allow_custom_value=True, **common)
    if choices or options(name, model):
        pairs = list(choices) or [(option(name, word), word) for word in options(name, model)]
        return gr.Dropdown(pairs, value=value, filterable=False, **common)
    low, high = bounds(name, model)
    whole = hint is int
    if high is not None and most is not None:
        high = min(high, int(most) if whole else most)
    if low is None or high is None or info.get("log") or high > (4096 if whole else 4) or low >= high:
        return gr.Number(
            value=value, precision=0 if whole and name not in EMPTY else None,
            placeholder=say(f"empty.{name}") if name in EMPTY else None, buttons=[], **common
        )  # fmt: skip
    return gr.Slider(low, high, value=value, step=STEPS.get(name, 1 if whole else 0.01), buttons=[], **common)


def why_no_seed(counts: bool) -> str:
    """Why another seed is not offered; HTML, empty where it is."""
    return "" if counts else f'<p class="hint">{say("settings.no_seed")}</p>'


def rules(
    model: type[BaseRecipe] = Recipe, prefix: str = "set", most: Mapping[str, float] | None = None
) -> dict[str, dict[str, Any]]:
    """What fields.js needs to judge a typed number, by the id of its control: label, min, max (above, below: exclusive)."""
    found = {}
    for name, field in model.model_fields.items():
        info, kind = field_info(name, model), accepts(name, model)
        if not info or kind not in (int, float):
            continue
        limits = [*field.metadata, *(part for outer in get_args(field.annotation) for part in _nested(outer))]
        rule: dict[str, Any] = {"label": label(name), "whole": kind is int, "optional": name in EMPTY}
        for limit in limits:
            for sign, place in (("ge", "min"), ("gt", "min"), ("le", "max"), ("lt", "max")):
                if (value := getattr(limit, sign, None)) is not None:
                    rule |= {
                        place: value,
                        "above": rule.get("above") or sign == "gt",
                        "below": rule.get("below") or sign == "lt",
                    }
        if most and "max" in rule:
            rule["max"] = min(rule["max"], most.get(name, rule["max"]))
        found[f"{prefix}-{name}"] = {key: value for key, value in rule.items() if value is not False}
    return found


def _nested(hint: Any) -> list[Any]:
    """The limits inside one alternative of a type."""
    return [limit for info in getattr(hint, "__metadata__", ()) for limit in getattr(info, "metadata", ())]


def shown(name: str, recipe: BaseRecipe) -> Any:
    """What a field's control shows for a recipe."""
    value = getattr(recipe, name)
    return str(value) if name == "style_size" else value


def given(name: str, value: Any, model: type[BaseRecipe] = Recipe) -> Any:
    """What a control's value means for the recipe.

    Raises:
        RecipeError: the control is empty where a value is needed.
    """
    if name in EMPTY and not value:
        return None
    if value is None or value == "":
        raise RecipeError(say("error.empty", what=label(name)))
    if name == "style_size":
        text = str(value).removesuffix("px").strip()
        return int(text) if text.isdecimal() else text
    if accepts(name, model) is int and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def assembled(base: Recipe, values: Mapping[str, Any]) -> Recipe:
    """`base` with what the controls changed: only values that differ from what they showed for `base`.

    Args:
        values: by field what its control gives; layers as {layer: weight}.

    Raises:
        RecipeError: a value that cannot be used.
    """
    changes = {}
    for name, value in values.items():
        if name.endswith("_layers"):
            wanted = {layer: float(weight) for layer, weight in (value or {}).items() if float(weight) > 0}
            if wanted != {layer: weight for layer, weight in getattr(base, name).items() if weight > 0}:
                changes[name] = wanted
        elif value != shown(name, base):
            changes[name] = given(name, value)
    return base.changed(changes) if changes else base


def reference(name: str, preset: Recipe) -> float:
    """The value in the middle of a logarithmic slider: the preset's, or 1 where the preset switches the term off."""
    return getattr(preset, name) or 1.0


def finite(value: Any) -> float | None:
    """A number that one can reckon with, whatever a request brings; None for all else."""
    try:
        return value if math.isfinite(value) else None
    except (TypeError, OverflowError):
        return None


def decades(name: str, value: float | None, preset: Recipe) -> float:
    """Where the slider stands for a value: decades above the preset's, at its ends for what lies beyond."""
    reach = REACH.get(name, DECADES)
    if not value or value < 0 or not math.isfinite(value):
        return OFF if name.endswith("_weight") else -reach
    return max(-reach, min(reach, round(math.log10(value / reference(name, preset)), 2)))


def from_decades(name: str, position: float, preset: Recipe) -> float:
    """The value of a slider's position, with three digits; the leftmost notch of a weight is 0."""
    if name.endswith("_weight") and position < -DECADES - 0.05:
        return 0.0
    if position == 0 and getattr(preset, name):
        return getattr(preset, name)  # not rounded: the middle is exactly the preset
    value = float(f"{reference(name, preset) * 10**position:.3g}")
    low, high = bounds(name)
    value = value if high is None else min(value, high)
    return max(round(value), int(low or 0)) if accepts(name) is int else value


def mixed(content: float | None, style: float | None, preset: Recipe) -> float:
    """Where the slider from photo to painting stands: decades by which the weights' ratio exceeds the preset's."""
    if not content or not style:
        return (MIX if not content else -MIX) if content != style else 0.0
    if min(content, style) < 0:
        return 0.0  # no weights: said beside their own fields
    own = reference("style_weight", preset) / reference("content_weight", preset)
    position = math.log10(style) - math.log10(content) - math.log10(own)  # the ratio itself may leave the floats' range
    return max(-MIX, min(MIX, round(position, 2)))


def from_mix(position: float, preset: Recipe) -> tuple[float, float]:
    """Content and style weight for a position of that slider: one falls as the other grows, their product stays.

    A weight that the preset switches off comes in alone, from 0 at its end of the slider; the other stays the preset's.
    """
    content, style = preset.content_weight, preset.style_weight
    if bool(content) != bool(style):
        away = position if style else -position  # from the middle, towards the end where the other is 0
        other = 0.0 if away >= MIX else float(f"{10**-away:.3g}")
        return (content or other), (style or other)
    wanted = (reference("content_weight", preset), -position / 2), (reference("style_weight", preset), position / 2)
    content, style = (float(f"{value * 10**power:.3g}") if power else value for value, power in wanted)
    return content, style


def decade_slider(name: str, value: float, preset: Recipe) -> gr.Slider:
    """The slider over decades that stands beside a field's number."""
    reach = REACH.get(name, DECADES)
    return gr.Slider(
        OFF if name.endswith("_weight") else -reach, reach, value=decades(name, value, preset), step=0.05,
        label=say("slider.decades", what=label(name)), show_label=False,
        container=False, buttons=[], elem_id=f"slide-{name}", elem_classes=["decades"],
    )  # fmt: skip
