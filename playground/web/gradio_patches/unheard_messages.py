"""What is said to a page that has hung up is dropped, and whoever said it ends at their next word.

Gradio 6.31 forgets a page's messages as soon as its stream is cut; an event that begins at that moment still tells it so, which
ends in a KeyError and a traceback in the log. Called by app_server.py before a page is launched; must not know what is said.
"""

from __future__ import annotations

from functools import cache

from gradio.queueing import Event, Queue
from gradio.server_messages import EventMessage


@cache
def drop_unheard_messages() -> None:
    """Let the queue say nothing to a page whose messages it has forgotten."""
    send = Queue.send_message

    def sent(self: Queue, event: Event, event_message: EventMessage) -> None:
        if event.session_hash in self.pending_messages_per_session:
            send(self, event, event_message)
        else:
            event.alive = False

    Queue.send_message = sent  # type: ignore[method-assign]
