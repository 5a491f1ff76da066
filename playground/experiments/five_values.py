"""Five values of one setting, around what a recipe has, for a grid of one axis. Called by the page; runs nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

from playground.errors import PlaygroundError
from playground.experiments.experiment import on_base
from playground.recipe.model import Recipe, bounds, field_info

COUNT = 5
FACTORS = (0.1, 0.316, 1.0, 3.16, 10.0)  # half decades: what a weight needs to be seen
OWN: dict[str, Sequence[Any]] = {
    "style_size": (64, 128, 192, 256, "content"),
    "work_size": (64, 96, 128, 192, 256),
    "size": (64, 96, 128, 160, 192),
    "smallest": (48, 64, 96, 128, 192),
    "space": ("unit", "normalised", "centred"),
}
"""Settings whose own values say more than those around the recipe's."""


def five_values(recipe: Recipe, name: str) -> list[Any]:
    """At most five values of a setting that a recipe may take, the recipe's own among them where it is one number of many.

    Raises:
        KeyError: there is no such setting.
    """
    wanted = OWN.get(name) or _values(recipe, name)
    return [value for value in dict.fromkeys(wanted) if _possible(recipe, name, value)][:COUNT]


def _possible(recipe: Recipe, name: str, value: Any) -> bool:
    try:
        on_base(recipe, {name: value})
    except PlaygroundError:
        return False
    return True


def _values(recipe: Recipe, name: str) -> Sequence[Any]:
    field, now = Recipe.model_fields[name], getattr(recipe, name)
    if isinstance(now, bool):
        return (True, False)
    words = _words(field.annotation)
    if words:
        return sorted(words, key=lambda word: word != now)
    if name == "seed":
        return [now + step for step in range(COUNT)]
    low, high = bounds(name)
    whole = isinstance(now, int)
    if field_info(name).get("log") or name.endswith("_weight") or high is None or (whole and high > 64):
        return [_rounded((now or 1) * factor, whole, low, high) for factor in FACTORS]
    low = low or 0.0
    if whole:
        first = max(int(low), min(now - COUNT // 2, int(high) - COUNT + 1))
        return range(first, min(int(high), first + COUNT - 1) + 1)
    return [_rounded(low + (high - low) * step / (COUNT - 1), False, low, high) for step in range(COUNT)]


def _words(hint: Any) -> tuple[str, ...]:
    if get_origin(hint) is not None and hasattr(hint, "__metadata__"):
        hint = get_args(hint)[0]
    return get_args(hint) if get_origin(hint) is Literal else ()


def _rounded(value: float, whole: bool, low: float | None, high: float | None) -> float:
    """A value with two digits, within its bounds."""
    value = float(f"{value:.2g}") if math.isfinite(value) else 1.0
    value = max(value, low) if low is not None else value
    value = min(value, high) if high is not None else value
    return round(value) if whole else value
