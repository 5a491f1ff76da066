"""The page's handlers without a page: components by name, and what controls give; used by the tests of the Studio."""

from __future__ import annotations

from typing import Any

from playground.recipe.model import Recipe
from playground.web.components import controls, layers


class Names(dict[str, Any]):
    """The page's components by name; each is its name here."""

    def __missing__(self, name: str) -> str:
        return name


def values(recipe: Recipe, **changed: Any) -> tuple[Any, ...]:
    """What the controls give that show a recipe, some of them changed by hand."""
    plain = {name: controls.shown(name, recipe) for name in controls.FIELDS} | changed
    return (*(plain[name] for name in controls.FIELDS), layers.grid_value(recipe))
