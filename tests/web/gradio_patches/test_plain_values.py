"""Numbers and switches are made ready without a thread, as in gradio's own thread; pictures and handlers still have one."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import gradio as gr
import pytest

from playground.web.gradio_patches.plain_values import make_plain_values_ready_at_once


def test_plain_values_need_no_thread_and_pictures_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    make_plain_values_ready_at_once()
    where = dict[str, list[bool]]()

    def noted(kind: type[Any], name: str) -> None:
        work = getattr(kind, name)

        def wrapped(self: Any, value: Any) -> Any:
            where.setdefault(f"{kind.__name__}.{name}", []).append(
                threading.current_thread() is threading.main_thread()
            )
            return work(self, value)

        wrapped.__name__ = name
        monkeypatch.setattr(kind, name, wrapped)

    for kind in (gr.Number, gr.Slider, gr.Image):
        noted(kind, "preprocess")
        noted(kind, "postprocess")
    with gr.Blocks(analytics_enabled=False) as page:
        number, slider, picture = gr.Number(), gr.Slider(0, 9), gr.Image()
        gr.Button().click(lambda *given: given, [number, slider, picture], [number, slider, picture])
    where.clear()  # each has made its first value ready
    said = asyncio.run(page.process_api(page.default_config.fns[0], [3, 4, None]))
    assert said["data"][:2] == [3, 4]
    assert where == {
        "Number.preprocess": [True], "Number.postprocess": [True], "Slider.preprocess": [True],
        "Slider.postprocess": [True], "Image.preprocess": [False], "Image.postprocess": [False],
    }  # fmt: skip


def test_a_value_that_is_none_is_refused_as_before() -> None:
    make_plain_values_ready_at_once()
    with gr.Blocks(analytics_enabled=False) as page:
        slider = gr.Slider(0, 9)
        gr.Button().click(lambda value: value, slider, slider)
    with pytest.raises(gr.Error):
        asyncio.run(page.process_api(page.default_config.fns[0], [99]))
