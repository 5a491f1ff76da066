"""What is sent to the page is what gradio would send, and what an event leaves alone is not made anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio.blocks import BlockFunction
from gradio.state_holder import SessionState

from playground.web.gradio_patches.unchanged_outputs import ChangedOutputsBlocks


@pytest.fixture(scope="module")
def page() -> ChangedOutputsBlocks:
    with ChangedOutputsBlocks(analytics_enabled=False) as made:
        text, number, markup, kept = gr.Textbox("a"), gr.Number(1), gr.HTML("<p>b</p>"), gr.State(2)
        button = gr.Button("go")
        button.click(lambda: None, None, [text, number, markup, kept, button])
        button.click(lambda: None, None, [text])
    return made


def event(page: ChangedOutputsBlocks, index: int) -> BlockFunction:
    return page.default_config.fns[index]


def plain(sent: list[Any]) -> list[Any]:
    """Without what gradio sends of an untouched gr.HTML: a property called __type__, which nothing reads."""
    return [{k: v for k, v in value.items() if k != "props"} if isinstance(value, dict) else value for value in sent]


GIVEN: dict[str, Callable[[list[Any]], Any]] = {
    "nothing at all": lambda parts: gr.skip(),
    "one by component": lambda parts: {parts[1]: 7},
    "several by component, one an update": lambda parts: {
        parts[0]: "x",
        parts[4]: gr.Button("gone", interactive=False),
    },
    "a state": lambda parts: {parts[3]: 9},
    "a list with some left alone": lambda parts: ["x", gr.skip(), gr.skip(), gr.skip(), gr.skip()],
    "a list of all": lambda parts: ["x", 3, "<b>c</b>", 4, "go on"],
    "a tuple with nothing": lambda parts: tuple(gr.skip() for _ in parts),
}


@pytest.mark.parametrize("given", GIVEN)
def test_it_sends_what_gradio_sends(page: ChangedOutputsBlocks, given: str) -> None:
    found = []
    for blocks in (ChangedOutputsBlocks, gr.Blocks):
        state, fn = SessionState(page), event(page, 0)
        sent = asyncio.run(blocks.postprocess_data(page, fn, GIVEN[given](list(fn.outputs)), state))
        found.append((plain(sent), state[fn.outputs[3]._id]))
    assert found[0] == found[1]


def test_a_single_output_and_an_update_of_it(page: ChangedOutputsBlocks) -> None:
    fn = event(page, 1)
    outputs: list[Any] = ["x", gr.skip(), gr.Textbox("y", visible=False), {fn.outputs[0]: "z"}]
    for given in outputs:
        sent = [asyncio.run(blocks.postprocess_data(page, fn, given, SessionState(page)))
                for blocks in (ChangedOutputsBlocks, gr.Blocks)]  # fmt: skip
        assert sent[0] == sent[1]


def test_what_is_left_alone_is_not_made_anew(page: ChangedOutputsBlocks) -> None:
    fn, state = event(page, 0), SessionState(page)
    before = [state[part._id] for part in fn.outputs]
    asyncio.run(page.postprocess_data(fn, {fn.outputs[4]: gr.Button("other")}, state))
    after = [state[part._id] for part in fn.outputs]
    assert [now is then for now, then in zip(after, before, strict=True)] == [True, True, True, True, False]


def test_a_wrong_component_or_number_of_values_is_refused_as_by_gradio(page: ChangedOutputsBlocks) -> None:
    fn = event(page, 0)
    with pytest.raises(ValueError, match="not specified as output"):
        asyncio.run(page.postprocess_data(fn, {gr.Textbox(): "x"}, SessionState(page)))
    with pytest.raises(ValueError, match="enough"):
        asyncio.run(page.postprocess_data(fn, ["x", 1], SessionState(page)))


def test_arrays_are_compared_by_nobody() -> None:
    with ChangedOutputsBlocks(analytics_enabled=False) as page:
        picture, text = gr.Image(), gr.Textbox()
        gr.Button().click(lambda: None, None, [picture, text])
    fn = event(page, 0)
    sent = asyncio.run(page.postprocess_data(fn, {picture: np.zeros((4, 4, 3), np.uint8)}, SessionState(page)))
    assert sent[0]["path"].endswith(".webp")
    assert sent[1] == gr.skip()


def test_plain_gradio_makes_anew_what_is_left_alone(page: ChangedOutputsBlocks) -> None:
    fn, state = event(page, 0), SessionState(page)
    before = [state[part._id] for part in fn.outputs]
    asyncio.run(gr.Blocks.postprocess_data(page, fn, {fn.outputs[4]: gr.Button("other")}, state))
    made = asyncio.run(gr.Blocks.postprocess_data(page, fn, gr.skip(), state))
    after = [state[part._id] for part in fn.outputs]
    assert any(now is not then for now, then in zip(after[:4], before[:4], strict=True)), made
