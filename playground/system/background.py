"""Long work that leaves the processor to whoever else wants it.

Called where a picture beyond all use is decoded (playground/images/load.py). Knows nothing of the work.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import TypeVar

Made = TypeVar("Made")

NICE = 10  # a tenth of the processor where others want all of it


def in_background(work: Callable[[], Made]) -> Made:
    """Do a work in a thread of its own that stands behind all others, in the caller's context; what it gives.

    Only Linux has priorities of threads; and none may be raised again, so the thread ends with its work.
    """
    with ThreadPoolExecutor(1, "background", _step_back) as thread:
        return thread.submit(copy_context().run, work).result()


def _step_back() -> None:
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
