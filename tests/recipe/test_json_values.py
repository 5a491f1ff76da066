"""How many values a text states, against what a reader makes of it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from playground.recipe.json_values import values_in

WORDS = st.text(alphabet='"\\,[]{}:ab\u00e9\u2028\ud7ff', max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inside: st.lists(inside, max_size=6) | st.dictionaries(WORDS, inside, max_size=6),
    max_leaves=60,
)


def made(value: Any) -> int:
    """The objects that a reader makes but for an object's keys, what is empty counted twice."""
    if isinstance(value, (dict, list)):
        return 1 + (sum(map(made, value.values() if isinstance(value, dict) else value)) or 1)
    return 1


@given(JSON, st.booleans(), st.integers(0, 80))
def test_it_is_too_many_exactly_where_a_reader_makes_too_many(value: Any, ascii: bool, most: int) -> None:
    text = json.dumps(value, ensure_ascii=ascii)
    assert (values_in(text, most) > most) == (values_in(text.encode(), most) > most) == (made(value) > most)
    assert values_in(text, 10**6) >= made(value)


def test_many_words_are_many_values() -> None:
    assert values_in('["' + '","' * 100_000 + '"]', 1000) > 1000


def test_a_reader_of_another_encoding_is_not_let_in_by_quotes_that_it_sees_otherwise() -> None:
    text = json.dumps(['\\"', *["x"] * 100])
    assert len(json.loads(text.encode("utf-16-le"))) == 101
    assert values_in(text.encode("utf-16-le"), 50) > 50


def test_what_stands_in_words_counts_for_nothing() -> None:
    assert values_in(json.dumps({"data": [json.dumps({"journal": [{"a": 1}] * 10_000})]}), 10) == 3
