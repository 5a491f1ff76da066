"""Lessons: experiments with a question to predict, one JSON file each in presets/lessons/, on a frozen base recipe.

Read by the command line and the page. Each claim was looked at on three pairs; its limits stand beside it. Knows no page.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import Self

from playground.errors import PlaygroundError
from playground.experiments.experiment import Axis, Experiment, of_cells, on_axes
from playground.recipe.model import Recipe
from playground.recipe.presets import PRESET_FOLDER, Preset

FOLDER = PRESET_FOLDER / "lessons"


class NamedCell(BaseModel):
    """One cell of a lesson."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    label: str
    set: dict[str, Any] = {}


class Lesson(BaseModel):
    """A question, its options, and what to run to find out.

    Attributes:
        kind: "grid" paints cells; "ears" listens to edits of the style image, without painting.
        answer: index of the option that was seen, on the lesson's own pair.
        saw: what there is to see, in two or three sentences.
        limits: what must not be concluded from it.
        shows: the distance that tells the cells apart best, as a name of `measured`'s.
        settings: laid over the base for every cell.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    number: int = Field(ge=1)
    name: str = Field(pattern="^[a-z]+$")
    title: str
    kind: Literal["grid", "ears"] = "grid"
    question: str
    options: list[str] = Field(min_length=2, max_length=5)
    answer: int = Field(ge=0)
    saw: str
    limits: str
    content: Literal["chelsea", "coffee", "astronaut", "rocket"] = "chelsea"
    style: str = "swirls"
    shows: str = ""
    settings: dict[str, Any] = Field({}, alias="set")
    axis: dict[str, list[Any]] = {}
    cells: list[NamedCell] = []
    edits: list[str] = []

    @model_validator(mode="after")
    def _has_something_to_run(self) -> Self:
        if self.answer >= len(self.options):
            raise ValueError("the answer is none of the options")
        if [bool(self.axis), bool(self.cells), bool(self.edits)].count(True) != 1:
            raise ValueError("a lesson has an axis, cells or edits")
        return self

    def experiment(self) -> Experiment:
        """Its cells.

        Raises:
            PlaygroundError: it is no grid.
        """
        base = base_recipe().changed(self.settings)
        if self.cells:
            return of_cells(base, [(cell.label, cell.set) for cell in self.cells])
        if self.axis:
            return on_axes(base, [Axis(key, tuple(values)) for key, values in self.axis.items()])
        raise PlaygroundError(f"lesson {self.number} listens and paints nothing")


def sources(lesson: Lesson) -> tuple[Any, Path]:
    """A lesson's own content image, which scikit-image carries, and its style image; for `load_picture`."""
    from skimage import data

    return getattr(data, lesson.content)(), PRESET_FOLDER / "styles" / f"{lesson.style}.jpg"


@cache
def base_recipe() -> Recipe:
    """What every lesson starts from."""
    preset = Preset.model_validate_json((FOLDER / "base.json").read_text("utf-8"))
    return cast(Recipe, Recipe.of({**preset.recipe, "network": preset.network, "numbers": preset.numbers}))


@cache
def lessons() -> dict[str, Lesson]:
    """Every shipped lesson by its name, in the order of their numbers."""
    found = [
        Lesson.model_validate_json(path.read_text("utf-8")) for path in FOLDER.glob("*.json") if path.stem != "base"
    ]
    return {lesson.name: lesson for lesson in sorted(found, key=lambda lesson: lesson.number)}


def find_lesson(name: str) -> Lesson:
    """A lesson by its name or its number.

    Raises:
        PlaygroundError: there is none.
    """
    found = lessons()
    by_number = {str(lesson.number): lesson for lesson in found.values()}
    lesson = found.get(name) or by_number.get(name)
    if lesson is None:
        listed = ", ".join(f"{lesson.number} {name}" for name, lesson in found.items())
        raise PlaygroundError(f"there is no lesson called {name!r}; there are {listed}")
    return lesson
