"""A page that was closed is forgotten after a minute, an open one never."""

from __future__ import annotations

import time

import gradio as gr
import pytest
from gradio.state_holder import StateHolder

from playground.web.gradio_patches import closed_pages


def test_only_a_closed_page_is_forgotten_and_not_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    closed_pages.forget_closed_pages()
    with gr.Blocks(analytics_enabled=False) as page:
        gr.Textbox()
    holder = StateHolder()
    holder.set_blocks(page)
    holder["closed"].is_closed = True
    assert not holder["open"].is_closed
    holder.delete_all_expired_state()
    assert "closed" in holder
    now = time.monotonic()
    monkeypatch.setattr(closed_pages.time, "monotonic", lambda: now + closed_pages.CLOSED_SECONDS + 1)
    holder.delete_all_expired_state()
    assert "closed" not in holder
    assert "open" in holder
