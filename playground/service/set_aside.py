"""Runs that cannot go on, kept where no server takes them up, for whoever looks after the server and for whose they were.

Filled by the store. A folder there has the run as it was left and, in `why.txt`, one sentence.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from pathlib import Path

from playground.service.run_folder import RunFolder

MAX_ASIDE = 100  # runs; the oldest go
ASIDE_SECONDS = 30 * 86_400.0  # and what has lain there longer

logger = logging.getLogger(__name__)


class SetAside:
    """What is set aside; thread-safe.

    Args:
        folder: made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock, self._untold = threading.Lock(), dict[str, list[str]]()

    def put(self, folder: RunFolder, why: str, detail: str = "") -> None:
        """Move a run here with a word that says why, and say it in the log; where it cannot be moved it stays.

        Args:
            why: for whoever's it was, half a sentence.
            detail: for whoever looks after the server; may name files.
        """
        visitor, reason = _visitor_of(folder), f"{why}: {detail}" if detail else why
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self._make_room()
            place = folder.path.rename(self.folder / folder.path.name)
            os.utime(place)  # when it was set aside
        except OSError as error:
            logger.warning("a run in %s cannot go on (%s) nor be set aside: %s", folder.path.name, reason, error)
        else:
            logger.warning("a run that cannot go on is set aside in %s: %s", place, reason)
            try:
                (place / "why.txt").write_text(f"{reason}\n", "utf-8")
            except OSError as error:
                logger.warning("nor could that be noted there: %s", error)
        self._tell(visitor, why)

    def tell(self, folder: RunFolder, why: str) -> None:
        """Whose run lies there is to be told what became of it."""
        self._tell(_visitor_of(folder), why)

    def _tell(self, visitor: str, why: str) -> None:
        with self._lock:
            self._untold.setdefault(visitor, []).append(why)

    def _make_room(self) -> None:
        aside = sorted(self.folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for place, old in enumerate(aside):
            if place >= MAX_ASIDE - 1 or time.time() - old.stat().st_mtime > ASIDE_SECONDS:
                logger.warning("%s, set aside long ago, is deleted", old.name)
                RunFolder(old).remove()

    def told(self, visitor: str) -> list[str]:
        """Why runs of a visitor cannot go on since this server began, for whoever tells them; asked once."""
        with self._lock:
            return self._untold.pop(visitor, [])


def _visitor_of(folder: RunFolder) -> str:
    """Whose run lies there, as far as that can still be read; else nobody's."""
    try:
        return str(json.loads(folder.meta.read_text("utf-8"))["visitor"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return ""
