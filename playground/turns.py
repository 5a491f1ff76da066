"""Turns on one device: several runs paint beside each other, one evaluation at a time.

Made by jobs.py; a run holds its turn through its control.
"""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """A lock handed on in order of arrival: whoever has just had a turn goes behind everybody who waits.

    `threading.Lock` promises no order, and a loop that releases and takes it at once would keep it for itself.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False

    def __enter__(self) -> None:
        with self._mutex:
            if not self._taken:
                self._taken = True
                return
            called = threading.Event()
            self._waiting.append(called)
        called.wait()

    def __exit__(self, *_exception: object) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().set()  # stays taken: it is the next one's now
            else:
                self._taken = False
