"""A page that was closed is forgotten after a minute.

Gradio 6.31 holds the last ten thousand pages, and a closed one for an hour, each with its whole configuration and its
pictures, 3 MB. Called once while the page is built; runs and results are the server's own, so nothing of theirs is lost.
"""

from __future__ import annotations

import time
from functools import cache
from weakref import WeakKeyDictionary

from gradio.state_holder import SessionState, StateHolder

CLOSED_SECONDS = 60.0  # for a connection that was lost for a moment; after longer a page is loaded anew


@cache
def forget_closed_pages() -> None:
    """Let gradio forget a page soon after it was closed: whoever comes back opens a new one."""
    sweep = StateHolder.delete_all_expired_state  # once a second
    closed: WeakKeyDictionary[SessionState, float] = WeakKeyDictionary()

    def swept(self: StateHolder) -> None:
        sweep(self)
        now = time.monotonic()
        for name, state in list(self.session_data.items()):
            if state.is_closed and now - closed.setdefault(state, now) > CLOSED_SECONDS:
                self.session_data.pop(name, None)
                self.time_last_used.pop(name, None)

    StateHolder.delete_all_expired_state = swept  # type: ignore[method-assign]
