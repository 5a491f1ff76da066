"""What no page of ours would send is refused in one sentence.

Gradio 6.31 answers it with a fault of its own and writes a traceback into the log, for its own refusals too. Called once
while the page is built. A fault of a handler's own is a line in the log, with the number of the run on that page.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from gradio import route_utils
from gradio.blocks import Blocks

from playground.system.files import DISK_FULL, takes_nothing

FULL = f"{DISK_FULL[0].upper()}{DISK_FULL[1:]}: nothing of yours is lost, try again later."
NONSENSE = "This is nothing that the page could have sent: reload it, and try again."
FAULT = "Something went wrong in the playground; its log says what, and nothing of yours is lost."

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
logger = logging.getLogger(__name__)


@cache
def refuse_unreadable_requests() -> None:
    """Let gradio say what it cannot read, and write none of its own refusals into the log as if they were faults."""
    process = route_utils.call_process_api

    @wraps(process)
    async def processed(*arguments: Any, **options: Any) -> dict[str, Any]:
        try:
            return await process(*arguments, **options)
        except gr.Error as error:
            error.print_exception = False  # its words are all there is to tell
            raise
        except Exception as error:
            run = _run_of(options.get("app"), options.get("body"))
            logger.error(
                "the handler of %s failed%s", _name_of(options.get("fn")), run and f" beside {run}", exc_info=error
            )
            raise gr.Error(FULL if takes_nothing(error) else FAULT, print_exception=False) from None

    route_utils.call_process_api = processed
    Blocks.preprocess_data = _in_words(Blocks.preprocess_data)  # type: ignore[method-assign, assignment]
    read_selection = gr.SelectData.__init__

    def read(self: gr.SelectData, target: Any, data: Any) -> None:
        if not isinstance(data, dict) or not {"index", "value"} <= data.keys():
            raise gr.Error(NONSENSE, print_exception=False)
        read_selection(self, target, data)

    gr.SelectData.__init__ = read  # type: ignore[method-assign]
    choose = gr.Dropdown.preprocess

    def chosen(self: gr.Dropdown, payload: Any) -> Any:
        if not self.multiselect and isinstance(
            payload, (list, dict)
        ):  # handlers expect one choice, which gradio does not see to
            raise gr.Error(NONSENSE, print_exception=False)
        return choose(self, payload)

    gr.Dropdown.preprocess = chosen  # type: ignore[method-assign]


def picked(event: gr.SelectData, count: int) -> int:
    """Which of so many things in a row was picked.

    Raises:
        gr.Error: none of them.
    """
    place = event.index
    if not isinstance(place, int) or isinstance(place, bool) or not 0 <= place < count:
        raise gr.Error(NONSENSE, print_exception=False)
    return place


def _name_of(fn: Any) -> str:
    """What a developer knows a handler by."""
    return str(getattr(getattr(fn, "fn", None), "__qualname__", None) or getattr(fn, "api_name", "an event"))


def _run_of(app: Any, body: Any) -> str:
    """The number of the run that the caller's page shows, where it shows one."""
    session = app.state_holder.session_data.get(getattr(body, "session_hash", None)) if app is not None else None
    jobs = [getattr(state, "job", None) for state in session.state_data.values()] if session is not None else []
    return next((str(job.name) for job in jobs if job is not None), "")


def _in_words(read: Callable[Given, Awaitable[Answer]]) -> Callable[Given, Awaitable[Answer]]:
    """A reader of requests that raises nothing but `gr.Error`."""

    @wraps(read)
    async def reading(*arguments: Given.args, **options: Given.kwargs) -> Answer:
        try:
            return await read(*arguments, **options)
        except gr.Error:
            raise
        except Exception as error:
            logger.info("a request could not be read: %s", type(error).__name__)
            raise gr.Error(NONSENSE, print_exception=False) from None

    return reading
