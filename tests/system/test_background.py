"""Work in a thread that stands behind all others."""

from __future__ import annotations

import os
import sys
import threading
from contextvars import ContextVar

import pytest

from playground.system.background import NICE, in_background

ASKED: ContextVar[str] = ContextVar("asked")


def test_it_is_done_in_the_callers_context_by_a_thread_that_ends() -> None:
    ASKED.set("by me")
    here = threading.current_thread()
    asked, thread = in_background(lambda: (ASKED.get(), threading.current_thread()))
    assert asked == "by me"
    assert thread is not here
    assert not thread.is_alive()


def test_what_it_raises_comes_back() -> None:
    with pytest.raises(ZeroDivisionError):
        in_background(lambda: 1 / 0)


@pytest.mark.skipif(sys.platform != "linux", reason="no priorities of threads")
def test_it_stands_behind_others_and_its_caller_does_not() -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = priority()
    assert in_background(priority) == max(NICE, before)
    assert priority() == before
