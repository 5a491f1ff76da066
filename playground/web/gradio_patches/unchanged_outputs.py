"""An output that an event leaves alone is not made anew.

Gradio 6.31 processes every output of an event at every update, also those for which the handler gave nothing, which takes
time from whoever paints. page.py builds the page as these Blocks.
"""

from __future__ import annotations

from copy import copy
from typing import Any

import gradio as gr
from gradio.blocks import BlockFunction, convert_component_dict_to_list
from gradio.state_holder import SessionState


class ChangedOutputsBlocks(gr.Blocks):
    """`gr.Blocks` that touches only those outputs of an event which have something new."""

    async def postprocess_data(
        self, block_fn: BlockFunction, predictions: list[Any] | dict[Any, Any], state: SessionState | None
    ) -> list[Any]:
        """What is sent to the page: one value for every output of `block_fn`; `predictions` may be by component."""
        parts, given = list(block_fn.outputs), predictions
        if _is_unchanged(given):
            given = [gr.skip() for _ in parts]
        elif isinstance(given, dict):
            given = convert_component_dict_to_list(parts, given)
        if len(parts) < 2 or block_fn.batch or not isinstance(given, (list, tuple)) or len(given) != len(parts):
            return await super().postprocess_data(block_fn, predictions, state)
        sent: list[Any] = [None if part.stateful else gr.skip() for part in parts]
        news = [index for index, value in enumerate(given) if not _is_unchanged(value)]
        if news:
            some, values = copy(block_fn), [given[index] for index in news]
            some.outputs = [parts[index] for index in news]
            made = await super().postprocess_data(some, values if len(values) > 1 else values[0], state)
            for index, value in zip(news, made, strict=True):
                sent[index] = value
        return sent


def _is_unchanged(value: Any) -> bool:
    return isinstance(value, dict) and value == gr.skip()
