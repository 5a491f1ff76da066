"""The shipped recipes: named, each with one line on what it shows, and with numbers for networks that are not its source's.

Called by whoever offers or starts from a preset; it reads files of this project alone.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from playground.recipe.adapted_numbers import Look, Named, converted, is_own, needs_factors
from playground.recipe.base import RecipeError
from playground.recipe.model import Recipe
from playground.recipe.training import TrainingRecipe

PRESET_FOLDER = next(
    folder
    for folder in (Path(__file__).resolve().parents[1] / "presets", Path(__file__).resolve().parents[2] / "presets")
    if folder.is_dir()
)


class Departure(BaseModel):
    """What the source has in place of one of a preset's settings, in words, and why the preset has another."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    source: str
    reason: str


class Preset(BaseModel):
    """A named recipe with one line on what it shows, and numbers of ours for networks that are not the source's."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    title: str
    kind: Literal["stylize", "train"]
    description: str
    network: str
    numbers: Literal["own", "source"]
    note: str = ""
    recipe: dict[str, Any]
    adapted: dict[str, dict[str, Any]] = {}
    because: dict[str, str] = {}
    """Why an adapted setting differs from the source's, by setting; weights and layers need no reason of their own."""
    departs: dict[str, Departure] = {}
    """Settings that are not the source's on its own network either."""


PRESET_ORDER = (
    "default", "places", "poster", "neighbours", "gatys-adam", "vgg16-lbfgs", "tf-adam-tv",
    "hrnet-photorealistic", "hrnet-source", "hrnet-paper",
    "fast-default",
)  # fmt: skip


@cache
def presets() -> dict[str, Preset]:
    """Every shipped preset by name, in the order a page lists them: `default`, pixels, photorealistic networks, trainings."""
    found = {path.stem: path for path in sorted(PRESET_FOLDER.glob("*.json"))}
    names = [*PRESET_ORDER, *(name for name in found if name not in PRESET_ORDER)]
    return {name: Preset.model_validate_json(found[name].read_text("utf-8")) for name in names}


def find_preset(name: str, kind: Literal["stylize", "train"] = "stylize") -> Preset:
    """The preset called `name`.

    Raises:
        RecipeError: there is none of that kind.
    """
    known = {key: preset for key, preset in presets().items() if preset.kind == kind}
    if name not in known:
        raise RecipeError(f"there is no {kind} preset called {name!r}; there are {', '.join(known)}")
    return known[name]


def load_preset(name: str = "default", network: str | Look | None = None) -> Recipe:
    """The recipe of a preset, for its own network or for another.

    On the source's network, or a file of the same architecture and convention, a preset has the source's numbers; on the
    default network those adapted to it; on any other the source's, converted layer by layer. `numbers` says which.

    Args:
        network: a name, or what is known of a network; only that can be measured, where numbers have to be converted.

    Raises:
        RecipeError: no such preset, or numbers that would have to be measured on a network that is only named.
    """
    return Recipe.of(preset_settings(name, network, "stylize"))


def load_training_preset(name: str = "fast-default", network: str | Look | None = None) -> TrainingRecipe:
    """The training recipe of a preset, for its own network or for another, as `load_preset` has it.

    Raises:
        RecipeError: as for `load_preset`.
    """
    return TrainingRecipe.of(preset_settings(name, network, "train"))


def preset_settings(name: str, network: str | Look | None, kind: Literal["stylize", "train"]) -> dict[str, Any]:
    """What a preset of a kind states for its own network or for another; see `load_preset`."""
    preset = find_preset(name, kind)
    look = Named(network or preset.network) if network is None or isinstance(network, str) else network
    # As every machine does best: what a run was painted in stands in its result.
    data = {
        "arithmetic": "auto",
        **preset.recipe,
        "preset": preset.name,
        "network": look.name,
        "numbers": preset.numbers,
    }
    if look.identity in preset.adapted:
        return {**data, **preset.adapted[look.identity], "numbers": "adapted"}
    if is_own(preset.network, look) or not needs_factors(preset.recipe):
        return data
    factors = look.factors(preset.network)
    return {
        **data,
        **converted(preset.recipe, factors.of),
        "numbers": "converted",
        "measured_against": factors.against,
    }
