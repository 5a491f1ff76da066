"""How a file is written so that nobody ever sees half of it, and what the program keeps for itself as JSON.

Used wherever the playground writes a file. It must not know what is in one.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DISK_FULL = "the server's disk is full or read-only"
TAKES_NOTHING = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}
UNFINISHED = ".*.tmp*"  # what a kill in the middle of writing leaves behind, as a glob pattern


def takes_nothing(error: BaseException) -> bool:
    """Whether what failed, first of all, is a disk that is full or read-only, which whoever looks after it can mend."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in TAKES_NOTHING:
            return True
        cause = cause.__cause__ or cause.__context__
    return False


@contextmanager
def whole_file(path: Path, *, durable: bool = True, sole: bool = False) -> Iterator[Path]:
    """A path beside `path` to write to; when the block ends that file takes its place, or nothing is left of it.

    Args:
        durable: wait until it lies on the disk itself, which only a power cut makes a difference to.
        sole: nobody else writes `path` at the same time, so that what a kill leaves is overwritten the next time.

    Raises:
        OSError: it cannot be written.
    """
    unfinished = path.with_name(f".{path.stem if sole else secrets.token_hex(8)}.tmp{path.suffix}")
    try:
        yield unfinished
        if durable:
            with open(unfinished, "rb+") as file:
                os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def read_kept(path: Path) -> dict[str, Any]:
    """The JSON object that `keep` has written; empty where there is none, or none that can be read."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def keep(path: Path, data: Mapping[str, Any], *, durable: bool = True) -> None:
    """Write a JSON object for the next start of the program.

    Args:
        durable: as for `whole_file`.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path, durable=durable) as unfinished:
        unfinished.write_text(json.dumps(data, indent=1), "utf-8")
