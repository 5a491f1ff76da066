"""A server's temporary folder: nobody else's to look into, and gone after the server, however that ended."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from playground.system import scratch
from playground.system.scratch import Scratch, sweep

PREFIX = "scratch-of-tests-"
HOLDING = (
    f"import sys, tempfile, time; tempfile.tempdir = sys.argv[1]; from playground.system.scratch import Scratch; "
    f"held = Scratch({PREFIX!r}); print(held.path, flush=True); time.sleep(60)"
)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_only_what_a_killed_process_left_is_swept(temporary: Path) -> None:
    mine = Scratch(PREFIX)
    (temporary / "somebody-elses").mkdir()
    with subprocess.Popen([sys.executable, "-c", HOLDING, str(temporary)], stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            theirs = Path(other.stdout.readline().strip())
            (theirs / "upload.png").write_bytes(b"private")
            assert sweep(PREFIX) == 0
            assert (theirs / "upload.png").exists()
        finally:
            other.kill()
    assert theirs.exists()  # a killed one deletes nothing
    assert sweep(PREFIX) == 1
    assert sorted(path.name for path in temporary.iterdir()) == sorted([mine.path.name, "somebody-elses"])
    mine.close()
    assert not mine.path.exists()


def test_a_folder_without_a_lock_is_given_a_day(temporary: Path) -> None:
    old = temporary / f"{PREFIX}old"
    old.mkdir()
    assert sweep(PREFIX) == 0
    before = time.time() - scratch.WITHOUT_LOCK_SECONDS - 60
    os.utime(old, (before, before))
    assert sweep(PREFIX) == 1
    assert not old.exists()


@pytest.mark.skipif(os.name != "posix", reason="links and modes")
def test_nothing_beyond_a_link_is_deleted_and_nobody_else_may_look(temporary: Path) -> None:
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "lock").touch()
    (temporary / f"{PREFIX}link").symlink_to(elsewhere)
    (temporary / f"{PREFIX}file").touch()
    assert sweep(PREFIX) == 0
    assert (elsewhere / "lock").exists()
    assert Scratch(PREFIX).path.stat().st_mode & 0o077 == 0


def test_a_folder_that_is_swept_while_it_is_made_is_made_again(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acquire, swept = scratch.FileLock.acquire, list[Path]()

    def late(lock: scratch.FileLock, **options: Any) -> object:
        if not swept:
            folder = Path(lock.lock_file).parent
            swept.append(folder)
            held = acquire(lock, **options)
            (folder / scratch.LOCK).unlink()
            return held
        return acquire(lock, **options)

    monkeypatch.setattr(scratch.FileLock, "acquire", late)
    made = Scratch(PREFIX)
    assert made.path != swept[0]
    assert (made.path / scratch.LOCK).exists()
