"""A model's file from anywhere: what it says about itself is read within bounds, and its shapes are believed last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from playground.feedforward.card_text import MAX_NESTING, read_card
from playground.feedforward.layouts import ModelError, names_in_layout
from playground.feedforward.model import CARD_KEY, load_model
from playground.web.instant.card import card_html, thumbnail
from tests.feedforward.test_model import lively

TINY = {name: value.contiguous() for name, value in lively().state_dict().items()}


def written(card: str, path: Path) -> Path:
    path.write_bytes(save(TINY, {CARD_KEY: card}))
    return path


def nested(levels: int) -> str:
    return '{"recipe":' + '{"a":' * levels + "1" + "}" * levels + "}"


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        ('{"steps": ' + "9" * 400 + "}", "a number that cannot be one"),
        ('{"steps": ' + "9" * 5000 + "}", "a number that cannot be one"),
        ('{"curve": [{"total": 5e-324}]}', "a number that cannot be one"),
        ('{"curve": [{"total": 1e999}]}', "a number that cannot be one"),
        ('{"curve": [{"total": 0.' + "3" * 100_000 + "}]}", "a number that cannot be one"),
        ('{"curve": [{"total": NaN}]}', "a number that cannot be one"),
        ('{"curve": [{"total": -Infinity}]}', "a number that cannot be one"),
        (nested(100_000), "nested more than"),
        ("[" * 100_000, "nested more than"),
        (nested(MAX_NESTING), "nested more than"),
        ('{"title": "\\ud83d"}', "half a character"),
        ('{"recipe": {"\\udc00": 1}}', "half a character"),
        ('{"title": "' + "x" * 5_000_000 + '"}', "4 million characters"),
        ('{"title": "' + "x" * 500_000 + '"}', "a text of more than 200,000"),
        ('{"curve": [' + "1," * 500_000 + "1]}", "more than 400,000 values"),
        ('{"title": ', "is no JSON"),
        ("\x00", "is no JSON"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_what_no_training_writes_is_refused_in_one_sentence(card: str, sentence: str, tmp_path: Path) -> None:
    path = written(card, tmp_path / "strange.safetensors")
    with pytest.raises(ModelError, match=sentence) as refusal:
        load_model(path)
    assert len(str(refusal.value)) < 200
    assert str(tmp_path) not in str(refusal.value)


@pytest.mark.parametrize(
    "card",
    ["[]", "7", '"text"', "null", "{}", '{"title": 5, "curve": {}, "steps": "9", "recipe": [], "style": 1}',
     '{"curve": [1, null, {"evaluations": "x", "seconds": 1, "total": 2}, {"evaluations": 1}]}',
     '{"style": "not base64"}', '{"style": "aGVsbG8="}', '{"title": "\\ud83d\\ude00"}',
     '{"steps": 99999999999999999999, "photos": -5}'],
)  # fmt: skip
def test_what_is_merely_odd_is_left_out_and_can_be_shown(card: str, tmp_path: Path) -> None:
    model = load_model(written(card, tmp_path / "odd.safetensors"))
    card_html(model).encode()
    assert thumbnail(model).size[0] > 0


def test_long_texts_are_cut_and_what_is_shown_is_escaped(tmp_path: Path) -> None:
    evil = '<img src=x onerror="alert(1)">'
    card = {"title": evil + "t" * 100_000, "command": evil + "c" * 100_000, "steps": 1, "recipe":
            {"image_size": evil, "batch_size": [evil], "network": {evil: evil}}}  # fmt: skip
    model = load_model(written(json.dumps(card), tmp_path / "evil.safetensors"))
    assert len(model.card.title) == 200
    shown = card_html(model)
    assert "<img" not in shown
    assert len(shown) < 20_000


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
FIELDS = ["title", "steps", "recipe", "curve", "style", "style_sha256", "photos", "command", "layout"]


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), values, max_size=8))
def test_whatever_a_card_says_it_is_shown_or_refused(
    tmp_path_factory: pytest.TempPathFactory, card: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    try:
        model = load_model(written(json.dumps(card), path))
    except ModelError as error:
        assert "any.safetensors" in str(error)  # noqa: PT017 (either is right)
        return
    card_html(model).encode()


def test_ordinary_numbers_and_texts_come_through() -> None:
    card = {
        "title": "Wave 🌊",
        "curve": [{"total": 0.0, "seconds": 1e-9, "evaluations": 3}],
        "recipe": {"a": [1, -2.5]},
    }
    assert read_card(json.dumps(card), "x") == card


# ---- shapes ---------------------------------------------------------------------------------------------------------


def test_a_small_file_that_states_gigabytes_is_refused_before_any_is_taken(tmp_path: Path) -> None:
    """A pickle's tensors may share one number: 40 kB that claim a network of 2.5 GB."""
    with torch.device("meta"):
        from playground.networks.transformer import TransformerNet

        shapes = {name: value.shape for name, value in TransformerNet(256, 32).state_dict().items()}
    one = torch.zeros(1)
    names = names_in_layout(32, "playground")
    torch.save({names[name]: one.expand(shape) for name, shape in shapes.items()}, path := tmp_path / "claims.pth")
    assert path.stat().st_size < 200_000
    with pytest.raises(ModelError, match="more than 500 MB"):
        load_model(path)
