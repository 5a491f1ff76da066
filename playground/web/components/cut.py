"""What a recipe's shape cuts off the two pictures, shown on them (cut.js). Called by the Studio; knows no picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

SCRIPT = (Path(__file__).parent.parent / "assets" / "cut.js").read_text("utf-8")
WHOLE = {"content": "none", "style": "none"}


def cut() -> gr.HTML:
    """The line under the photo that says what is cut; it also draws on both pictures."""
    return gr.HTML(
        WHOLE, html_template='<p class="hint cut-line" role="status"></p>', js_on_load=SCRIPT, elem_id="cut",
        apply_default_css=False
    )  # fmt: skip


def value(controls: Mapping[str, Any]) -> dict[str, str]:
    """What is cut off which picture, from what the controls for shape and style scale show."""
    shape = str(controls.get("crop") or "none")
    return {"content": shape, "style": shape if controls.get("style_size") == "content" else "none"}
