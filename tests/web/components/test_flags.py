"""What the flags of a run's chart say: at which step which setting went from what to what, in the reader's language."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

from playground.engine.control import MemoryControl
from playground.engine.frames import Frame
from playground.images.pictures import Pictures
from playground.recipe.model import Change, Recipe
from playground.service.job import Job
from playground.web.components.flags import flags, went
from playground.web.words import ASKED

PICTURE = Image.new("RGB", (64, 48), "teal")


def flagged(*changes: tuple[int, str, Any]) -> list[list[Any]]:
    """Flags of a run of a hundred steps with these changes: after which evaluation, of what, to what."""
    journal = tuple(Change(evaluation=at, key=key, value=value) for at, key, value in changes)
    job = Job(Pictures(PICTURE, (PICTURE,)), Recipe(), "me", MemoryControl(), 5.0)
    losses = {"content": 1.0, "style": 1.0, "variation": 0.0, "total": 2.0}
    job.store(Frame(100, 100, 100, 9.0, losses, {}, size=(64, 48), journal=journal))
    points = [{"evaluations": float(step)} for step in range(1, 101)]
    return flags(job, [float(step) for step in range(1, 101)], points)


def test_each_change_begins_where_the_one_before_has_ended() -> None:
    found = flagged((10, "style_weight", 4.0), (40, "style_weight", 9.0), (41, "style_weight", 12.0))
    assert found == [
        [11, "Step 11: Style weight from 1 to 4"],
        [41, "Step 41: Style weight from 4 to 12"],  # one that was dragged
    ]


def test_each_setting_has_flags_of_its_own() -> None:
    found = flagged((10, "style_weight", 4.0), (10, "content_weight", 0.5))
    assert [words for _, words in found] == [
        "Step 11: Style weight from 1 to 4",
        "Step 11: Content weight from 1 to 0.5",
    ]


@pytest.mark.parametrize(
    ("key", "before", "after", "words"),
    [
        ("pool", "max", "average", "Pooling from max to average"),
        ("clip", True, False, "from on to off"),
        ("seconds", None, 30, "from none to 30"),
        ("style_weights", (), (1.0, 3.0), "from 1 to 1, 3"),
        ("style_layers", {"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 0.5}, "Style layers: b from 2 to 0.5"),
        ("style_layers", {"a": 1.0}, {"b": 0.5}, "Style layers: a from 1 to 0 and b from 0 to 0.5"),
        (
            "content_layers",
            dict.fromkeys("abcde", 1.0),
            {"a": 1.0},
            "Content layers: b from 1 to 0, c from 1 to 0, d from 1 to 0 and 1 more",
        ),
    ],
)
def test_every_kind_of_value_is_in_words(key: str, before: Any, after: Any, words: str) -> None:
    assert went(key, before, after).endswith(words)


def test_a_flag_speaks_the_reader_s_language() -> None:
    token = ASKED.set("de")
    try:
        assert flagged((10, "pool", "average"))[0][1] == "Schritt 11: Pooling von Maximum auf Mittelwert"
    finally:
        ASKED.reset(token)
