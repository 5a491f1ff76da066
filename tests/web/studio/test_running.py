"""What Run does before a run begins."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from PIL import Image

from playground.service.jobs import Jobs
from playground.service.limits import PROFILES
from playground.web.studio.running import Running


def test_a_run_keeps_no_more_of_a_photo_than_it_may_use(tmp_path: Path) -> None:
    photo, small = tmp_path / "photo.png", tmp_path / "small.png"
    Image.new("RGB", (3000, 2000)).save(photo)
    Image.new("RGB", (300, 200)).save(small)
    running = object.__new__(Running)
    running.parts, running.jobs = defaultdict(str), Jobs("cpu", PROFILES["classroom"])
    try:
        pictures, wrong = running._read(str(photo), str(small))
    finally:
        running.jobs.close()
    assert not wrong
    assert (pictures["content"].size, pictures["style"].size) == ((2508, 1672), (300, 200))
