"""A recipe: every setting of a run and nothing else, as one pydantic model.

The page's controls, a preset, the command line, the API and the text inside a saved picture are all this object.
Bounds, default, unit and help stand once, on the field; `live` marks what may change while a run is going on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from typing_extensions import Self  # in `typing` only from Python 3.11 on

from playground.errors import PlaygroundError
from playground.recipe.complaints import in_one_sentence, suggestion
from playground.recipe.fields import Weight, setting, spelling
from playground.recipe.neighbours import NeighbourSettings
from playground.recipe.paintings import EARLIER_NAMES, PaintingSettings

DEFAULT_NETWORK = "vgg16-hed"
# Architecture and input convention of the networks that have a name: what layers there are and whose numbers apply.
NETWORK_KINDS = {
    "vgg16-hed": ("vgg16", "caffe"),
    "vgg16-imagenet": ("vgg16", "torch"),
    "vgg19-imagenet": ("vgg19", "torch"),
    "vgg16-caffe": ("vgg16", "caffe"),
    "vgg19-caffe": ("vgg19", "caffe"),
}
MAX_STAGES = 16  # of a recorded plan
MAX_JOURNAL = 10_000  # recorded changes
STYLE_BLOCKS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
# Changing one of these makes a recorded plan (iterations per size) meaningless.
PLAN_SETTINGS = frozenset(
    {"size", "iterations", "seconds", "scales", "scale_factor", "smallest", "optimizer", "canvas"}
)


class RecipeError(PlaygroundError):
    """A setting that does not exist or has a value that cannot be used."""


StyleSize = Annotated[Literal["content", "original"] | Annotated[int, Field(ge=32, le=4096)], spelling(same="content")]
StyleLoss = Literal["gatys", "rows", "positions", "mean_positions", "raw", "volume", "relative", "moments"]
Crop = Literal["none", "1:1", "10:7", "7:10", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16"]
Optimizer = Annotated[Literal["adam", "lbfgs"], spelling(**{"l-bfgs": "lbfgs", "LBFGS": "lbfgs", "Adam": "adam"})]


class Stage(BaseModel):
    """One size of a run's plan: its long side in pixels and its iterations.

    `evaluations` is recorded for what has run, where a round of L-BFGS may have been cut short.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    size: int = Field(ge=8, le=4096)
    iterations: int = Field(ge=0, le=1_000_000)
    evaluations: int | None = Field(None, ge=0, le=10_000_000)


