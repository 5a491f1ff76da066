"""Before and after in one frame: a line to drag between them, zoom and pan, full screen; viewer.js draws it.

Called by the Studio tab with two pictures of one size. Knows no run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from playground.images.save import encode_picture
from playground.web.gradio_patches.private_names import served_bytes

SCRIPT = (Path(__file__).parent.parent / "assets" / "viewer.js").read_text("utf-8")
TEMPLATE = '<div class="viewer" role="group" aria-label="Before and after"></div>'


def viewer() -> gr.HTML:
    """The frame, out of sight until there are pictures."""
    return gr.HTML(
        None, html_template=TEMPLATE, js_on_load=SCRIPT, elem_id="before-after", visible=False, apply_default_css=False
    )


def value(before: Image.Image, after: Image.Image, place: gr.components.Component) -> dict[str, Any]:
    """What viewer.js shows: the addresses of two pictures served at `place`, and their size."""
    return {
        "before": _address(encode_picture(before, "jpg"), "before.jpg", place),
        "after": _address(encode_picture(after, "png"), "after.png", place),
        "size": list(after.size),
    }


def _address(data: bytes, name: str, place: gr.components.Component) -> str:
    return f"gradio_api/file={served_bytes(data, name, place)}"
