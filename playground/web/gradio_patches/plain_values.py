"""Values that need no work are made ready where they are.

Gradio 6.31 hands every input of an event and every output to a thread of its own, one after the other, numbers and switches
too: Run has 57 inputs, and on a loop that others keep busy each of these journeys takes its time again. Called once while
the page is built.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import anyio
import gradio as gr
from anyio import CapacityLimiter
from gradio import blocks
from gradio.components import Component

PLAIN: tuple[type[Component], ...] = (
    gr.BrowserState, gr.Button, gr.Checkbox, gr.CheckboxGroup, gr.Dropdown, gr.HTML, gr.JSON, gr.Markdown, gr.Number,
    gr.Radio, gr.Slider, gr.Textbox,
)  # fmt: skip
"""Components whose values take no more than a look: they open no file and compute nothing."""


@cache
def make_plain_values_ready_at_once() -> None:
    """From now on let gradio go to a thread only with what takes time: handlers, pictures, files."""
    blocks.anyio = SimpleNamespace(to_thread=SimpleNamespace(run_sync=_run))  # type: ignore[assignment]


async def _run(work: Callable[..., Any], *arguments: Any, limiter: CapacityLimiter | None = None) -> Any:
    if isinstance(getattr(work, "__self__", None), PLAIN) and work.__name__ in ("preprocess", "postprocess"):
        return work(*arguments)
    return await anyio.to_thread.run_sync(work, *arguments, limiter=limiter)
