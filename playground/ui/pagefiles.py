"""The folder of uploads and of pictures that open pages show, kept below a limit.

Gradio deletes its files by age alone, and a class that watches thirty runs leaves gigabytes of previews in an hour.
`app.py` makes one for its upload folder; the guard in routes.py asks it before it lets an upload through.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path

PREVIEW_SECONDS = 120.0  # a picture on a page is fetched at once; this is for the slowest network
UPLOAD_SECONDS = 3600.0  # a photo is asked for again at the next Run
SWEEP_EVERY = 30.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _File:
    path: str
    size: int
    age: float
    order: tuple[int, float]  # what goes first


class PageFiles:
    """Uploads and pictures of all pages.

    Args:
        folder: where gradio puts them.
        limit_mb: how much they may take together, in MB (10⁶ bytes).
        uploads: the paths that were uploaded, as gradio notes them; these go last.
    """

    def __init__(self, folder: Path, limit_mb: int, uploads: Callable[[], Container[str]]) -> None:
        self.folder, self.limit, self.uploads = folder.resolve(), limit_mb * 10**6, uploads
        self.size = 0
        self._over = threading.Event()

    def room(self) -> int:
        """Bytes that may still be uploaded, as of the last sweep."""
        return self.limit - self.size

    def add(self, size: int) -> None:
        """Count what has just been uploaded, until the next sweep measures it."""
        self.size += size

    def sweep(self) -> None:
        """Measure; from three quarters of the limit on, delete previews, then results, then uploads, oldest first."""
        files = sorted(self._files(), key=lambda file: file.order)
        total = sum(file.size for file in files)
        for file in files:
            if total <= self.limit * 3 // 4:
                break
            if file.age < (UPLOAD_SECONDS if file.order[0] == 2 else PREVIEW_SECONDS):
                continue
            try:
                os.unlink(file.path)
            except OSError:
                continue
            total -= file.size
        self.size = total

    def _files(self) -> list[_File]:
        now, uploads, found = time.time(), self.uploads(), []
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(folder, name)
                try:
                    about = os.stat(path)
                except OSError:  # deleted meanwhile
                    continue
                upload = path in uploads or folder == str(self.folder)  # an upload under way has no folder yet
                kind = 2 if upload else 0 if name.startswith("image.") else 1
                found.append(_File(path, about.st_size, now - about.st_mtime, (kind, about.st_mtime)))
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
