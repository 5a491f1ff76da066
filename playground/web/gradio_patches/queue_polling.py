"""The queue is looked into fifty times a second, and nothing is reckoned of the events that it had.

Gradio 6.31 looks a thousand times a second, and each look wakes a thread that a painter has to wait for. At the end of every
event it makes a table of the last ten thousand, with percentiles of their times, for a page of its own that is closed here.
page.py builds the page as these Blocks.
"""

from __future__ import annotations

import sys
from typing import Any

import gradio as gr
from typing_extensions import Self

LOOK_EVERY = 0.02  # seconds between two looks for new events
PROGRESS_EVERY = 1.0  # gradio's own bars, which this page has none of


class CalmQueueBlocks(gr.Blocks):
    """`gr.Blocks` whose queue is looked into less often, and of whose events nothing is reckoned."""

    def queue(self, *arguments: Any, **options: Any) -> Self:
        """As gradio's."""
        super().queue(*arguments, **options)
        self._queue.sleep_when_free, self._queue.progress_update_sleep_when_free = LOOK_EVERY, PROGRESS_EVERY
        self._queue.ANALYTICS_MAX_EVENTS, self._queue.ANAYLTICS_CACHE_FREQUENCY = 1, sys.maxsize
        return self
