"""GIFs that are bombs or damaged are refused in a sentence, before they are painted."""

from __future__ import annotations

import gc
import struct
import tracemalloc
import weakref
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from PIL.GifImagePlugin import GifImageFile

from playground.feedforward import video
from playground.feedforward.apply import Stylizer
from playground.feedforward.model import Model, ModelCard
from playground.feedforward.video import FILM_FRAMES, check_film, is_film, stylize_film
from playground.images import gif, load
from playground.images.gif import gif_frames
from playground.images.gif_layout import GifLayout
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


@pytest.fixture
def undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets nothing of a GIF be decoded."""
    monkeypatch.setattr(GifImageFile, "load_prepare", lambda gif: pytest.fail("decodes it"))


@pytest.mark.usefixtures("undecoded")
def test_a_gif_of_many_megapixels_is_refused_before_any_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "large.gif"
    path.write_bytes(gif_of(75, side=2000))
    check_film(path)
    path.write_bytes(gif_of(76, side=2000))
    with pytest.raises(PictureError, match="300 megapixels"):
        check_film(path)
    path.write_bytes(gif_of(2, side=6800))
    with pytest.raises(PictureError, match="10 megapixels"):
        check_film(path)


@pytest.mark.usefixtures("undecoded")
@pytest.mark.parametrize("before", [1, 40])
def test_a_later_frame_that_would_enlarge_the_canvas_is_refused_before_any_is_decoded(
    before: int, tmp_path: Path
) -> None:
    path = tmp_path / "grows.gif"
    small = gif_of(before, side=64)[:-1]
    frame = b"," + struct.pack("<HHHHB", 60, 0, 5, 1, 0) + b"\x02\x02\x44\x01\0"  # from the 60th to the 65th pixel
    path.write_bytes(small + frame + gif_of(9000)[19:])
    assert is_film(path), "it is not painted as a still picture either"
    with pytest.raises(PictureError, match="frame that is larger than its canvas"):
        check_film(path)
    with pytest.raises(PictureError, match="frame that is larger than its canvas"):
        next(stylize_film(Stylizer(Model(lively(), ModelCard())), path, tmp_path / "out.gif"))


def test_what_decodes_to_more_than_was_read_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a decoder may understand the bytes."""
    path = tmp_path / "grows.gif"
    frame = b"," + struct.pack("<HHHHB", 0, 0, 900, 900, 0) + b"\x02\x02\x44\x01\0"
    path.write_bytes(gif_of(1)[:-1] + frame + b";")
    frames = gif_frames(path, GifLayout((64, 64), 2))
    assert next(frames)[0].size == (64, 64)
    monkeypatch.setattr(GifImageFile, "load_prepare", lambda gif: pytest.fail("decodes it"))
    with pytest.raises(PictureError, match="larger than its canvas"):
        next(frames)


def test_frames_are_decoded_within_the_room_and_none_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, output, side = tmp_path / "film.gif", tmp_path / "out.gif", 256
    shades = [Image.new("L", (side, side), shade) for shade in range(0, 240, 12)]
    shades[0].save(path, save_all=True, append_images=shades[1:], duration=40)
    taken, alive, most = list[float](), set[int](), 0
    take = load.DECODING.take
    monkeypatch.setattr(load.DECODING, "take", lambda megabytes: (taken.append(megabytes), take(megabytes))[1])

    def paint(stylizer: object, picture: Image.Image, strokes: float) -> SimpleNamespace:
        nonlocal most
        alive.add(id(picture))
        weakref.finalize(picture, alive.discard, id(picture))
        most = max(most, len(alive))
        return SimpleNamespace(at=lambda strength, original_colours: picture)

    monkeypatch.setattr(video, "stylize_picture", paint)
    frames = stylize_film(Stylizer(Model(lively(), ModelCard())), path, output)
    next(frames)
    assert len(taken) == 1, "nothing is decoded before it is asked for"
    assert load.DECODING.taken_megabytes == 0, "nobody waits for what paints"
    assert len(list(frames)) == 19
    assert taken == [pytest.approx(gif.STRIP_MB + 21 * side * side / 2**20)] * 20
    assert most <= 3
    with Image.open(output) as painted:
        assert isinstance(painted, GifImageFile)
        assert (painted.n_frames, painted.size, painted.info["duration"]) == (20, (side, side), 40)
        assert "loop" not in painted.info
        painted.seek(13)
        assert painted.convert("RGB").getpixel((9, 200)) == (156, 156, 156)


def test_what_is_written_is_not_kept(tmp_path: Path) -> None:
    noise = Image.effect_noise((256, 256), 90).convert("RGB")
    with open(tmp_path / "out.gif", "wb") as stream:
        writer = gif.GifWriter(stream, noise.size, 0)
        gc.disable()
        tracemalloc.start()
        try:
            for _ in range(10):
                writer.write(noise, 40)
            kept = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
            gc.enable()
        assert kept < stream.tell() / 10
        writer.close()


@pytest.mark.usefixtures("undecoded")
def test_a_comment_in_many_pieces_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "said.gif"
    path.write_bytes(gif_of(3)[:-1] + b"!\xfe" + b"\x01!" * 5000 + b"\0" + gif_of(2)[19:])
    with pytest.raises(PictureError, match="too long a comment"):
        check_film(path)


def test_neither_is_such_a_comment_gathered_for_a_still_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow would copy all that it has of it for each piece more: minutes for a file of 60 MB."""
    data = gif_of(1)
    said = data[:19] + b"!\xfe" + b"\xff" + b"!" * 255 + b"\0" + data[19:]
    assert load.load_picture(said).size == (64, 64)
    said = data[:19] + b"!\xfe" + (b"\xff" + b"!" * 255) * 5000 + b"\0" + data[19:]
    monkeypatch.setattr(GifImageFile, "_open", lambda gif: pytest.fail("opens it"))
    with pytest.raises(PictureError, match="too long a comment"):
        load.load_picture(said)


def test_whether_it_moves_is_known_from_the_second_frame(tmp_path: Path) -> None:
    path = tmp_path / "long.gif"
    path.write_bytes(gif_of(2)[:-1] + b"\0" * 100_000 + b"," * 8)  # what comes then is damaged
    assert is_film(path)
    path.write_bytes(gif_of(1))
    assert not is_film(path)


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
