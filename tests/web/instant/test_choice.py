"""Styles on the Instant styles tab, trained ones and paintings: taken alone, blended, weighed, refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
import torch
from PIL import Image

from playground.feedforward.apply import Stylizer
from playground.feedforward.model import ModelCard, load_model, save_model
from playground.networks.transformer import new_network
from playground.web.components import pictures as samples
from playground.web.components.messages import NOTHING
from playground.web.instant.card import named
from playground.web.instant.choice import MESSAGES, SLIDERS, Choice
from playground.web.instant.state import Easel
from playground.web.instant.tab import _restroked, _reweighed, build_instant


@pytest.fixture
def handlers(any_painting: None) -> Choice:
    jobs: Any = SimpleNamespace(here="cpu")
    parts: Any = {name: name for name in (*MESSAGES, *SLIDERS)}
    return Choice(jobs, parts)


def picked(index: int) -> Any:
    return SimpleNamespace(index=index)


def seen(updates: Any) -> list[str]:
    """Labels of the sliders that are shown."""
    return [updates[name].label for name in SLIDERS if updates[name].visible]


def test_a_painting_alone_takes_the_place_of_what_was_taken(handlers: Choice) -> None:
    easel = Easel()
    first = handlers.pick_painting(easel, False, picked(0))
    assert easel.style == samples.styles()[0].title
    assert first["any-message"] == ""
    assert seen(first) == []
    handlers.pick_painting(easel, False, picked(1))
    assert easel.style == samples.styles()[1].title
    assert easel.stylizer is not None


def test_a_blend_grows_to_four_and_has_weights(handlers: Choice) -> None:
    easel = Easel()
    for index in range(5):
        updates = handlers.pick_painting(easel, True, picked(index))
    titles = [sample.title for sample in samples.styles()[1:5]]
    assert [one.title for one in easel.chosen] == titles
    assert len(seen(updates)) == 4
    stylizer = easel.stylizer
    updates = handlers.weigh(easel, 1.0, 0.5, 0.0, 1.0)
    assert updates == dict.fromkeys(MESSAGES, "")
    assert "× 0.5" in easel.style
    assert easel.stylizer is not stylizer
    refused: Any = handlers.weigh(easel, 0.0, 0.0, 0.0, 0.0)
    assert "weight above 0" in refused["weights-message"]
    assert easel.stylizer is None


def painted(easel: Easel) -> torch.Tensor:
    assert easel.stylizer is not None
    return easel.stylizer(torch.rand((1, 3, 32, 40), generator=torch.Generator().manual_seed(1)))


def trained(name: str) -> torch.Tensor:
    return Stylizer(load_model(name))(torch.rand((1, 3, 32, 40), generator=torch.Generator().manual_seed(1)))


def test_trained_styles_blend_with_each_other_and_with_a_painting(handlers: Choice) -> None:
    easel = Easel()
    names = easel.names()
    assert seen(handlers.pick_trained(easel, True, picked(0))) == []
    assert torch.equal(painted(easel), trained(names[0]))
    labels = seen(handlers.pick_trained(easel, True, picked(1)))
    assert labels == [named(name) for name in names[:2]]
    handlers.weigh(easel, 0.0, 0.4, 1.0, 1.0)
    assert torch.equal(painted(easel), trained(names[1]))
    assert handlers.pick_trained(easel, True, picked(0)) == NOTHING  # it is in the blend, with the weight that it has
    assert len(seen(handlers.pick_painting(easel, True, picked(0)))) == 3
    assert not torch.equal(painted(easel), trained(names[1]))
    updates = handlers.pick_trained(easel, False, picked(2))
    assert seen(updates) == []  # the sliders of the blend go with it
    assert torch.equal(painted(easel), trained(names[2]))


def test_a_network_of_ones_own_joins_and_a_broken_one_takes_nothing_away(handlers: Choice, tmp_path: Path) -> None:
    easel, own, bad = Easel(), tmp_path / "own.safetensors", tmp_path / "bad.safetensors"
    save_model(new_network(4, 1, 0), ModelCard(title="mine"), own)
    bad.write_bytes(b"no network")
    handlers.pick_trained(easel, False, picked(0))
    assert len(seen(handlers.open_trained(easel, True, str(own)))) == 2
    assert easel.names()[-1] == "mine"
    before = painted(easel)
    refused: Any = handlers.open_trained(easel, True, str(bad))
    assert "bad.safetensors" in refused["styles-message"]
    assert torch.equal(painted(easel), before)


@pytest.mark.parametrize("weight", [float("nan"), None, "x", -3, float("inf")])
def test_a_weight_that_no_slider_sends_counts_for_nothing_worse(handlers: Choice, weight: Any) -> None:
    easel = Easel()
    for number in range(2):
        handlers.pick_trained(easel, True, picked(number))
    handlers.weigh(easel, weight, 1.0, 1.0, 1.0)
    assert all(0 <= one.weight <= 1 for one in easel.chosen)
    assert easel.stylizer is not None


def test_a_file_of_ones_own_is_a_painting_and_a_broken_one_is_refused(handlers: Choice, tmp_path: Path) -> None:
    easel, good, bad = Easel(), tmp_path / "mine.png", tmp_path / "bad.png"
    Image.new("RGB", (40, 30), "red").save(good)
    bad.write_bytes(b"no picture")
    handlers.open_painting(easel, False, str(good))
    assert easel.style == "mine"
    refused: Any = handlers.open_painting(easel, False, str(bad))
    assert "any-message" in refused
    assert easel.style == "mine"


def test_the_tab_is_laid_out_with_them() -> None:
    jobs: Any = SimpleNamespace(here="cpu")
    with gr.Blocks(analytics_enabled=False):
        parts = build_instant(jobs)
    assert {"any-paintings", "any-open", "styles-blend", *SLIDERS} <= parts.keys()


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


def test_moved_sliders_reach_what_paints(handlers: Choice) -> None:
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

    handlers.pick_painting(easel, True, picked(0))
    handlers.pick_painting(easel, True, picked(1))
    asyncio.run(moved())
    asked = ("photo", None, 1.0, False)
    assert [(strokes, given) for strokes, _, given in passes] == [(2.5, asked), (2.5, asked)]
    assert "× 0.25" in passes[1][1]
