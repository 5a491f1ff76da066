"""Settings as text become settings: JSON files, the recipe inside a picture, KEY=VALUE.

Called by the command line, the API and the page. Nothing is believed before the model has checked it.
"""

from __future__ import annotations

import json
from typing import Any

from playground.recipe.model import Recipe, RecipeError, validated

MAX_TEXT = 1_000_000


def parse_recipe(text: str | bytes) -> Recipe:
    """A recipe from JSON text, such as a file saved by the page or the text inside a picture.

    Raises:
        RecipeError: no JSON, no object, too long, or a setting that cannot be used.
    """
    return validated(parse_settings(text))


def parse_settings(text: str | bytes) -> dict[str, Any]:
    """The settings that JSON text states, which may be only some of a recipe's, not yet checked.

    Raises:
        RecipeError: no JSON, no object, or too long.
    """
    if len(text) > MAX_TEXT:
        raise RecipeError("that recipe is over a million characters long; a recipe is a small JSON object")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise RecipeError("that is no recipe: it is not valid JSON") from None
    if not isinstance(data, dict):
        raise RecipeError("that is no recipe: a JSON object with settings is expected")
    return data


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
