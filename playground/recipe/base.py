"""What the settings of a run and of a training share: the network that looks, the three terms, Adam, and every check.

model.py adds what only a run has, training.py what only a training has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import Self  # in `typing` only from Python 3.11 on

from playground.errors import PlaygroundError
from playground.recipe.complaints import in_one_sentence, suggestion
from playground.recipe.fields import Weight, setting, spelling
from playground.recipe.styles import EARLIER_NAMES

DEFAULT_NETWORK = "vgg16-hed"
# Architecture and input convention of the networks that have a name: what layers there are and whose numbers apply.
NETWORK_KINDS = {
    "vgg16-hed": ("vgg16", "caffe"),
    "vgg16-imagenet": ("vgg16", "torch"),
    "vgg19-imagenet": ("vgg19", "torch"),
    "vgg16-caffe": ("vgg16", "caffe"),
    "vgg19-caffe": ("vgg19", "caffe"),
}
STYLE_BLOCKS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")


class RecipeError(PlaygroundError):
    """A setting that does not exist or has a value that cannot be used."""


StyleSize = Annotated[Literal["content", "original"] | Annotated[int, Field(ge=32, le=4096)], spelling(same="content")]
StyleLoss = Literal["gatys", "rows", "positions", "mean_positions", "raw", "volume", "relative", "moments"]


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
    measured_against: str | None = Field(
        None, max_length=100,
        description="What converted numbers were measured against: the source's network, or the file's own kernels.",
    )  # fmt: skip

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """`data` as a recipe.

        Raises:
            RecipeError: the first thing that is wrong, in one sentence.
        """
        try:
            return cls.model_validate(dict(data))
        except ValidationError as error:
            raise RecipeError(in_one_sentence(error, cls.model_fields)) from None

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
        return self.of(self._merged(changes))

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


def check_layer(layer: str, network: str) -> None:
    """Raise ValueError unless `layer` is a convolution of the named network (a file's are checked when it is loaded)."""
    match = re.fullmatch(r"conv([1-5])_([1-4])", layer)
    if match:
        block, index = int(match[1]), int(match[2])
        last = 2 if block < 3 else 3 if NETWORK_KINDS.get(network, ("vgg19",))[0] == "vgg16" else 4
        if index <= last:
            return
    raise ValueError(f"{network} has no layer called {layer!r}; its layers are named like conv4_2")
