"""What no page of ours would send is refused in one sentence.

Gradio 6.31 answers it with a fault of its own and writes a traceback into the log, for its own refusals too. Called once
while the page is built; a fault of a handler's own still reaches the log whole.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from gradio import route_utils
from gradio.blocks import Blocks

NONSENSE = "This is nothing that the page could have sent: reload it, and try again."

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
logger = logging.getLogger(__name__)


@cache
def refuse_unreadable_requests() -> None:
    """Let gradio say what it cannot read, and write none of its own refusals into the log as if they were faults."""
    process = route_utils.call_process_api

    @wraps(process)
    async def processed(*arguments: Any, **options: Any) -> dict[str, Any]:
        try:
            return await process(*arguments, **options)
        except gr.Error as error:
            error.print_exception = False  # its words are all there is to tell
            raise

    route_utils.call_process_api = processed
    Blocks.preprocess_data = _in_words(Blocks.preprocess_data)  # type: ignore[method-assign, assignment]
    read_selection = gr.SelectData.__init__

    def read(self: gr.SelectData, target: Any, data: Any) -> None:
        if not isinstance(data, dict) or not {"index", "value"} <= data.keys():
            raise gr.Error(NONSENSE, print_exception=False)
        read_selection(self, target, data)

    gr.SelectData.__init__ = read  # type: ignore[method-assign]


def _in_words(read: Callable[Given, Awaitable[Answer]]) -> Callable[Given, Awaitable[Answer]]:
    """A reader of requests that raises nothing but `gr.Error`."""

    @wraps(read)
    async def reading(*arguments: Given.args, **options: Given.kwargs) -> Answer:
        try:
            return await read(*arguments, **options)
        except gr.Error:
            raise
        except Exception as error:
            logger.info("a request could not be read: %s", type(error).__name__)
            raise gr.Error(NONSENSE, print_exception=False) from None

    return reading
