"""A triangle or a square between paintings, in which a dot is dragged to say how much of each; blend.js draws it.

Its value is {"weights": [one a painting]}; it fires `input` while the dot is moved. Called by the strip of paintings.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from playground.web.components import controls

SCRIPT = (Path(__file__).parent.parent / "assets" / "blend.js").read_text("utf-8")
FEWEST = 3  # paintings between which there is a field; between two a slider does


def field() -> gr.HTML:
    """The field, out of sight until there are paintings enough."""
    return gr.HTML(
        {}, html_template='<div class="blend"></div>', js_on_load=SCRIPT, elem_id="blend", visible=False,
        apply_default_css=False,
    )  # fmt: skip


def value(weights: Sequence[float]) -> dict[str, Any]:
    """What blend.js shows."""
    return {"weights": list(weights)}


def weights_of(given: Any, count: int) -> list[float] | None:
    """The weights of `count` paintings that a page has sent, each from 0 to 1 and one of them above 0; None for none."""
    stated = given.get("weights") if isinstance(given, dict) else None
    if not isinstance(stated, list) or len(stated) != count:
        return None
    weights = [min(1.0, max(0.0, controls.finite(each) or 0.0)) for each in stated]
    return weights if any(weights) else None
