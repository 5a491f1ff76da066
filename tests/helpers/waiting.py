"""Waiting in a test for what must come; no test leans on how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], object], seconds: float = 60.0, every: float = 0.01) -> None:
    """Wait until a condition holds; the limit only ends a broken test."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(every)
