"""An experiment: a base recipe and at most two axes, or cells of overrides; every cell is a whole recipe of its own.

Made by the command line, the page and lessons.py from what somebody asks for. Knows no picture and runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from playground.errors import PlaygroundError
from playground.recipe.base import RecipeError
from playground.recipe.model import Recipe, field_info
from playground.recipe.parse import parse_setting

MAX_AXES = 2
MAX_CELLS = 12  # of one sheet; more cannot be taken in at a glance
MAX_LABEL = 60  # characters
JUDGING = {"picture", "network", "content", "style", "variation", "neighbours", "paintings"}  # groups of settings


@dataclass(frozen=True)
class Axis:
    """One setting and the values that it takes; a dotted key is one entry of an object."""

    key: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Cell:
    """One recipe of an experiment.

    Attributes:
        settings: what it has otherwise than the base.
        recipe: the whole, without a clock: how long a cell takes depends on its neighbours, its picture must not.
        labels: what sets it apart, one for each axis, or its own name.
    """

    settings: dict[str, Any]
    recipe: Recipe
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Experiment:
    """Cells in the order of a sheet.

    Attributes:
        rows: how many rows the sheet has; with two axes the first goes down, the second across.
    """

    cells: tuple[Cell, ...]
    rows: int = 1

    @property
    def columns(self) -> int:
        return -(-len(self.cells) // self.rows)

    @property
    def judged_alike(self) -> bool:
        """Whether all cells have the same losses, so that their totals can be compared."""
        judging = [name for name in Recipe.model_fields if field_info(name).get("group") in JUDGING]
        first = self.cells[0].recipe
        return all(getattr(cell.recipe, name) == getattr(first, name) for cell in self.cells for name in judging)


def on_axes(base: Recipe, axes: Sequence[Axis]) -> Experiment:
    """Every combination of the axes' values on a base recipe.

    Raises:
        PlaygroundError: no axis or too many, one without values, too many cells, or a value that cannot be used.
    """
    if not 1 <= len(axes) <= MAX_AXES:
        raise PlaygroundError(f"an experiment has one or two axes, not {len(axes)}")
    empty = next((axis for axis in axes if not axis.values), None)
    if empty is not None:
        raise PlaygroundError(f"the axis {empty.key} has no values: write KEY=V1,V2")
    if len(axes) == 2 and axes[0].key == axes[1].key:
        raise PlaygroundError(f"both axes are {axes[0].key}: give all its values to one of them")
    count = 1
    for axis in axes:
        count *= len(axis.values)
    _check_count(count)
    cells = []
    for values in product(*(axis.values for axis in axes)):
        settings = {axis.key: value for axis, value in zip(axes, values, strict=True)}
        labels = tuple(label(key, value) for key, value in settings.items())
        cells.append(Cell(settings, on_base(base, settings), labels))
    return Experiment(tuple(cells), len(axes[0].values) if len(axes) == 2 else 1)


def of_cells(base: Recipe, cells: Sequence[tuple[str, Mapping[str, Any]]]) -> Experiment:
    """Named cells, each with settings laid over a base recipe.

    Raises:
        PlaygroundError: none or too many, or a value that cannot be used.
    """
    _check_count(len(cells))
    made = [
        Cell(
            dict(settings),
            on_base(base, settings),
            (name or ", ".join(label(key, value) for key, value in settings.items()) or "as it is",),
        )
        for name, settings in cells
    ]
    return Experiment(tuple(made))


def _check_count(count: int) -> None:
    if not 1 <= count <= MAX_CELLS:
        raise PlaygroundError(f"an experiment has 1 to {MAX_CELLS} cells, not {count}: leave some values out")


def on_base(base: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """A cell's recipe, which starts from nothing that was recorded and has no clock."""
    refused = {"seconds", "plan", "journal", "preset", "numbers", "measured_against"} & {
        key.partition(".")[0] for key in settings
    }
    if refused:
        raise RecipeError(f"{min(refused)} cannot be compared in an experiment: a cell ends by its iterations alone")
    return base.changed({"seconds": None, "plan": None, "journal": (), **settings})


def parse_axis(text: str) -> Axis:
    """An axis as `KEY=V1,V2,...`; values that begin with `[` are a JSON list.

    Raises:
        RecipeError: there is no `=`, no key, or no list.
    """
    key, separator, values = text.partition("=")
    if values.lstrip().startswith("["):
        key, found = parse_setting(text)
        if not isinstance(found, list):
            raise RecipeError(f"the values of {key} are no list in JSON; write --axis '{key}=[...]'")
        return Axis(key, tuple(found))
    if not separator or not key.strip():
        raise RecipeError(f"{text!r} is no axis; write KEY=V1,V2, for example style_weight=0.1,1,10")
    parts = [part.strip() for part in values.split(",") if part.strip()]
    return Axis(key.strip(), tuple(parse_setting(f"{key.strip()}={part}")[1] for part in parts))


def label(key: str, value: Any) -> str:
    """A setting and its value in a few words, such as "style weight 10" or "content layers conv3_2 + conv4_2"."""
    name, _, inner = key.partition(".")
    words = str(field_info(name).get("label", name)).lower() if name in Recipe.model_fields else name
    return f"{words}{f' {inner}' if inner else ''} {in_words(value)}"[:MAX_LABEL]


def in_words(value: Any) -> str:
    """A setting's value in a few words."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return " + ".join(str(name) for name, weight in value.items() if weight) or "none"
    return str(value)
