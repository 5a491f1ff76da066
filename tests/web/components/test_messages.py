"""Whatever goes wrong is one sentence."""

from __future__ import annotations

import pytest

from playground.errors import PlaygroundError
from playground.recipe.model import Recipe
from playground.recipe.parse import parse_recipe
from playground.web.components.messages import fault


@pytest.mark.parametrize("field", Recipe.model_fields)
def test_a_refusal_names_any_field(field: str) -> None:
    assert fault(PlaygroundError(f"{field}: must be a number")).endswith("must be a number")


@pytest.mark.parametrize("text", ['{"preset": 5}', '{"journal": 5}', '{"plan": 5}', '{"preset": "\\ud800"}'])
def test_a_recipe_with_a_wrong_kind_of_value_is_refused_in_words(text: str) -> None:
    with pytest.raises(PlaygroundError) as refused:
        parse_recipe(text)
    assert "went wrong in the playground" not in fault(refused.value)
