"""A folder for what a server needs only while it lives, and an end to those that killed servers have left behind.

A server that is killed deletes nothing. Each therefore holds a lock in its folder for as long as it lives, which the system
lets go of however it ends, and each new one deletes the folders whose lock it can take. Called before gradio is imported.
"""

from __future__ import annotations

import logging
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = "lock"
WITHOUT_LOCK_SECONDS = (
    24 * 3600.0
)  # a folder without a lock is an older version's: it is given a day since its last upload

logger = logging.getLogger(__name__)


class Scratch:
    """A new folder that nobody else on this machine can look into.

    Args:
        prefix: of its name, in the system's folder for temporary files.

    Attributes:
        path: resolved.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, prefix: str) -> None:
        while True:
            self.path = Path(os.path.realpath(tempfile.mkdtemp(prefix=prefix)))
            self._life = FileLock(self.path / LOCK, thread_local=False)
            self._life.acquire(timeout=10)
            if (self.path / LOCK).exists():  # nobody swept it before it was locked
                return
            self._life.release()

    def folder(self, name: str) -> Path:
        """A folder inside."""
        path = self.path / name
        path.mkdir(exist_ok=True)
        return path

    def close(self) -> None:
        """Delete it with all that is inside."""
        self._life.release()
        shutil.rmtree(self.path, ignore_errors=True)


def sweep(prefix: str) -> int:
    """Delete folders of this name whose server has ended without doing so; how many there were."""
    swept = 0
    for path in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        try:
            if _is_left_behind(path):
                shutil.rmtree(path)
                swept += 1
        except OSError as error:
            logger.warning("%s could not be deleted: %s", path.name, error.strerror)
    return swept


def _is_left_behind(path: Path) -> bool:
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or (hasattr(os, "geteuid") and status.st_uid != os.geteuid()):
        return False
    if not (path / LOCK).is_file():
        return time.time() - status.st_mtime > WITHOUT_LOCK_SECONDS
    try:
        with FileLock(path / LOCK, timeout=0, thread_local=False):
            return True
    except Timeout:
        return False
