"""Gradio is imported without its files for editors being worked out, and loses nothing by it.

tests/conftest.py calls the patch before any test imports gradio; that a server does too, tests/web/test_serve.py sees.
"""

from __future__ import annotations

import gradio as gr


def test_a_component_without_a_source_is_a_component() -> None:
    """Gradio alone looks for it, and fails; see plain.py."""
    unheard = type("Unheard", (gr.Textbox,), {"__module__": __name__, "EVENTS": ["change"]})
    with gr.Blocks():
        assert callable(unheard().change)
