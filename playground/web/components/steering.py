"""The buttons that pause and stop whatever a worker does, a run or a training; they answer at once.

Called by the Studio and the Train a style tab. Knows neither of them, only a job's control.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from playground.service.job import Job
from playground.web.components.messages import NOTHING, Updates
from playground.web.words import say


def pause_or_resume(job: Job | None, parts: Mapping[str, Any], before: str = "", *, held: bool = False) -> Updates:
    """Pause what goes on, or let what is paused go on.

    Args:
        parts: components by name, with "pause" and "status" under `before` and that name.
        held: whether the teacher has paused the room, so that nothing goes on.
    """
    if job is None:
        return NOTHING
    button, status = parts[f"{before}pause"], parts[f"{before}status"]
    if held and job.control.read().paused:
        return {status: say("class.held")}
    if job.control.read().paused:
        job.control.resume()
        return {button: gr.Button(say("run.pause")), status: say("status.going_on")}
    job.control.pause()
    return {button: gr.Button(say("run.resume")), status: say("status.pausing")}


def stop(job: Job | None, parts: Mapping[str, Any], before: str = "") -> Updates:
    """Stop it: a run ends with the best picture so far, a training leaves the network as it stands."""
    if job is None:
        return NOTHING
    job.control.stop()
    off = gr.Button(interactive=False)
    return {parts[f"{before}stop"]: off, parts[f"{before}pause"]: off, parts[f"{before}status"]: say("status.stopping")}
