"""Any painting on the Instant styles tab: taken alone, blended, weighed, refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from playground.web.components import pictures as samples
from playground.web.instant.paintings import SLIDERS, AnyPainting
from playground.web.instant.state import Easel
from playground.web.instant.tab import _restroked, _reweighed, build_instant


@pytest.fixture
def handlers(any_painting: None) -> AnyPainting:
    jobs: Any = SimpleNamespace(here="cpu")
    parts: Any = {name: name for name in ("any-message", *SLIDERS)}
    return AnyPainting(jobs, parts)


def picked(index: int) -> Any:
    return SimpleNamespace(index=index)


def seen(updates: Any) -> list[str]:
    """Labels of the sliders that are shown."""
    return [updates[name].label for name in SLIDERS if updates[name].visible]


def test_a_painting_alone_takes_the_place_of_what_was_taken(handlers: AnyPainting) -> None:
    easel = Easel()
    first = handlers.pick(easel, False, picked(0))
    assert easel.style == samples.styles()[0].title
    assert first["any-message"] == ""
    assert seen(first) == []
    handlers.pick(easel, False, picked(1))
    assert easel.style == samples.styles()[1].title
    assert easel.stylizer is not None


def test_a_blend_grows_to_four_and_has_weights(handlers: AnyPainting) -> None:
    easel = Easel()
    for index in range(5):
        updates = handlers.pick(easel, True, picked(index))
    titles = [sample.title for sample in samples.styles()[1:5]]
    assert [title for title, _, _ in easel.paintings] == titles
    assert len(seen(updates)) == 4
    stylizer = easel.stylizer
    updates = handlers.weigh(easel, 1.0, 0.5, 0.0, 1.0)
    assert updates == {"any-message": ""}
    assert "× 0.5" in easel.style
    assert easel.stylizer is not stylizer
    refused: Any = handlers.weigh(easel, 0.0, 0.0, 0.0, 0.0)
    assert "weight above 0" in refused["any-message"]
    assert easel.stylizer is None


def test_a_file_of_ones_own_is_a_painting_and_a_broken_one_is_refused(handlers: AnyPainting, tmp_path: Path) -> None:
    easel, good, bad = Easel(), tmp_path / "mine.png", tmp_path / "bad.png"
    Image.new("RGB", (40, 30), "red").save(good)
    bad.write_bytes(b"no picture")
    handlers.opened(easel, False, str(good))
    assert easel.style == "mine"
    refused: Any = handlers.opened(easel, False, str(bad))
    assert "any-message" in refused
    assert easel.style == "mine"


def test_the_tab_is_laid_out_with_them() -> None:
    jobs: Any = SimpleNamespace(here="cpu")
    with gr.Blocks(analytics_enabled=False):
        parts = build_instant(jobs)
    assert {"any-paintings", "any-open", "any-blend", *SLIDERS} <= parts.keys()


def test_sliders_act_on_keys_and_typed_numbers_in_one_event_that_keeps_the_latest() -> None:
    jobs: Any = SimpleNamespace(here="cpu")
    with gr.Blocks(analytics_enabled=False) as page:
        parts = build_instant(jobs)
    for name in ("instant-strokes", *SLIDERS):
        bound = [
            (event, each)
            for each in page.fns.values()
            for target, event in each.targets
            if target == parts[name]._id and event in ("input", "release", "change")
        ]
        assert [event for event, _ in bound] == ["input"]
        ((_, one),) = bound
        assert one.trigger_mode == "always_last"
        assert parts["instant-picture"] in one.outputs  # it paints by itself, so that a pass is waited for


def test_moved_sliders_reach_what_paints(handlers: AnyPainting) -> None:
    easel, passes = Easel(), list[Any]()

    async def paint(easel: Easel, *asked: Any) -> AsyncIterator[Any]:
        passes.append((easel.strokes, easel.style, asked))
        yield {}

    instant: Any = SimpleNamespace(
        paint=paint, set_strokes=lambda easel, strokes: setattr(easel, "strokes", float(strokes))
    )

    async def moved() -> None:
        async for _ in _restroked(instant, easel, "photo", None, 1.0, False, 2.5):
            pass
        async for _ in _reweighed(instant, handlers, easel, "photo", None, 1.0, False, 1.0, 0.25, 1.0, 1.0):
            pass

    handlers.pick(easel, True, picked(0))
    handlers.pick(easel, True, picked(1))
    asyncio.run(moved())
    asked = ("photo", None, 1.0, False)
    assert [(strokes, given) for strokes, _, given in passes] == [(2.5, asked), (2.5, asked)]
    assert "× 0.25" in passes[1][1]
