"""A recipe put on another network: the preset's numbers change with it, what a person has set stays; and the difference in words.

Called by the page when a network is chosen or missing, by the command line where a saved recipe gets another network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from playground.errors import PlaygroundError
from playground.recipe.adapted_numbers import ITS_OWN_KERNELS, Look
from playground.recipe.base import DEFAULT_NETWORK, BaseRecipe
from playground.recipe.model import Recipe, field_info
from playground.recipe.presets import load_preset, load_training_preset, presets

WEIGHTS = ("content_weight", "style_weight", "variation_weight")
LAYERS = ("content_layers", "style_layers")
NOT_NUMBERS = {"network", "numbers", "measured_against", "preset", "plan", "journal"}


def on_network(recipe: Recipe, network: Look, before: Look | None = None, *, drop: bool = False) -> Recipe:
    """A recipe on another network, with its preset's numbers for that.

    A setting that is as in the preset becomes the preset's on the new network. A weight that a person has set keeps its
    ratio to the preset's; any other setting stays as it is.

    Args:
        before: the network that it stands on; where its numbers were converted, those cannot be told from a person's
            without it, and the preset's take their place.
        drop: leave out layers that the new network lacks, rather than refuse them.

    Raises:
        RecipeError: a layer that the new network lacks, or none that is left; numbers that cannot be measured.
    """
    if recipe.network == network.name:
        return recipe
    changes: dict[str, Any] = {"network": network.name}
    if is_painted(recipe.preset):
        changes |= _numbers_on(recipe, str(recipe.preset), network, before)
    if drop:
        for key in LAYERS:
            layers = changes.get(key, getattr(recipe, key))
            changes[key] = {layer: weight for layer, weight in layers.items() if _has(network, layer)}
    return recipe.changed({key: value for key, value in changes.items() if value != getattr(recipe, key)})


def _numbers_on(recipe: Recipe, preset: str, network: Look, before: Look | None) -> dict[str, Any]:
    """What a recipe's settings become on another network."""
    old, new = _as_it_was(recipe, preset, before), load_preset(preset, network)
    found: dict[str, Any] = {"numbers": new.numbers, "measured_against": new.measured_against}
    for key in Recipe.model_fields.keys() - NOT_NUMBERS:
        value, at_first, wanted = (getattr(one, key) for one in (recipe, old, new))
        if value == at_first:
            found[key] = wanted
        elif key in LAYERS:
            found[key] = {
                layer: _weight(weight, at_first.get(layer), wanted.get(layer)) for layer, weight in value.items()
            }
        elif key in WEIGHTS:
            found[key] = _weight(value, at_first, wanted)
    return found


def is_painted(preset: str | None) -> bool:
    """Whether there is such a preset for painting."""
    return preset is not None and preset in presets() and presets()[preset].kind == "stylize"


def _as_it_was(recipe: Recipe, name: str, before: Look | None) -> Recipe:
    """The preset as a recipe's numbers come from it."""
    if recipe.numbers == "adapted":
        return load_preset(name, DEFAULT_NETWORK)
    if recipe.numbers == "converted":
        try:
            return load_preset(name, before or recipe.network)
        except PlaygroundError:  # it is not here any more
            return load_preset(name).changed({key: getattr(recipe, key) for key in LAYERS if getattr(recipe, key)})
    return load_preset(name)


def _weight(value: float, at_first: float | None, wanted: float | None) -> float:
    """A weight that a person has set, with the ratio to the preset's that it had; as it is where the preset has none."""
    if not at_first or not wanted:
        return value
    return wanted if value == at_first else float(f"{wanted * value / at_first:.4g}")


def _has(network: Look, layer: str) -> bool:
    """Whether a network has a layer; one that is not known yet is thought to."""
    match = re.fullmatch(r"conv([1-5])_([1-4])", layer)
    return network.kind[0] != "vgg16" or match is None or int(match[2]) < 4


@dataclass(frozen=True)
class SettingDifference:
    """One setting that a preset has otherwise on a network than on its source's: both values as text, and the reason."""

    setting: str
    label: str
    source: str
    here: str
    reason: str


def differences(recipe: BaseRecipe) -> list[SettingDifference]:
    """Field by field, what a preset has otherwise than its source, on this network or anywhere, and why.

    What a person has set is no difference of the preset's, unless it is among what the network changes anyway.
    """
    preset = presets().get(recipe.preset or "")
    if preset is None or recipe.numbers == "own":
        return []
    source = load_preset(preset.name) if preset.kind == "stylize" else load_training_preset(preset.name)
    found: dict[str, SettingDifference] = {}

    def differs(key: str, theirs: str, reason: str) -> None:
        label = str(field_info(key)["label"])
        found[key] = SettingDifference(key, label, theirs, in_words(getattr(recipe, key)), reason)

    if recipe.numbers != "source":
        differs("network", preset.network, "another network, which these numbers belong to")
    for key in {"source": (), "adapted": preset.adapted[DEFAULT_NETWORK], "converted": LAYERS}[recipe.numbers]:
        if (theirs := getattr(source, key)) != getattr(recipe, key):
            used = key != "init_mix" or getattr(source, "init", "") == "mix"
            departed = preset.departs.get(key)
            words = departed.source if departed else in_words(theirs) if used else "—"
            differs(key, words, preset.because.get(key) or _reason(key, recipe))
    for key, departure in preset.departs.items():
        cut = key == "size" and getattr(recipe, "crop", None) != getattr(source, "crop", None)
        if key not in found and getattr(recipe, key) == getattr(source, key) and not cut:
            differs(key, departure.source, departure.reason)
    return list(found.values())


def _reason(key: str, recipe: BaseRecipe) -> str:
    if recipe.numbers == "converted":
        return (
            "each layer's weight by how much weaker or stronger its maps are than the source's, measured on photographs"
        )
    if key == "variation_weight":
        return "as strong beside these weights as smoothing has to be, found by looking"
    return f"the maps of {recipe.network} are of another strength, found by looking"


def in_words(value: Any) -> str:
    """A setting's value for a person: layers by name, numbers with three digits."""
    if isinstance(value, Mapping):
        return ", ".join(f"{layer} {in_words(weight)}" for layer, weight in value.items())
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def whose(recipe: BaseRecipe) -> str:
    """One sentence: whose numbers a recipe has, and on which network."""
    preset = presets().get(recipe.preset or "")
    if preset is None or recipe.numbers == "own":
        return ""
    source = preset.network
    if recipe.numbers == "source":
        return f"The source's numbers, made for {source}" + (
            "" if recipe.network == source else f", on {recipe.network}"
        )
    if recipe.numbers == "adapted":
        return f"Numbers adapted to {recipe.network}, found by looking; the source's are for {source}"
    return f"The source's numbers for {source}, converted layer by layer to {recipe.network}" + against(recipe)


def against(recipe: BaseRecipe) -> str:
    """What converted numbers were measured against, as the end of a sentence; "" for others, and where nobody noted it."""
    if recipe.numbers != "converted" or not recipe.measured_against:
        return ""
    if recipe.measured_against == ITS_OWN_KERNELS:
        return ", measured against its own kernels alone, which presumes that no layer was rescaled among the others"
    return f", measured against {recipe.measured_against}"
