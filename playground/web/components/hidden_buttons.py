"""Buttons out of sight that a page's script presses to call Python, for a class that goes on.

Laid out by page.py outside all tabs, which are drawn when first opened; class.js presses them and the Lab listens. Knows
neither of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr


@dataclass(frozen=True)
class HiddenButtons:
    """Pressed when something happens to the class.

    Attributes:
        opened: its lesson is to be opened on this page.
        went_on: it has gone on to another phase.
    """

    opened: gr.Button
    went_on: gr.Button


def hidden_buttons() -> HiddenButtons:
    """Lay them out."""
    return HiddenButtons(*(gr.Button(visible="hidden", elem_id=f"class-{name}") for name in ("opened", "went-on")))
