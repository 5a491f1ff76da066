"""What happens on SIGTERM, Ctrl-C, and when the terminal goes.

A command that paints stops and saves its best picture; any other ends with one line and no traceback. The server keeps every
run for its next start and ends; asked once more, it ends at once. Called by __main__.py, by the commands around what they
paint, and by web/serve.py. Must import nothing slow: it is there before anything else is read.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

ENDS = (signal.SIGINT, signal.SIGTERM)
SERVER_ENDS = (*ENDS, *((signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()))


class Interruption:
    """Ctrl-C as an exception that leaves a note: an import may swallow what is raised in its midst.

    Attributes:
        happened: what `stopped_by_signals` asks before a run begins.
    """

    happened = False

    def __call__(self, *_: object) -> None:
        self.happened = True
        raise KeyboardInterrupt


def interrupt_on_signals() -> None:
    """A request to end is treated like Ctrl-C, so that what is half done is cleaned up."""
    interruption = Interruption()
    for number in ENDS:
        signal.signal(number, interruption)


def ignore_signals() -> None:
    """What is done stays done, however often Ctrl-C is pressed while the interpreter ends."""
    for number in ENDS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def stopped_by_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Ctrl-C and a request to end stop the run, which then saves its best picture; asking again changes nothing.

    Args:
        stop: tells the run to stop.

    Raises:
        KeyboardInterrupt: it was asked for before, and lost on the way.
    """
    if any(getattr(signal.getsignal(number), "happened", False) for number in ENDS):
        raise KeyboardInterrupt

    def handler(*_: object) -> None:
        stop()

    before = {number: signal.signal(number, handler) for number in ENDS}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def interrupt_the_server() -> None:
    """A request to end, or the terminal's end, wakes the server with KeyboardInterrupt, as Ctrl-C does."""
    for number in SERVER_ENDS:
        signal.signal(number, signal.default_int_handler)


def end_the_server_at_once() -> None:
    """From now on whoever asks again is in a hurry; every run has its last checkpoint."""
    for number in SERVER_ENDS:
        signal.signal(number, _exit)


def _exit(number: int, _: FrameType | None) -> NoReturn:
    os._exit(128 + number)
