"""An uploaded file reaches the handler as it was given.

A picture box of gradio 6.31 opens the file before any handler sees it, fails without a word on one that is no picture,
and drops transparency and what stands in its header. Called for every picture box; `images.load` judges the file instead.
"""

from __future__ import annotations

from typing import Any

import gradio as gr


def leave_uploads_alone(box: gr.Image) -> gr.Image:
    """Make a box of type "filepath" hand over the path of the untouched file."""
    original = box.preprocess

    def untouched(payload: Any) -> Any:
        inside = payload is None or not payload.path or (payload.url or "").startswith("data:")
        return original(payload) if inside else payload.path

    box.preprocess = untouched  # type: ignore[method-assign]
    return box
