"""A recipe: every setting of a run and nothing else, as one pydantic model.

The page's controls, a preset, the command line, the API and the text inside a saved picture are all this object.
Bounds, default, unit and help stand once, on the field; `live` marks what may change while a run is going on.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    model_serializer,
    model_validator,
)
from typing_extensions import Self  # in `typing` only from Python 3.11 on

from playground.recipe.base import BaseRecipe
from playground.recipe.fields import setting, spelling
from playground.recipe.live_settings import live_settings
from playground.recipe.neighbour_settings import NeighbourSettings
from playground.recipe.picture_limits import MAX_SIZE
from playground.recipe.styles import StyleSettings

MAX_STAGES = 16  # of a recorded plan
MAX_JOURNAL = 10_000  # recorded changes
# Changing one of these makes a recorded plan (iterations per size) meaningless.
PLAN_SETTINGS = frozenset(
    {"size", "work_size", "iterations", "seconds", "scales", "scale_factor", "smallest", "optimizer", "canvas"}
)

Crop = Literal["none", "1:1", "10:7", "7:10", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16"]
Optimizer = Annotated[Literal["adam", "lbfgs"], spelling(**{"l-bfgs": "lbfgs", "LBFGS": "lbfgs", "Adam": "adam"})]


class Stage(BaseModel):
    """One size of a run's plan: its long side in pixels and its iterations.

    `evaluations` is recorded for what has run, where a round of L-BFGS may have been cut short. `tiled` is a size for print:
    judged in tiles, as plain pixels moved by Adam, whatever canvas and optimiser the recipe names for the others.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    size: int = Field(ge=8, le=MAX_SIZE)
    iterations: int = Field(ge=0, le=1_000_000)
    evaluations: int | None = Field(None, ge=0, le=10_000_000)
    tiled: bool = False

    @model_serializer(mode="wrap")
    def _as_ever(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What is for no print is written as it always was, so that earlier versions read it."""
        found: dict[str, Any] = plain(self)
        return {key: value for key, value in found.items() if key != "tiled" or value}


class Change(BaseModel):
    """One change made while a run was going on: before evaluation number `evaluation`, `key` became `value`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    evaluation: int = Field(ge=0)
    key: str
    value: Any


class Recipe(BaseRecipe, StyleSettings, NeighbourSettings):
    """The whole of a run's settings."""

    layered: ClassVar[tuple[str, ...]] = ("content", "style", "neighbours")

    # --- the picture
    size: int = setting(
        384, "Size", "Long side of the result. Twice the size costs four times the time.", group="picture", ge=64,
        le=MAX_SIZE, unit="px",
    )  # fmt: skip
    work_size: Annotated[int, Field(ge=64, le=4096)] | None = setting(
        None, "Work size",
        "Long side at which is painted; the result is brought to its own size. With the photo's light and fitted colours "
        "a small one is enough. Empty: the result's.",
        group="picture", unit="px",
    )  # fmt: skip
    crop: Crop = setting(
        "none", "Shape",
        "Width to height of the result: the photo is cut to it from the middle, and so is a painting that is as large as "
        "the result. none: all of the photo is painted.", group="picture",
    )  # fmt: skip
    iterations: int = setting(
        200, "Iterations", "How many times the picture is improved; with L-BFGS, the number of rounds.", group="run",
        live=True, ge=1, le=100_000,
    )  # fmt: skip

    # --- what is painted on
    canvas: Annotated[Literal["pixels", "pyramid", "hrnet"], spelling(pixel="pixels")] = setting(
        "pixels", "Canvas",
        "What is optimised: the pixels, a pyramid of sizes at once, or a small network that repaints the photo.",
        group="canvas",
    )  # fmt: skip
    pyramid_levels: int = setting(
        5, "Pyramid levels", "Number of sizes in the pyramid canvas, each half the one before.", group="canvas", ge=2,
        le=8,
    )  # fmt: skip
    space: Literal["normalised", "centred", "unit"] = setting(
        "unit", "Pixel space",
        "Units of the optimised pixels, and so of learning rate and noise: [0, 1], mean and deviation 1, or ±127.",
        group="canvas",
    )  # fmt: skip
    init: Annotated[Literal["content", "noise", "grey", "style", "mix"], spelling(gray="grey")] = setting(
        "content", "Start", "The first picture: the photo, noise, flat grey, the painting, or photo and noise mixed.",
        group="canvas",
    )  # fmt: skip
    init_mix: float = setting(
        0.5, "Share of the photo", "In a mixed start, how much is photo; the rest is noise.", group="canvas", ge=0, le=1
    )
    noise: Literal["normal", "uniform"] = setting(
        "normal", "Noise kind", "Normal noise around grey, or uniform between plus and minus its scale.", group="canvas"
    )
    noise_scale: float = setting(
        0.25, "Noise scale", "Strength of the noise, in the units of the pixel space.", group="canvas", ge=0, le=255
    )
    noise_mean: float = setting(
        0.5, "Noise mean",
        "Middle of the noise, in the units of the pixel space: 0.5 is grey in unit space, 0 in the others.",
        group="canvas", ge=-127, le=127,
    )  # fmt: skip
    clip: bool = setting(
        True, "Clip", "Keep every pixel within what a screen can show after each step.", group="canvas", live=True
    )
    scales: int = setting(
        1, "Scales", "Paint coarse to fine over this many sizes; 1 paints at the full size only.", group="canvas", ge=1,
        le=8,
    )  # fmt: skip
    scale_factor: float = setting(
        2.0, "Scale factor", "From one size to the next, the long side grows by this factor.", group="canvas", ge=1.1,
        le=4,
    )  # fmt: skip
    smallest: int = setting(
        128, "Smallest size",
        "Sizes below this long side are left out: the network cannot recognise a subject in them.", group="canvas",
        ge=48, le=4096, unit="px",
    )  # fmt: skip

    # --- how it is optimised
    optimizer: Optimizer = setting(
        "adam", "Optimiser",
        "Adam takes even steps and can be steered at will; L-BFGS learns the landscape and goes further.",
        group="optimiser",
    )  # fmt: skip
    average: float = setting(
        0.0, "Averaging", "Show a running average of the last pictures: less noise. 0 shows the last one.",
        group="optimiser", live=True, ge=0, le=0.999,
    )  # fmt: skip
    lbfgs_history: int = setting(
        10, "L-BFGS memory", "How many past steps L-BFGS learns from.", group="optimiser", ge=1, le=200
    )
    lbfgs_restart: bool = setting(
        True, "Restart each round",
        "Forget L-BFGS's memory after every round, as its source does; else keep it over the whole size.",
        group="optimiser",
    )  # fmt: skip
    lbfgs_evaluations: int = setting(
        20, "Evaluations a round", "How often L-BFGS looks at the picture in one round, which counts as one iteration.",
        group="optimiser", ge=1, le=10_000,
    )  # fmt: skip
    lbfgs_search: Annotated[Literal["none", "wolfe"], spelling(strong_wolfe="wolfe")] = setting(
        "none", "Line search",
        "none: each step of L-BFGS is one look. wolfe: it looks along its direction until the picture is surely better, as "
        "scipy's does; a round ends with the first step that goes beyond its evaluations.",
        group="optimiser",
    )  # fmt: skip
    adam_form: Annotated[Literal["torch", "tensorflow"], spelling(keras="tensorflow", pytorch="torch")] = setting(
        "torch", "Adam's form",
        "Where Adam adds its epsilon: after the correction of its young averages (torch), or before it (tensorflow), "
        "which counts for more in the first steps.",
        group="optimiser", live=True,
    )  # fmt: skip

    # --- where the settings came from, and what a finished run adds
    plan: tuple[Stage, ...] | None = Field(
        None, max_length=MAX_STAGES,
        description="Sizes and iterations that a finished run went through; replayed instead of the clock.",
    )  # fmt: skip
    journal: tuple[Change, ...] = Field(
        (),
        max_length=MAX_JOURNAL,
        description="Changes made while the run was going on; replayed at the same evaluations.",
    )

    @property
    def painted_size(self) -> int:
        """Long side of the largest picture that is painted, in pixels; never more than the result's."""
        return min(self.work_size or self.size, self.size)

    @model_validator(mode="after")
    def _journal_can_be_replayed(self) -> Self:
        for change in self.journal:
            if change.key not in live_settings(type(self)):
                raise ValueError(f"the journal changes {change.key!r}, which cannot change while a run is going on")
            try:
                setting_value(change.key, change.value)
            except ValidationError:
                raise ValueError(f"the journal gives {change.key!r} a value that cannot be used") from None
        return self

    @property
    def style_crop(self) -> Crop:
        """What the style image is cut to: the result's shape where it is to be as large, else nothing."""
        return self.crop if self.style_size == "content" else "none"

    @property
    def evaluations_per_iteration(self) -> int:
        """Evaluations of one iteration: a round of L-BFGS has several, and with a line search a few more to end it."""
        if self.optimizer != "lbfgs":
            return 1
        return self.lbfgs_evaluations + (self.lbfgs_search == "wolfe")  # scipy goes on until it has had more than asked

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """This recipe with `changes` applied; a dotted key merges into an object, a plain key replaces.

        A change to size, iterations or scales drops a recorded plan; a changed key leaves the recorded journal.

        Raises:
            RecipeError: an unknown key or a value out of bounds, in one sentence.
        """
        data = self._merged(changes)
        touched = {key.partition(".")[0] for key in changes}
        if touched & PLAN_SETTINGS and "plan" not in touched:
            data["plan"] = None
        if "journal" not in touched:
            data["journal"] = [entry for entry in data["journal"] if entry["key"] not in touched]
        return self.of(data)


def setting_value(name: str, value: Any) -> Any:
    """What a value given for a setting of `Recipe` means, outside a recipe.

    Raises:
        pydantic.ValidationError: it cannot be used.
    """
    return _checker(name).validate_python(value)


@cache
def _checker(name: str) -> TypeAdapter[Any]:
    """What a single setting is checked with, outside a recipe."""
    field = Recipe.model_fields[name]
    annotation: Any = Annotated[(field.annotation, field)]
    return TypeAdapter(annotation, config=ConfigDict(allow_inf_nan=False))


def field_info(name: str, model: type[BaseRecipe] = Recipe) -> dict[str, Any]:
    """A field's label, group, unit, and whether it is live and logarithmic; empty for what is no setting."""
    extra = model.model_fields[name].json_schema_extra
    return dict(extra) if isinstance(extra, dict) else {}


def bounds(name: str, model: type[BaseRecipe] = Recipe) -> tuple[float | None, float | None]:
    """Lower and upper bound of a numeric setting, as the model states them; None where there is none."""
    low = high = None
    for rule in model.model_fields[name].metadata:
        low = next((getattr(rule, side) for side in ("ge", "gt") if getattr(rule, side, None) is not None), low)
        high = next((getattr(rule, side) for side in ("le", "lt") if getattr(rule, side, None) is not None), high)
    return low, high
