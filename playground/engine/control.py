"""What a person may do to a run while it is going on: change settings, pause, resume, stop, ask for gradient shares.

The page, the command line and service/ write to a control; the loop (run.py) reads it before every evaluation. One
carrier lives in memory, the other in a small file that is replaced atomically, for where the loop is another process.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from playground.system.files import whole_file

Made = TypeVar("Made")


@dataclass(frozen=True)
class ControlState:
    """What is requested of a run right now. `settings` holds every live setting changed so far, the latest value each."""

    settings: dict[str, Any] = field(default_factory=dict)
    paused: bool = False
    stopped: bool = False
    shares: bool = False


class Control(Protocol):
    """What the loop asks of a control."""

    def read(self) -> ControlState:
        """what is asked of the run now; called before every evaluation, so it must be cheap."""
        ...

    def wait(self, seconds: float) -> None:
        """Return when that may have changed, at the latest after `seconds`."""
        ...

    def turn(self) -> Turn:
        """What every piece of work on the device is done in."""
        ...


class Turn(AbstractContextManager[object], Protocol):
    """A turn on the device; where several runs share it, entering waits for this run's."""

    def do(self, work: Callable[[], Made], /) -> Made:
        """Work on the device in such a turn; what the work gives."""
        ...


class Alone(nullcontext[None]):
    """The turn of a run that has the device to itself: always."""

    def do(self, work: Callable[[], Made], /) -> Made:
        return work()


class MemoryControl:
    """A control for a loop in the same process. Thread-safe; `turns` where several runs share one device."""

    def __init__(self, turns: Turn | None = None) -> None:
        self._state = ControlState()
        self._changed = threading.Condition()
        self._turns = turns or Alone()

    def read(self) -> ControlState:
        return self._state

    def wait(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait(seconds)

    def turn(self) -> Turn:
        return self._turns

    def change(self, settings: Mapping[str, Any]) -> None:
        """Wish for new values of live settings; values are checked by whoever calls, against the recipe."""
        with self._changed:  # two sliders may move at once, and neither change may be lost
            self._give(settings={**self._state.settings, **settings})

    def pause(self) -> None:
        self._give(paused=True)

    def resume(self) -> None:
        self._give(paused=False)

    def stop(self) -> None:
        self._give(stopped=True)

    def want_shares(self, wanted: bool) -> None:
        """Ask for the share of the gradient that each term pulls with, or stop asking."""
        self._give(shares=wanted)

    def _give(self, **news: Any) -> None:
        with self._changed:
            self._state = ControlState(**{**asdict(self._state), **news})
            self._changed.notify_all()


class FileControl(MemoryControl):
    """A control that crosses processes through a file: the writer replaces it, the loop re-reads it.

    Both sides construct it with the same path. The name of the file must be a run's own unguessable id.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._seen: tuple[int, int] | None = None

    def read(self) -> ControlState:
        try:
            status = self.path.stat()
            # A replaced file is a new inode, even within one tick of the file system's clock.
            if (status.st_ino, status.st_mtime_ns) != self._seen:
                self._state = ControlState(**json.loads(self.path.read_text("utf-8")))
                self._seen = (status.st_ino, status.st_mtime_ns)
        except FileNotFoundError:
            pass  # nothing has been asked yet
        return self._state

    def wait(self, seconds: float) -> None:
        threading.Event().wait(min(seconds, 0.1))

    def _give(self, **news: Any) -> None:
        with self._changed:
            self._state = ControlState(**{**asdict(self.read()), **news})
            with whole_file(self.path, durable=False) as unfinished:
                unfinished.write_text(json.dumps(asdict(self._state)), "utf-8")

    def remove(self) -> None:
        """Delete the file once the run has ended."""
        self.path.unlink(missing_ok=True)
