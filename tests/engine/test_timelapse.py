"""A run's previews as a GIF and as a film."""

from __future__ import annotations

from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from playground.engine.previews import Previews
from playground.engine.timelapse import time_lapse
from playground.errors import PlaygroundError


@pytest.fixture
def previews() -> Previews:
    """A dozen pictures that grow lighter."""
    made = Previews()
    for evaluation in range(12):
        made.add(np.full((96, 128, 3), 20 * evaluation, np.uint8), evaluation, evaluation / 4)
    return made


def test_a_time_lapse_as_gif_has_the_size_of_the_result_and_holds_it(previews: Previews, tmp_path: Path) -> None:
    result = Image.new("RGB", (123, 91), "teal")
    time_lapse(previews, tmp_path / "lapse.gif", result)
    with Image.open(tmp_path / "lapse.gif") as gif:
        assert gif.size == (123, 91)
        durations = []
        for number in range(getattr(gif, "n_frames", 1)):
            gif.seek(number)
            durations.append(gif.info["duration"])
        assert np.abs(np.asarray(gif.convert("RGB"), int) - np.asarray(result)).max() <= 8
    assert durations[-1] == 1000
    assert len(durations) > 3
    assert min(durations) <= 250
    assert sum(durations[:-1]) == min(durations) * len(
        previews.frames
    )  # equal neighbours are written as one longer frame
    assert [path.name for path in tmp_path.iterdir()] == ["lapse.gif"]


def test_a_time_lapse_as_film_can_be_played(previews: Previews, tmp_path: Path) -> None:
    time_lapse(previews, tmp_path / "lapse.mp4", Image.new("RGB", (123, 91), "teal"))
    frames = imageio_ffmpeg.read_frames(str(tmp_path / "lapse.mp4"))
    about = next(frames)
    assert about["size"] == (122, 90)
    assert about["pix_fmt"].startswith("yuv420p")
    shown = [np.frombuffer(data, np.uint8).reshape(90, 122, 3) for data in frames]
    assert len(shown) >= len(previews.frames) + 4
    assert np.abs(shown[-1].astype(int) - (0, 128, 128)).max() <= 8
    assert np.abs(shown[0].astype(int) - (0, 128, 128)).mean() > 20
    assert [path.name for path in tmp_path.iterdir()] == ["lapse.mp4"]


def test_a_time_lapse_that_cannot_be_is_refused_in_words(previews: Previews, tmp_path: Path) -> None:
    for target, what, words in (
        (tmp_path / "lapse.avi", previews, "can be a .gif or an .mp4"),
        (tmp_path / "lapse.gif", Previews(), "no picture yet"),
        (tmp_path / "missing" / "lapse.gif", previews, "could not be written"),
        (tmp_path / "missing" / "lapse.mp4", previews, "could not be written"),
    ):
        with pytest.raises(PlaygroundError, match=words):
            time_lapse(what, target)
    assert list(tmp_path.iterdir()) == []
