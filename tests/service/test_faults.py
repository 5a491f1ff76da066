"""What ended a run, in words."""

from __future__ import annotations

from playground.recipe.model import Recipe
from playground.service.faults import did_not_fit


def test_half_the_size_is_advised() -> None:
    assert "try 512 px" in did_not_fit(Recipe(size=1024))
