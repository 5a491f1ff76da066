"""Previews are few, even, and survive on the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from playground.engine.previews import MAX_PREVIEWS, PREVIEW_SIZE, Previews, least_missed


@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=200, unique=True))
def test_what_is_missed_least_is_never_an_end(places: list[int]) -> None:
    places.sort()
    index = least_missed(places)
    assert 0 < index < len(places) - 1
    widths = [places[i + 1] - places[i - 1] for i in range(1, len(places) - 1)]
    assert places[index + 1] - places[index - 1] == min(widths)


def noise(seed: int, side: int = 32) -> np.ndarray:
    return np.full((side, side * 4 // 3, 3), seed % 256, dtype=np.uint8)


def test_a_film_is_bounded_even_and_survives_on_the_disk(tmp_path: Path) -> None:
    previews = Previews(tmp_path / "film")
    for evaluation in range(1000):
        previews.add(noise(evaluation), evaluation, evaluation / 10)
    frames = previews.frames
    evaluations = [frame.evaluation for frame in frames]
    assert (len(frames), evaluations[0], evaluations[-1]) == (MAX_PREVIEWS, 0, 999)
    assert np.diff(evaluations[:-1]).max() <= 2 * np.diff(evaluations[:-1]).min()
    assert abs(int(np.asarray(frames[50].picture).mean()) - evaluations[50] % 256) <= 1
    again = Previews(tmp_path / "film").frames
    assert again == frames
    next((tmp_path / "film").iterdir()).write_bytes(b"\xff\xd8 no picture")
    assert len(Previews(tmp_path / "film").frames) == MAX_PREVIEWS - 1


def test_a_film_finds_the_frame_of_a_moment_and_replaces_its_last() -> None:
    previews = Previews()
    assert previews.at(3) is None
    for evaluation in (0, 4, 8):
        previews.add(noise(evaluation), evaluation, 0.0)
    found = [frame.evaluation for at in (-1, 0, 3, 4, 100) if (frame := previews.at(at))]
    assert found == [0, 0, 0, 4, 8]
    previews.add(noise(200, 1200), 8, 0.0)
    last = previews.frames[-1]
    assert [frame.evaluation for frame in previews.frames] == [0, 4, 8]
    assert last.picture.size == (PREVIEW_SIZE, PREVIEW_SIZE * 3 // 4)
    assert abs(int(np.asarray(last.picture).mean()) - 200) <= 1
