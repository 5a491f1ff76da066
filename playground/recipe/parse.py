"""What people and files give becomes settings: JSON text, KEY=VALUE, a preset with settings laid over it.

Called by the command line, the API, the page, and whoever reads what was stored. Nothing is believed before the model has
checked it; files and pictures are opened elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from playground.errors import PlaygroundError
from playground.recipe.adapted_numbers import Look, Named
from playground.recipe.base import BaseRecipe, RecipeError
from playground.recipe.json_values import values_in
from playground.recipe.model import MAX_JOURNAL, MAX_STAGES, Recipe
from playground.recipe.other_network import on_network
from playground.recipe.presets import load_preset, load_training_preset
from playground.recipe.styles import MAX_MAP_TEXT
from playground.recipe.training import PAINTING_ONLY, TrainingRecipe

MAX_TEXT = 1_000_000
MAX_VALUES = 100_000  # a journal as long as may be, of changes to several layers each
MAX_ENTRIES = {"journal": MAX_JOURNAL, "plan": MAX_STAGES}
MAPS = frozenset({"regions", "kept"})  # the text of small pictures
MAX_INSIDE = 100  # of any other object or list; the largest names the layers of a network
MAX_WORD = 1000  # characters; a network's path may have as many
MAX_NESTING = 5  # a recipe, its journal, a change, the layers that it sets, a weight
WHOLE = frozenset({"preset", "numbers", "plan", "journal"})  # stated by every recipe that the playground has saved
Known = Callable[[str], Look]


# ---- text -----------------------------------------------------------------------------------------------------------


def parse_recipe(text: str | bytes) -> Recipe:
    """A recipe from JSON text, such as a file saved by the page or the text inside a picture.

    Raises:
        RecipeError: no JSON, no object, too long, or a setting that cannot be used.
    """
    return Recipe.of(parse_settings(text))


def parse_settings(
    text: str | bytes,
    *,
    no_json: str = "that is no recipe: it is not valid JSON",
    no_object: str = "that is no recipe: a JSON object with settings is expected",
) -> dict[str, Any]:
    """The settings that JSON text states, which may be only some of a recipe's, not yet checked.

    Args:
        text: also whatever a request brings instead of text, which is no JSON.
        no_json, no_object: what to say where it is none.

    Raises:
        RecipeError: no JSON, no object, or too long.
    """
    try:
        if len(text) > MAX_TEXT:
            raise RecipeError("that recipe is over a million characters long; a recipe is a small JSON object")
        if isinstance(text, bytes):
            text = text.decode(json.detect_encoding(text))
        if not isinstance(text, str):
            raise TypeError
        if values_in(text, MAX_VALUES) > MAX_VALUES:
            raise RecipeError(f"that recipe states over {MAX_VALUES:,} values; a recipe is a small JSON object")
        data = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise RecipeError(no_json) from None
    if not isinstance(data, dict):
        raise RecipeError(no_object)
    _check_extent(data)
    return data


def _check_extent(settings: dict[str, Any]) -> None:
    """Refuse what no recipe holds before anything is made of it, in a time that grows with the text alone.

    Raises:
        RecipeError: too many entries of a kind, too long a word, or nested too deep.
    """
    for key, value in settings.items():
        most = MAX_ENTRIES.get(key, MAX_INSIDE)
        if isinstance(value, (list, dict)) and len(value) > most:
            raise RecipeError(f"{key[:40]} has {len(value):,} entries; a recipe's has {most:,} at most")
    level: list[Any] = [{key: value for key, value in settings.items() if not (key in MAPS and _is_map(value))}]
    for _ in range(MAX_NESTING):
        inside: list[Any] = []
        for holder in level:
            if isinstance(holder, dict):
                inside += holder
                inside += holder.values()
            else:
                inside += holder
        if any(isinstance(value, str) and len(value) > MAX_WORD for value in inside):
            raise RecipeError(f"that is no recipe: a word in it is over {MAX_WORD:,} characters long")
        level = [value for value in inside if isinstance(value, (list, dict))]
        if not level:
            return
    raise RecipeError(f"that is no recipe: it is nested over {MAX_NESTING} levels deep")


def _is_map(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_MAP_TEXT


def parse_setting(text: str) -> tuple[str, Any]:
    """`KEY=VALUE` as key and value; the value is read as JSON, else taken as text.

    Raises:
        RecipeError: there is no `=` or no key.
    """
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise RecipeError(f"{text!r} is no setting; write KEY=VALUE, for example style_weight=2")
    try:
        return key.strip(), json.loads(value)
    except (ValueError, RecursionError):
        return key.strip(), value


# ---- a preset with settings over it ---------------------------------------------------------------------------------


def recipe_on_preset(preset: str, *layers: Mapping[str, Any], known: Known | None = None) -> Recipe:
    """A preset's recipe with settings laid over it, later layers over earlier ones.

    The preset's numbers are those for the network that will look, whichever layer names it. A layer that is a whole
    recipe has none of the preset beneath it: what it does not state, a setting newer than it, is as it was then; where a
    later layer names another network, it is moved there with its numbers.

    Args:
        known: tells what is known of a network by its name, where more is needed than that.

    Raises:
        RecipeError: no such preset, or a setting that cannot be used.
    """
    networks = [str(layer["network"]) for layer in layers if isinstance(layer.get("network"), str) and layer["network"]]
    whole = any(layer.keys() >= WHOLE for layer in layers)
    if not whole:
        recipe = load_preset(preset, _look(networks[-1], known) if networks else None)
        layers = tuple(
            {**layer, "network": recipe.network} if layer.get("network") in networks else layer for layer in layers
        )
    else:
        recipe = Recipe()
    for layer in layers:
        network = layer.get("network")
        stated = isinstance(network, str) and network in networks
        if stated and network != recipe.network and not layer.keys() >= WHOLE:
            recipe = on_network(recipe, _look(str(network), known), _look_or_none(recipe.network, known))
        if not layer.keys() >= WHOLE:
            _check_derived(layer, recipe)
        recipe = recipe.changed(layer)
    return recipe


def training_on_preset(preset: str, *layers: Mapping[str, Any], known: Known | None = None) -> TrainingRecipe:
    """A training preset's recipe with settings laid over it, and its numbers for the network that they name.

    Raises:
        RecipeError: no such preset, or a setting that cannot be used.
    """
    network = next((layer["network"] for layer in reversed(layers) if layer.get("network")), None)
    recipe = load_training_preset(preset, _look(network, known) if isinstance(network, str) else None)
    for layer in layers:
        if network is not None and layer is not layers[-1]:  # its layers are checked against the network that will look
            layer = {**layer, "network": network}
        if not layer.keys() >= {"preset", "numbers"}:
            _check_derived(layer, recipe)
        recipe = recipe.changed(layer)
    return recipe


def _check_derived(layer: Mapping[str, Any], recipe: BaseRecipe) -> None:
    """Refuse what is not set but follows, where it is not what follows.

    Raises:
        RecipeError: so it is.
    """
    for key in ("numbers", "measured_against"):
        if key in layer and layer[key] != (true := getattr(recipe, key)):
            raise RecipeError(
                f"{key} follows from preset and network, and is {true if true else 'empty'} here: leave it out"
            )


def _look(network: str, known: Known | None) -> Look:
    return known(network) if known is not None else Named(network)


def _look_or_none(network: str, known: Known | None) -> Look | None:
    """What is known of a network that may be gone."""
    try:
        return _look(network, known)
    except PlaygroundError:
        return None


# ---- what was stored ------------------------------------------------------------------------------------------------


def stored_training(data: Mapping[str, Any]) -> TrainingRecipe:
    """The recipe of a stored training; up to version 0.1 it states the settings of painting too.

    Raises:
        RecipeError: a setting that cannot be used.
    """
    return TrainingRecipe.of({key: value for key, value in data.items() if key not in PAINTING_ONLY})
