"""What pairs.js and echo.js draw: the numbers of a lens as small as they go through the wire, packed into text.

Called by the Studio's lenses. Knows no run.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from playground.images.convert import resize_picture
from playground.lens.looking import LOOKED, Pairs, Seen, Touched
from playground.lens.receptive_fields import receptive_field
from playground.lens.similarity import DIRECTIONS, LEVELS
from playground.web.components.data_urls import url_of_picture

ASSETS = Path(__file__).parent.parent / "assets"
NAMES = ("photo", "painting", "shown")
"""Of the pictures, in the order in which they are sent."""


def place(name: str, template: str) -> gr.HTML:
    """A place that NAME.js draws in, which asks for what it shows by `select`."""
    script = (ASSETS / f"{name}.js").read_text("utf-8")
    return gr.HTML({}, html_template=template, js_on_load=script, elem_id=name, apply_default_css=False)


def packed(values: np.ndarray) -> str:
    """Bytes for a script: deflated, in base64."""
    return base64.b64encode(zlib.compress(np.ascontiguousarray(values).tobytes(), 6)).decode()


def small(picture: Image.Image) -> str:
    """A picture to look at, as an address that may stand in the value itself."""
    return url_of_picture(resize_picture(picture, min(LOOKED, max(picture.size))), quality=82, subsampling=2)


def pairs_value(
    found: Pairs, pictures: Sequence[Image.Image | None], layers: Sequence[str], only_shown: bool = False
) -> dict[str, Any]:
    """What pairs.js shows.

    Args:
        pictures: photo, painting and what was painted of them, if anything.
        only_shown: the page has photo and painting already.
    """
    parts = (found.content, found.style, found.shown)
    return {
        "layer": found.layer,
        "layers": list(layers),
        "side": found.side,
        "channels": list(found.channels),
        "all": found.all_channels,
        "share": round(found.fraction, 4),
        "has_shown": found.shown is not None,
        "pictures": {
            name: _touched(part, picture)
            for name, part, picture in zip(NAMES, parts, pictures, strict=True)
            if part is not None and picture is not None and (name == "shown" or not only_shown)
        },
    }


def _touched(part: Touched, picture: Image.Image) -> dict[str, Any]:
    _, height, width = part.maps.levels.shape
    return {
        "picture": small(picture),
        "size": [width, height],
        "maps": packed(part.maps.levels),
        "scales": [float(f"{scale:.6g}") for scale in part.maps.scales],
        "cells": [[float(f"{cell:.5g}") for cell in row] for row in part.cells],
    }


def echo_value(
    found: Seen, pictures: Sequence[Image.Image | None], layers: Sequence[str], architecture: str
) -> dict[str, Any]:
    """What echo.js shows; `pictures` are photo, painting and what was painted of them, if anything."""
    field = receptive_field(found.layer, architecture)
    given = [(name, picture) for name, picture in zip(NAMES, pictures, strict=True) if picture is not None]
    return {
        "layer": found.layer,
        "layers": list(layers),
        "directions": DIRECTIONS,
        "levels": LEVELS,
        "kept": round(found.echo.kept, 4),
        "field": {"pixels": field.pixels, "spacing": field.stride * found.step, "first": field.offset + field.pixels / 2},
        "pictures": {
            name: {
                "picture": small(picture),
                "pixels": list(size),
                "size": [vectors.shape[1], vectors.shape[0]],
                "vectors": packed(vectors),
            }
            for (name, picture), size, vectors in zip(given, found.sizes, found.echo.vectors, strict=True)
        },
    }  # fmt: skip
