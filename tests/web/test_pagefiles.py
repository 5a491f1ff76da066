"""How the folder of uploads and pictures stays below its limit."""

from __future__ import annotations

import os
import time
from pathlib import Path

from playground.web.pagefiles import PageFiles


def old_file(path: Path, megabytes: float, age: float) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(int(megabytes * 1e6)))
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_old_previews_go_first_then_what_is_oldest(tmp_path: Path) -> None:
    sample = old_file(tmp_path / "s" / "image.jpeg", 1, 9000)
    upload, result = old_file(tmp_path / "a" / "photo.jpg", 4, 9000), old_file(tmp_path / "b" / "image.png", 2, 8000)
    old, new = (old_file(tmp_path / name / "image.jpeg", 3, age) for name, age in (("c", 300), ("d", 200)))
    files = PageFiles(tmp_path, 20, {str(sample)})
    left = {}
    for limit in (20, 14, 10, 7, 3):
        files.limit = limit * 10**6
        files.sweep()
        left[limit] = [path for path in (sample, upload, result, old, new) if path.exists()]
        assert files.size == sum(path.stat().st_size for path in left[limit])
    assert left[20] == [sample, upload, result, old, new]
    assert left[14] == [sample, upload, result, new]
    assert left[10] == [sample, upload, result]
    assert left[7] == [sample, result]
    assert left[3] == [sample]


def test_what_is_in_use_is_not_deleted_for_room(tmp_path: Path) -> None:
    used = [
        old_file(tmp_path / "a" / "photo.png", 5, 1800),
        old_file(tmp_path / "b" / "image.jpeg", 5, 10),
        old_file(tmp_path / "tmpabc", 5, 10),  # an upload under way
    ]
    files = PageFiles(tmp_path, 8)
    files.sweep()
    assert all(path.exists() for path in used)
    assert files.room() == -7_000_000
