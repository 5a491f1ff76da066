"""The queue is looked into less often, and it is the same page that comes back."""

from __future__ import annotations

import gradio as gr

from playground.web.gradio_patches.queue_polling import LOOK_EVERY, CalmQueueBlocks


def test_the_queue_is_looked_into_less_often() -> None:
    with CalmQueueBlocks(analytics_enabled=False) as page:
        gr.Button()
    assert page.queue() is page
    assert page._queue.sleep_when_free == LOOK_EVERY >= 0.01
