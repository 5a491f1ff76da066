"""The free grid: two settings and their values, on what the Studio shows, small.

Laid out and wired by tab.py; bench.py runs it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from math import prod
from typing import Any, get_args

import gradio as gr

from playground.errors import PlaygroundError
from playground.experiments.experiment import MAX_CELLS, Axis, Cell, in_words, on_axes, parse_axis
from playground.experiments.five_values import five_values
from playground.recipe.base import RecipeError
from playground.recipe.model import Recipe, field_info
from playground.web.components import controls
from playground.web.components.messages import Updates, fault, message
from playground.web.components.pictures import given_pair
from playground.web.lab.bench import Bench, Pair, Plan, Sheet
from playground.web.words import label, say, within

NONE = ""  # the second setting, where there is one only
FIRST = ("style_weight", "0.1, 1, 10")
SECOND = ("init", "content, noise")


class Grid(Bench):
    """Handlers of the grid."""

    def planned(
        self, base: Recipe, content: str | None, style: str | None, size: float, iterations: float, *asked: str | None
    ) -> Plan:
        """What was asked for as a sheet.

        Args:
            base: what the Studio shows.
            asked: setting, values, setting, values.

        Raises:
            PlaygroundError: it cannot be understood or painted.
        """
        small = {
            "size": int(size),
            "smallest": min(base.smallest, max(48, int(size) // 2)),
            "iterations": int(iterations),
        }
        recipe = base.changed({**small, "plan": None, "journal": ()})
        experiment = on_axes(recipe, axes_of(asked))
        titles = tuple(cell_title(cell) for cell in experiment.cells)
        shows = "total" if experiment.judged_alike else "distances"
        return Plan(experiment, self.pair(content, style), titles, say("lab.grid.heading"), shows)

    @staticmethod
    def pair(content: str | None, style: str | None) -> Pair:
        """The two pictures of all tabs, clean RGB."""
        if not content or not style:
            raise PlaygroundError(say("error.choose_both"))
        return given_pair(content, style)

    def price(self, base: Recipe, content: str | None, style: str | None, *asked: Any) -> Updates:
        """What the grid would cost, or what is wrong with it; Run is locked then."""
        try:
            plan = self.planned(base, content, style, *asked)
            line = self.cost(plan.experiment, plan.pair)
        except Exception as error:
            return {self.part("cost"): message(fault(error)), self.part("run"): gr.Button(interactive=False)}
        return {self.part("cost"): line, self.part("run"): gr.Button(interactive=True)}

    async def paint(
        self, sheet: Sheet, base: Recipe, content: str | None, style: str | None, *asked: Any
    ) -> AsyncIterator[Updates]:
        """Run it."""
        sheet.own = True
        async for updates in self.run(sheet, lambda: self.planned(base, content, style, *asked)):
            yield updates


def axes_of(asked: Sequence[str | None]) -> list[Axis]:
    """One axis or two from a setting and its values, as a person writes them.

    Raises:
        PlaygroundError: there is no setting, the same one twice, no values or too many, or one that cannot be used, in the
            reader's language.
    """
    axes = [_axis(key, values or "") for key, values in zip(asked[::2], asked[1::2], strict=True) if key]
    if not axes:
        raise PlaygroundError(say("lab.grid.no_setting"))
    if len(axes) == 2 and axes[0].key == axes[1].key:
        raise PlaygroundError(say("lab.grid.twice", setting=label(axes[0].key)))
    if (count := prod(len(axis.values) for axis in axes)) > MAX_CELLS:
        raise PlaygroundError(say("lab.grid.too_many", count=count, most=MAX_CELLS))
    return axes


def _axis(key: str, written_values: str) -> Axis:
    try:
        axis = parse_axis(f"{key}={written_values}")
    except RecipeError:  # an opened bracket without its end
        axis = Axis(key, ())
    name, kind = key.partition(".")[0], Recipe.model_fields[key].annotation if key in Recipe.model_fields else None
    if not axis.values:
        raise PlaygroundError(say("lab.grid.no_values", setting=label(name)))
    choices = [choice for choice in get_args(kind) if isinstance(choice, str)]
    for value in axis.values:
        if isinstance(value, str) and {kind, *get_args(kind)} & {int, float}:
            raise PlaygroundError(say("lab.grid.no_number", setting=label(name), value=value[:40]))
        if choices and value not in choices:
            said = {"value": in_words(value)[:40], "choices": ", ".join(choices)}
            raise PlaygroundError(say("lab.grid.no_choice", setting=label(name), **said))
    return axis


def five(base: Recipe, name: object) -> tuple[str, str] | None:
    """A setting and five values of it as a person would type them; None for what is no such setting."""
    return (name, written(five_values(base, name))) if isinstance(name, str) and name in controls.VARIED else None


def written(values: Sequence[Any]) -> str:
    """Values as a person would type them, for `axes_of`: 10 and not 10.0."""
    whole = (int(value) if isinstance(value, float) and value.is_integer() else value for value in values)
    return ", ".join(value if isinstance(value, str) else json.dumps(value) for value in whole)


def cell_title(cell: Cell) -> str:
    """What sets a cell apart, in the reader's language."""
    return ", ".join(
        f"{within(label(key.partition('.')[0]))} {in_words(value)}" for key, value in cell.settings.items()
    )


def settings() -> list[tuple[str, str]]:
    """The settings that may be varied."""
    found = [name for name in Recipe.model_fields if name not in controls.FIXED and field_info(name)]
    return [(say("lab.grid.none"), NONE), *((label(name), name) for name in found)]