class Change(BaseModel):
    """One change made while a run was going on: before evaluation number `evaluation`, `key` became `value`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    evaluation: int = Field(ge=0)
    key: str
    value: Any


class BaseRecipe(BaseModel):
    """What a run and a training share. Numbers are finite; weights are never negative; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    layered: ClassVar[tuple[str, ...]] = ("content", "style")
    """The terms that look at layers of the network."""

    # --- the picture
    style_size: StyleSize = setting(
        "content", "Style scale",
        "Long side of the style picture as the network sees it: smaller makes finer strokes, larger makes broader ones.",
        group="style", live=True, unit="px",
    )  # fmt: skip
    seconds: Annotated[float, Field(gt=0, le=86_400)] | None = setting(
        None, "Time budget", "End after this many seconds with the best picture so far. Empty: no limit.", group="run",
        live=True, unit="s",
    )  # fmt: skip
    seed: int = setting(
        0, "Seed", "The same seed, settings and pictures give the same result.", group="run", ge=0, le=2**32 - 1
    )
    preview_rate: float = setting(
        2.0, "Preview rate", "How many previews a second are shown at most.", group="run", live=True, ge=0.1, le=4,
        unit="per second",
    )  # fmt: skip

    # --- the network that looks at the pictures
    network: str = setting(
        DEFAULT_NETWORK, "Network", "The trained network whose layers describe content and style.", group="network",
        min_length=1, max_length=1000,
    )  # fmt: skip
    pool: Annotated[Literal["max", "average"], spelling(avg="average", mean="average")] = setting(
        "max", "Pooling",
        "How the network shrinks its maps: the strongest of four values, or their average (smoother).", group="network",
        live=True,
    )  # fmt: skip
    pool_rescale: bool = setting(
        False, "Rescale average pools",
        "Double what an average pool gives, so that deep layers stay as strong as with max.", group="network",
        live=True,
    )  # fmt: skip
    precision: Literal["auto", "float32"] = setting(
        "auto", "Precision",
        "auto: bfloat16 on a graphics processor that has it, which is faster; float32: single precision everywhere, as on "
        "any other processor.",
        group="network",
    )  # fmt: skip
    arithmetic: Literal["auto", "direct", "winograd", "bfloat16"] = setting(
        "winograd", "Arithmetic",
        "How a processor (no graphics processor) multiplies: direct and winograd in single precision, bfloat16 in half of "
        "it where the processor has it; auto: whichever was measured to be the fastest here. A result says which it was.",
        group="network",
    )  # fmt: skip
    padding: Annotated[Literal["zeros", "replicate"], spelling(zero="zeros")] = setting(
        "zeros", "Edge padding",
        "What the network sees beyond the picture's edge: mean grey (zeros), or the edge pixels continued (replicate).",
        group="network", live=True,
    )  # fmt: skip

    # --- content
    content_weight: Weight = setting(
        1.0, "Content weight", "How strongly the photo's shapes are kept.", group="content", live=True, log=True
    )
    content_layers: dict[str, Weight] = setting(
        {"conv4_2": 1.0}, "Content layers",
        "Layers whose maps should stay like the photo's: early ones keep every edge, late ones only what is where.",
        group="content", live=True,
    )  # fmt: skip
    content_loss: Literal["mean", "channels", "relative"] = setting(
        "relative", "Content normalisation",
        "mean: mean squared difference. channels: that over the channel count. relative: that over the photo's own energy.",
        group="content", live=True,
    )  # fmt: skip

    # --- style
    style_weight: Weight = setting(
        1.0, "Style weight", "How strongly the painting's strokes and colours are carried over.", group="style",
        live=True, log=True,
    )  # fmt: skip
    style_layers: dict[str, Weight] = setting(
        dict.fromkeys(STYLE_BLOCKS, 1.0), "Style layers",
        "Layers whose Gram matrices should become the painting's: early ones carry colour and grain, late ones large forms.",
        group="style", live=True,
    )  # fmt: skip
    style_loss: StyleLoss = setting(
        "relative", "Style normalisation",
        "How Gram matrices are scaled before they are compared; each source has its own, `relative` and `moments` are "
        "the playground's. `moments` compares means and covariances apart, so that contrast counts as much as brightness.",
        group="style", live=True,
    )  # fmt: skip

    # --- variation
    variation_weight: Weight = setting(
        0.0, "Variation weight", "How strongly neighbouring pixels are made alike: removes noise, too much blurs.",
        group="variation", live=True, log=True,
    )  # fmt: skip
    variation_loss: Literal["squared", "absolute", "relative"] = setting(
        "squared", "Variation form",
        "Squared differences smooth everything; absolute ones keep edges; relative ones are squared ones over the "
        "painting's own, so that the picture may be as rough as the painting at any size.", group="variation",
        live=True,
    )  # fmt: skip

    # --- how it is optimised
    learning_rate: Annotated[float, Field(gt=0, le=1000)] = setting(
        0.02, "Learning rate", "How far one step goes, in the units of the pixel space.", group="optimiser", live=True,
        log=True,
    )  # fmt: skip
    beta1: float = setting(
        0.9, "Beta 1", "How long Adam remembers its direction.", group="optimiser", live=True, ge=0, lt=1
    )
    beta2: float = setting(
        0.999, "Beta 2", "How long Adam remembers the size of past slopes.", group="optimiser", live=True, ge=0, lt=1
    )
    epsilon: Annotated[float, Field(gt=0, le=1)] = setting(
        1e-8, "Epsilon", "Keeps Adam's steps small where slopes vanish.", group="optimiser", live=True, log=True
    )
    decay_steps: int = setting(
        0, "Decay every", "Lower the rate after every so many iterations; 0 keeps it.", group="optimiser", live=True,
        ge=0, le=100_000, unit="iterations",
    )  # fmt: skip
    decay_factor: Annotated[float, Field(gt=0, le=1)] = setting(
        0.9, "Decay factor", "What the rate is multiplied with each time.", group="optimiser", live=True
    )

    # --- where the settings came from, and what a finished run adds
    preset: str | None = Field(None, max_length=100, description="The preset this recipe started from.")
    numbers: Literal["own", "source", "adapted", "converted"] = Field(
        "own",
        description="Whose weights and rates these are: the source's; ours for another network, found by looking; the "
        "source's, converted to another network layer by layer; or our own preset's.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _layers_exist(self) -> Self:
        for kind in self.layered:
            for layer in getattr(self, f"{kind}_layers"):
                check_layer(layer, self.network)
        if not any(self.active_layers(kind) for kind in self.layered):
            raise ValueError(
                "no layer carries content or style: give at least one layer and its term a weight above zero"
            )
        return self

    def active_layers(self, kind: str) -> dict[str, float]:
        """Layers of `kind` (one of `layered`) that pull on the picture: weight above zero in a term above zero."""
        if getattr(self, f"{kind}_weight") == 0:
            return {}
        return {name: weight for name, weight in getattr(self, f"{kind}_layers").items() if weight > 0}

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """This recipe with `changes` applied; a dotted key merges into an object, a plain key replaces.

        Raises:
            RecipeError: an unknown key or a value out of bounds, in one sentence.
        """
        return validated(self._merged(changes), type(self))

    def _merged(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """This recipe's values with `changes` laid over them, not yet checked."""
        data = self.model_dump()
        for key, value in changes.items():
            name, _, inner = key.partition(".")
            if name not in type(self).model_fields and name not in EARLIER_NAMES:
                raise RecipeError(f"there is no setting called {name!r}; {suggestion(name, type(self).model_fields)}")
            if inner:
                if not isinstance(data.get(name), dict):
                    raise RecipeError(f"{name!r} is a single value, so {key!r} has nothing to set inside it")
                data[name] = {**data[name], inner: value}
            else:
                data[name] = value
        return data

    def to_json(self) -> str:
        """The recipe as indented JSON text."""
        return json.dumps(self.model_dump(mode="json"), indent=1)


class Recipe(BaseRecipe, PaintingSettings, NeighbourSettings):
    """The whole of a run's settings."""

    layered: ClassVar[tuple[str, ...]] = ("content", "style", "neighbours")

    # --- the picture
    size: int = setting(
        384, "Size", "Long side of the result. Twice the size costs four times the time.", group="picture", ge=64,
        le=4096, unit="px",
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

    @model_validator(mode="after")
    def _journal_can_be_replayed(self) -> Self:
        for change in self.journal:
            if change.key not in live_settings():
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
        return validated(data, type(self))


def check_layer(layer: str, network: str) -> None:
    """Raise ValueError unless `layer` is a convolution of the named network (a file's are checked when it is loaded)."""
    match = re.fullmatch(r"conv([1-5])_([1-4])", layer)
    if match:
        block, index = int(match[1]), int(match[2])
        last = 2 if block < 3 else 3 if NETWORK_KINDS.get(network, ("vgg19",))[0] == "vgg16" else 4
        if index <= last:
            return
    raise ValueError(f"{network} has no layer called {layer!r}; its layers are named like conv4_2")


@cache
def live_settings() -> frozenset[str]:
    """Names of the settings that may change while a run is going on."""
    return frozenset(name for name, field in Recipe.model_fields.items() if field_info(name).get("live"))


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


def validated(data: Mapping[str, Any], model: type[BaseRecipe] = Recipe) -> Any:
    """`data` as a recipe.

    Raises:
        RecipeError: the first thing that is wrong, in one sentence.
    """
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        raise RecipeError(in_one_sentence(error, model.model_fields)) from None
