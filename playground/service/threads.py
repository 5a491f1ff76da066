"""The threads in which a server works for people: one a run, a training or a task, all of them known until they end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any


class Threads:
    """Threads that can be waited for; none of them keeps the process alive."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._alive: set[threading.Thread] = set()

    @property
    def alive(self) -> int:
        """How many have not ended."""
        with self._lock:
            return len(self._alive)

    def start(self, work: Callable[..., None], *arguments: Any) -> None:
        """Work in a new thread."""
        thread = threading.Thread(target=self._run, args=(work, *arguments), name="worker", daemon=True)
        with self._lock:
            self._alive.add(thread)
        thread.start()

    def _run(self, work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        finally:
            with self._lock:
                self._alive.discard(threading.current_thread())

    def join(self, timeout: float) -> None:
        """Wait until all have ended, at most `timeout` seconds."""
        with self._lock:
            threads = list(self._alive)
        deadline = time.monotonic() + timeout
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
