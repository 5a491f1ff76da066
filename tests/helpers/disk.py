"""A disk that takes no more: from one write on or that one alone, however Python or torch begin to write."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
MOVES = ("os.mkdir", "os.rename", "os.link", "os.symlink")


class Disk:
    """What lies below a folder, and what may still be written there.

    Args:
        first: the number of the write that fails, from 1; 0 for none.
        lasting: whether all later ones fail too.
        error: what the system says.

    Attributes:
        writes: what was begun, in order: opened for writing, made, moved or linked.
    """

    def __init__(self, folder: Path, first: int = 0, *, lasting: bool = True, error: int = errno.ENOSPC) -> None:
        self.folder, self.first, self.lasting, self.error = os.path.realpath(folder), first, lasting, error
        self.writes: list[str] = []

    @property
    def failed(self) -> bool:
        """Whether any write has failed."""
        return 0 < self.first <= len(self.writes)

    def begins(self, path: object) -> None:
        """Something is about to be written.

        Raises:
            OSError: the disk takes no more.
        """
        if not isinstance(path, (str, bytes, os.PathLike)):
            return  # a descriptor
        name = os.path.realpath(os.fsdecode(path))
        if not name.startswith(self.folder) or name.endswith((".lock", "/lock")):
            return
        self.writes.append(os.path.relpath(name, self.folder))
        count = len(self.writes)
        if count == self.first or (self.lasting and self.failed):
            raise OSError(self.error, os.strerror(self.error), name)


_disks: list[Disk] = []


@cache
def _listen() -> None:
    """A hook for audits stays until the process ends: it asks whichever disks there are."""

    def asked(event: str, about: tuple[Any, ...]) -> None:
        if _disks and (event in MOVES or (event == "open" and isinstance(about[2], int) and about[2] & WRITES)):
            path = about[1] if event in ("os.rename", "os.link", "os.symlink") else about[0]
            for disk in _disks:
                disk.begins(path)

    sys.addaudithook(asked)


@contextmanager
def taking_no_more(folder: Path, first: int = 0, *, lasting: bool = True, error: int = errno.ENOSPC) -> Iterator[Disk]:
    """A folder on such a disk while the block lasts; see `Disk`."""
    _listen()
    disk, save = Disk(folder, first, lasting=lasting, error=error), torch.save

    def saved(value: Any, path: Any, *more: Any, **options: Any) -> None:
        disk.begins(path)  # torch opens files by itself
        save(value, path, *more, **options)

    torch.save = saved  # type: ignore[assignment]
    _disks.append(disk)
    try:
        yield disk
    finally:
        _disks.remove(disk)
        torch.save = save
