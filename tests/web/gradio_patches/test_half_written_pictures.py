"""A picture that is shown again is replaced, not written into."""

from __future__ import annotations

import io
import os
from pathlib import Path

from gradio import processing_utils
from PIL import Image

from playground.web.gradio_patches.half_written_pictures import write_pictures_whole


def test_a_picture_that_is_shown_again_stays_whole_for_whoever_reads_it(tmp_path: Path) -> None:
    picture = Image.effect_noise((64, 48), 50).convert("RGB")
    write_pictures_whole()
    path = Path(processing_utils.save_pil_to_cache(picture, str(tmp_path), format="jpeg"))
    with path.open("rb") as reader:
        assert processing_utils.save_pil_to_cache(picture, str(tmp_path), format="jpeg") == str(path)
        assert os.fstat(reader.fileno()).st_ino != path.stat().st_ino  # not written into, but replaced
        read = reader.read()
    assert read == path.read_bytes()
    assert Image.open(io.BytesIO(read)).size == (64, 48)
    assert [file.name for file in path.parent.iterdir()] == ["image.jpeg"]
