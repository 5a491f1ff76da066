"""A canvas over a photo to paint regions on, by mouse, pen or finger; brush.js draws it.

Its value is {"photo": address, "size": [width, height], "strokes": a PNG as text}; it fires `input` after every stroke.
What comes back is judged here as any stranger's picture. Called by the Studio.
"""

from __future__ import annotations

import base64
import binascii
import io
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from playground.errors import PlaygroundError
from playground.images.convert import resize_picture
from playground.images.load import load_picture
from playground.images.regions import COLOURS
from playground.images.save import encode_picture
from playground.images.scribbles import UNKNOWN
from playground.web.gradio_patches.private_names import served_bytes
from playground.web.words import say

SCRIPT = (Path(__file__).parent.parent / "assets" / "brush.js").read_text("utf-8")
SIDE = 512  # pixels of the canvas's long side
MAX_STROKES = 400_000  # characters that strokes may take
_HEAD = "data:image/png;base64,"


def canvas() -> gr.HTML:
    """The canvas, empty until there is a photo."""
    return gr.HTML(
        None,
        html_template='<div class="brush"></div>',
        js_on_load=SCRIPT,
        elem_id="regions-canvas",
        apply_default_css=False,
    )


def value(photo: Image.Image, labels: np.ndarray | None, place: gr.components.Component) -> dict[str, Any]:
    """What brush.js shows: the photo, served at `place`, and a map of regions over it, if there is one."""
    small = resize_picture(photo, min(SIDE, max(photo.size)))
    address = f"gradio_api/file={served_bytes(encode_picture(small, 'jpg'), 'photo.jpg', place)}"
    return {"photo": address, "size": list(small.size), "strokes": drawn(labels) if labels is not None else ""}


def drawn(labels: np.ndarray) -> str:
    """A map of region numbers as the picture that lies on the canvas."""
    data = io.BytesIO()
    Image.fromarray(np.array(list(COLOURS.values()), np.uint8)[labels]).save(data, "PNG")
    return _HEAD + base64.b64encode(data.getvalue()).decode()


def strokes_of(given: Any) -> np.ndarray:
    """What is painted on the canvas, H×W of region numbers, `UNKNOWN` where nothing is.

    Raises:
        PlaygroundError: nothing was painted, or it is no canvas of ours.
    """
    text = given.get("strokes") if isinstance(given, dict) else None
    if not isinstance(text, str) or not text.startswith(_HEAD):
        raise PlaygroundError(say("regions.nothing"))
    try:
        data = base64.b64decode(text[len(_HEAD) : MAX_STROKES], validate=True)
    except binascii.Error:
        raise PlaygroundError(say("regions.nothing")) from None
    picture = load_picture(data, name=say("the.map"), most=SIDE * SIDE * 2)  # what lies on nothing is white then
    pixels = np.asarray(picture).astype(np.int16)
    palette = np.array([*COLOURS.values(), (255, 255, 255)], np.int16)
    nearest = np.abs(pixels[:, :, None] - palette).sum(3).argmin(2)
    found = np.where(nearest == len(COLOURS), UNKNOWN, nearest)
    if (found == UNKNOWN).all():
        raise PlaygroundError(say("regions.nothing"))
    return found
