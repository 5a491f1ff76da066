"""A page that has hung up is told nothing, which is no fault, and its event ends; every other page is told."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import gradio as gr
from gradio.queueing import Event
from gradio.server_messages import EventMessage, ProcessStartsMessage

from playground.web.gradio_patches.unheard_messages import drop_unheard_messages


def test_who_has_hung_up_is_told_nothing_and_their_event_ends() -> None:
    drop_unheard_messages()
    with gr.Blocks(analytics_enabled=False) as page:
        gr.Button().click(lambda: None)
    queue = page.queue()._queue
    gone, here = (
        Event(name, page.default_config.fns[0], SimpleNamespace(scope={}), None)  # type: ignore[arg-type]
        for name in ("gone", "here")
    )
    messages = queue.pending_messages_per_session["here"] = asyncio.Queue[EventMessage]()
    for event in (gone, here):
        queue.send_message(event, ProcessStartsMessage(eta=None))
    assert not gone.alive
    assert here.alive
    assert messages.get_nowait().event_id == here._id
