"""The folder of uploads and of pictures that open pages show, kept below a limit.

Gradio deletes its files by age alone, and a class that watches thirty runs leaves gigabytes of previews in an hour; what
somebody uploaded goes soon after they have left. app_server.py makes one for its upload folder; the guard in security.py asks it
before it lets an upload through, and says whose each one is. Knows gradio's names of files and nothing of runs.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Container, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PREVIEW = "image.jpeg"  # gradio's name for what is only looked at; what is painted from or downloaded is no JPEG here
PREVIEW_SECONDS = 120.0  # a page fetches a picture at once; this is for the slowest network
OTHER_SECONDS = 3600.0  # a photo is asked for again at the next Run, and a result when somebody comes back to it
GONE_SECONDS = 60.0  # after nobody listens on any page of whoever uploaded it: their pages are forgotten by then
CALLER_SECONDS = 600.0  # a program's, which listens to its calls only
FULL_FROM = 0.75  # of the limit, so that there is room until the next sweep
SWEEP_EVERY = 30.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _File:
    path: str
    size: int
    modified: float

    @property
    def is_preview(self) -> bool:
        return os.path.basename(self.path) == PREVIEW


class PageFiles:
    """Uploads and pictures of all pages.

    Args:
        folder: where gradio puts them.
        limit_mb: how much they may take together, in MB (10⁶ bytes).
        kept: paths that belong to the page itself, such as its samples.
        listens: whether a person has anything open; None where nobody knows, and uploads go by age alone.
    """

    def __init__(
        self, folder: Path, limit_mb: int, kept: Container[str] = (), listens: Callable[[str], bool] | None = None
    ) -> None:
        self.folder, self.limit, self.kept, self._listens = folder.resolve(), limit_mb * 10**6, kept, listens
        self.size = 0
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._uploads: dict[str, dict[str, float]] = {}  # by path, until when it is kept for each who uploaded it

    def room(self) -> int:
        """Bytes that may still be uploaded, as of the last sweep."""
        return self.limit - self.size

    def add(self, size: int) -> None:
        """Count what has just been uploaded, until the next sweep measures it."""
        self.size += size

    def uploaded(self, paths: Iterable[str], person: str, *, program: bool = False) -> None:
        """Note who has uploaded some files, which may be others' too: equal files are one.

        Args:
            program: whether no page of theirs need be open.
        """
        until = time.monotonic() + (CALLER_SECONDS if program else GONE_SECONDS)
        with self._lock:
            for path in paths:
                self._uploads.setdefault(path, {})[person] = until

    def _drop_left(self) -> None:
        """Delete the uploads of people who have all gone."""
        now, left = time.monotonic(), list[str]()
        with self._lock:
            for path, people in self._uploads.items():
                for person, until in people.items():
                    if self._listens is None or self._listens(person):
                        people[person] = max(until, now + GONE_SECONDS)
                if all(until < now for until in people.values()):
                    left.append(path)
            for path in left:
                del self._uploads[path]
        for path in left:
            if path not in self.kept and os.path.realpath(path).startswith(f"{self.folder}{os.sep}"):
                with suppress(OSError):  # gradio or the limit was faster
                    os.unlink(path)

    def sweep(self) -> None:
        """Delete what people who have gone had uploaded, and measure.

        When it is nearly full, delete previews, then what nobody has touched for an hour, oldest first.
        """
        self._drop_left()
        files, now = self._files(), time.time()
        total = sum(file.size for file in files)
        for file in sorted(files, key=lambda file: (not file.is_preview, file.modified)):
            if total <= self.limit * FULL_FROM:
                break
            age = now - file.modified  # below zero where the clock was set back: then nobody knows
            if 0 <= age < (PREVIEW_SECONDS if file.is_preview else OTHER_SECONDS) or file.path in self.kept:
                continue
            try:
                os.unlink(file.path)
            except OSError:
                continue
            total -= file.size
        self.size = total

    def _files(self) -> list[_File]:
        found = []
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(folder, name)
                try:
                    about = os.stat(path)
                except OSError:  # deleted meanwhile
                    continue
                found.append(_File(path, about.st_size, about.st_mtime))
        return found

    def start(self) -> None:
        """Sweep every half minute in a thread of its own until `close`."""
        threading.Thread(target=self._watch, name="page files", daemon=True).start()

    def close(self) -> None:
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(SWEEP_EVERY):
            try:
                self.sweep()
            except Exception:
                logger.exception("the page's files could not be swept")
