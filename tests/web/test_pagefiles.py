"""How the folder of uploads and pictures stays below its limit."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from playground.errors import PlaygroundError
from playground.web import pagefiles
from playground.web.components.pictures import given
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


def test_uploads_go_when_everybody_who_uploaded_them_has_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, here = [1000.0], {"ann", "bob"}
    monkeypatch.setattr(pagefiles.time, "monotonic", lambda: now[0])
    both, anns, hers, sample = (old_file(tmp_path / name / "photo.png", 1, 5) for name in ("a", "b", "c", "s"))
    outside = old_file(tmp_path.parent / "elsewhere.png", 1, 5)
    files = PageFiles(tmp_path, 100, {str(sample)}, here.__contains__)
    files.uploaded([str(both), str(anns), str(sample), str(outside)], "ann")
    files.uploaded([str(both)], "bob")
    files.uploaded([str(hers)], "a program", program=True)
    everything = [both, anns, hers, sample, outside]

    def left() -> list[Path]:
        files.sweep()
        return [path for path in everything if path.exists()]

    now[0] += 3600
    files.uploaded([str(hers)], "a program", program=True)
    assert left() == everything, "as long as their pages are open"
    here.remove("ann")
    now[0] += 50
    assert left() == everything, "a connection may be lost for a moment"
    now[0] += 20
    assert left() == [both, hers, sample, outside]
    here.remove("bob")
    now[0] += 70
    assert left() == [hers, sample, outside]
    now[0] += 700
    assert left() == [sample, outside]
    assert not files._uploads, "nothing is remembered of what is gone"


def test_a_picture_that_has_gone_is_asked_for_again(tmp_path: Path) -> None:
    with pytest.raises(PlaygroundError) as said:
        given(tmp_path / "photo.png", "the content picture")
    assert str(said.value) == "Choose the content picture again: the server no longer has it."
