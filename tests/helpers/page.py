"""The page's handlers without a page: components by name, and what controls give; used by the tests of the Studio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playground.networks import catalogue
from playground.recipe.model import Recipe
from playground.web.components import controls, layers
from playground.web.studio.session import Session
from playground.web.studio.steering import NETWORK, Steering


class Names(dict[str, Any]):
    """The page's components by name; each is its name here."""

    def __missing__(self, name: str) -> str:
        return name


def values(recipe: Recipe, **changed: Any) -> tuple[Any, ...]:
    """What the controls give that show a recipe, some of them changed by hand."""
    plain = {name: controls.shown(name, recipe) for name in controls.FIELDS} | changed
    return (*(plain[name] for name in controls.FIELDS), layers.grid_value(recipe))


def choose_network(steering: Steering, session: Session, *values: Any) -> dict[Any, Any]:
    """As the page does it: which network, and once that is answered what all controls show."""
    steering.chose_network(session, values[NETWORK])
    return steering.moved_network(session, *values)


def path_of(name: str) -> Path:
    """The file of a network that a server has under this name."""
    path = catalogue.find(name)
    assert path is not None
    return path
