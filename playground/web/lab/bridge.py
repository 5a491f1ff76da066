"""What leads from the Lab into the Studio and back: a cell's recipe is taken up there, and a grid begins with what stands there.

Made by page.py, which knows both; wired by tab.py. The Lab knows of the Studio no more than this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import gradio as gr

from playground.recipe.model import Recipe
from playground.web.components.layout import Parts
from playground.web.components.messages import Updates


class RecipePanel(Protocol):
    """The controls that a recipe is put into and read from."""

    @property
    def inputs(self) -> list[Any]:
        """Every control whose value makes up the recipe, in the order `assembled` expects."""

    @property
    def outputs(self) -> list[Any]:
        """Everything that showing a recipe changes."""

    def assembled(self, session: Any, values: tuple[Any, ...]) -> Recipe:
        """The recipe that the controls show.

        Raises:
            PlaygroundError: a control's value cannot be used.
        """

    def offered(self, session: Any, recipe: Recipe, note: str = "") -> Updates:
        """Show a recipe that somebody chose."""

    def guarded(self, place: str, act: Callable[..., Updates], *arguments: Any) -> Updates:
        """What `act` returns, or its error in words at `place`."""


@dataclass(frozen=True)
class Bridge:
    """Where the Studio is.

    Attributes:
        rooms: the tabs of the page.
        studio: its components by name; used are "session", "content", "style", "five" and "preset-note".
        panel: its settings.
    """

    rooms: gr.Tabs
    studio: Parts
    panel: RecipePanel
