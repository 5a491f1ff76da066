"""Small works on behalf of people, such as painting a folder of pictures in one pass: what one is, and who may have one.

Pages start them through `Jobs.task` and look how far they are. It knows no run: a task only takes turns with them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from playground.engine.control import MemoryControl
from playground.errors import PlaygroundError
from playground.service.faults import explain
from playground.service.threads import Threads

UNDER_WAY = "What you asked for before is still under way: stop it, or wait for its end."


class Task:
    """A small work for one page, such as painting a folder of pictures, that ends when nobody watches any more.

    Attributes:
        control: `control.stop()` ends it; `control.turn().do(...)` works on the device.
        sentence, fraction: how far it is; the share that is done is None where it is not known.
        found: what it has made so far, in order.
        error: one sentence, when it failed.
        over: set at its end, however it ended.
    """

    def __init__(self, person: str, control: MemoryControl, grace_seconds: float) -> None:
        self.person, self.control = person, control
        self.sentence, self.fraction = "Getting ready", None
        self.found: list[Any] = []
        self.error: str | None = None
        self.over = threading.Event()
        self._grace = grace_seconds
        self._seen = time.monotonic()

    sentence: str
    fraction: float | None

    def touch(self) -> None:
        """Somebody is watching."""
        self._seen = time.monotonic()

    def report(self, sentence: str, fraction: float | None) -> None:
        """Say how far it is; for the work itself, as often as it likes, since it also notices here that all have gone."""
        self.sentence, self.fraction = sentence, fraction
        if time.monotonic() - self._seen > self._grace:
            self.control.stop()

    @property
    def stopped(self) -> bool:
        return self.control.read().stopped


class Tasks:
    """The tasks of a server."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._going_on: list[Task] = []

    def start(self, task: Task, work: Callable[[Task], None], limit: int) -> None:
        """Let a thread of its own do a task.

        Raises:
            PlaygroundError: the person's last task is not over, or `limit` tasks are under way.
        """
        with self._lock:
            self._going_on = [other for other in self._going_on if not other.over.is_set()]
            if any(other.person == task.person for other in self._going_on):
                raise PlaygroundError(UNDER_WAY)
            if len(self._going_on) >= limit:
                raise PlaygroundError("Too many people have asked for the like just now: try again in a minute.")
            self._going_on.append(task)
        self._threads.start(self._work, task, work)

    def stop(self, *, but: Callable[[str], bool] = lambda person: False) -> None:
        """Stop all, but for those of some people."""
        with self._lock:
            going_on = [task for task in self._going_on if not but(task.person)]
        for task in going_on:
            task.control.stop()

    def pause(self, paused: bool, *, but: Callable[[str], bool] = lambda person: False) -> None:
        """Let all wait, but for those of some people, or go on."""
        with self._lock:
            going_on = [task for task in self._going_on if not but(task.person)]
        for task in going_on:
            if paused:
                task.control.pause()
            else:
                task.control.resume()

    @staticmethod
    def _work(task: Task, work: Callable[[Task], None]) -> None:
        try:
            work(task)
        except Exception as error:
            task.error = explain(error, "task")
        finally:
            task.over.set()
