"""The queue is looked into less often, nothing is reckoned of its events, and it is the same page that comes back."""

from __future__ import annotations

import gradio as gr
import pytest
from gradio.queueing import Queue

from playground.web.gradio_patches.queue_polling import LOOK_EVERY, CalmQueueBlocks


def test_the_queue_is_looked_into_less_often() -> None:
    with CalmQueueBlocks(analytics_enabled=False) as page:
        gr.Button()
    assert page.queue() is page
    assert page._queue.sleep_when_free == LOOK_EVERY >= 0.01


def test_no_table_of_events_is_made_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = list[int]()
    monkeypatch.setattr(Queue, "_get_df", staticmethod(lambda records: tables.append(len(records)) or 1 / 0))
    with CalmQueueBlocks(analytics_enabled=False) as page:
        gr.Button()
    queue = page.queue()._queue
    queue.events_recorded = 1000
    queue.compute_analytics_summary([{"function": "run", "status": "success", "process_time": 0.1}] * 1000)
    assert not tables
    assert queue.ANALYTICS_MAX_EVENTS == 1, "nor are they remembered"
