"""The pictures of a run as files: which are kept, how much they take at most, and the zip of them."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground.engine.frame_files import FrameFiles
from playground.engine.frames import Frame


def frame(step: int, picture: bool = True, **more: Any) -> Frame:
    noise = np.random.default_rng(step).integers(0, 255, (16, 24, 3), dtype=np.uint8)
    return Frame(step, 100, step, 0.1 * step, {}, {}, picture=noise if picture else None, **more)


def steps(folder: Path) -> list[int]:
    return [int(path.stem[5:]) for path in sorted(folder.iterdir())]


def test_the_first_picture_after_an_iteration_that_is_due_is_kept(tmp_path: Path) -> None:
    files = FrameFiles(tmp_path / "frames", every=3)
    files.add(frame(0))
    assert not (tmp_path / "frames").exists()
    for step in range(1, 10):
        files.add(frame(step, picture=False))
        files.add(frame(step))
        files.add(replace(frame(step + 50), step=step))  # a later look within the same iteration
    files.add(frame(12, result=object()))  # shown by itself
    assert steps(files.folder) == [3, 6, 9]
    assert len(files) == 3
    with Image.open(files.folder / "step-000006.png") as kept:
        assert (np.asarray(kept) == frame(6).picture).all()
    assert files.bytes == sum(path.stat().st_size for path in files.folder.iterdir())


def test_when_they_take_too_much_every_second_goes(tmp_path: Path) -> None:
    one = FrameFiles(tmp_path / "one")
    one.add(frame(1))
    files = FrameFiles(tmp_path / "frames", most_bytes=round(6.5 * one.bytes))
    for step in range(1, 33):
        files.add(frame(step))
        assert files.bytes <= 6.5 * one.bytes
    assert files.every == 8
    assert steps(files.folder) == [8, 16, 24, 32]
    small = FrameFiles(tmp_path / "small", most_bytes=1)  # one is kept in any case
    for step in (1, 2, 3, 4):
        small.add(frame(step))
    assert len(small) == 1


def test_a_run_that_is_taken_up_again_goes_on_with_its_files(tmp_path: Path) -> None:
    first = FrameFiles(tmp_path)
    for step in (1, 2, 3):
        first.add(frame(step))
    (tmp_path / "step-x.png").write_bytes(b"not one of them")
    again = FrameFiles(tmp_path)
    for step in (2, 3, 4):
        again.add(frame(step))
    again.zip_to(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"step-{step:06d}.png" for step in (1, 2, 3, 4)]


def test_a_picture_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Image.Image, path: Path, **_: Any) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    files = FrameFiles(tmp_path / "frames")
    with pytest.raises(OSError, match="No space"):
        files.add(frame(1))
    assert steps(files.folder) == []
    assert len(files) == 0
