"""GIFs that are bombs or damaged are refused in a sentence, before they are painted."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from PIL import Image

from playground.feedforward import video
from playground.feedforward.apply import Stylizer
from playground.feedforward.model import Model, ModelCard
from playground.feedforward.video import FILM_FRAMES, check_film, is_film, stylize_film
from playground.images.load import PictureError
from tests.feedforward.test_model import lively


def gif_of(frames: int, side: int = 64) -> bytes:
    """A GIF whose every frame is one pixel on a canvas of side²: 23 bytes a frame."""
    head = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6)
    frame = b"!\xf9\x04\0\0\0\0\0," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    return head + frame * frames + b";"


def test_a_gif_of_ten_thousand_frames_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "long.gif"
    path.write_bytes(gif_of(FILM_FRAMES, side=16))
    check_film(path)
    path.write_bytes(gif_of(10_000, side=16))
    with pytest.raises(PictureError, match="more than 9,000 frames"):
        check_film(path)


def test_a_gif_of_many_megapixels_is_given_up_where_they_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "large.gif", list[int]()
    path.write_bytes(gif_of(5000, side=2000))
    seek = video._seek
    monkeypatch.setattr(video, "_seek", lambda gif, number, path: (seen.append(number), seek(gif, number, path))[1])
    with pytest.raises(PictureError, match="300 megapixels"):
        check_film(path)
    assert max(seen) == 75


def test_whether_it_moves_is_known_from_the_second_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.gif"
    path.write_bytes(gif_of(20_000))
    monkeypatch.setattr(Image.Image, "n_frames", property(lambda gif: pytest.fail("counts all frames")), raising=False)
    assert is_film(path)


@pytest.mark.parametrize("damage", [30, 60, 100, 400])
def test_a_damaged_gif_is_a_sentence_and_leaves_nothing(damage: int, tmp_path: Path) -> None:
    frames = [Image.effect_noise((40, 30), 90) for _ in range(3)]
    source = tmp_path / "film.gif"
    frames[0].save(source, save_all=True, append_images=frames[1:])
    data = bytearray(source.read_bytes())
    data[damage : damage + 6] = b"\xff\x07\x00\xfe\x3b\x2c"
    source.write_bytes(bytes(data))
    stylizer, output = Stylizer(Model(lively(), ModelCard())), tmp_path / "out.gif"
    try:
        check_film(source)
        list(stylize_film(stylizer, source, output))
    except PictureError as error:
        assert "GIF" in str(error) or "film" in str(error).lower()  # noqa: PT017 (either is right)
        assert not output.exists()
    assert {path.name for path in tmp_path.iterdir()} <= {"film.gif", "out.gif"}
