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
from playground.web.words import say

SCRIPT = (Path(__file__).parent.parent / "assets" / "viewer.js").read_text("utf-8")


def viewer() -> gr.HTML:
    """The frame, out of sight until there are pictures."""
    template = f'<div class="viewer" role="group" aria-label="{say("viewer.title")}"></div>'
    return gr.HTML(
        None, html_template=template, js_on_load=SCRIPT, elem_id="before-after", visible=False, apply_default_css=False
    )


def value(
    before: Image.Image, after: Image.Image, place: gr.components.Component, held: str = "", said: str = ""
) -> dict[str, Any]:
    """What viewer.js shows: the addresses of two pictures served at `place`, and their size.

    Args:
        held: what the first is called, where it is not the photo.
        said: a sentence on the pictures, for those that must be told apart.
    """
    return {
        "before": _address(encode_picture(before, "jpg"), "before.jpg", place),
        "after": _address(encode_picture(after, "png"), "after.png", place),
        "size": list(after.size),
        "held": held,
        "said": said,
    }


def _address(data: bytes, name: str, place: gr.components.Component) -> str:
    return f"gradio_api/file={served_bytes(data, name, place)}"
