"""Pictures in: everything that is refused, in one sentence."""

from __future__ import annotations

import os
import random
import runpy
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from playground.errors import PlaygroundError
from playground.images import load as images
from playground.images.load import PictureError, load_picture
from playground.recipe import picture_limits
from playground.recipe.picture_limits import MAX_ASPECT, MAX_PIXELS, MIN_SIDE
from tests.helpers.images import (
    bomb_png,
    encoded,
    photo,
    plain_user,
    refused,
    tiled_tiff,
    vast_webp,
)


@pytest.mark.parametrize(
    "content", [b"hello", b"%PDF-1.7 ...", b"PK\3\4" + bytes(60), bytes(500), random.Random(0).randbytes(64)]
)
def test_what_is_no_picture(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(b"x" + content)
    refused(path, "'cat.png'", "PNG")


def test_formats_that_could_run_a_program_or_hold_one_are_not_even_tried() -> None:
    eps = encoded(Image.fromarray(photo()), "EPS")
    pdf = encoded(Image.fromarray(photo()), "PDF")
    for data in (eps, pdf, encoded(Image.fromarray(photo()), "ICO")):
        refused(data, "is no picture, or not one in a format")


@pytest.mark.parametrize(
    "svg",
    [
        '<svg xmlns="http://www.w3.org/2000/svg"/>',
        '\ufeff<?xml version="1.0"?>\n<!-- drawn -->\n<SVG/>',
    ],
)
def test_svg_says_export_as_png(svg: str, tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-16"):
        path = tmp_path / "drawing.png"
        path.write_text(svg, encoding=encoding)
        refused(path, "'drawing.png'", "SVG", "PNG")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM"])
def test_a_file_cut_short(format: str, tmp_path: Path) -> None:
    whole = encoded(Image.fromarray(photo(64, 64)), format)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    for share in (0.1, 0.5, 0.9):
        path = tmp_path / "half.bin"
        path.write_bytes(whole[: int(len(whole) * share)])
        refused(path, "'half.bin'", "damaged or cut short")


def test_compressed_tiff_cut_short() -> None:
    whole = encoded(Image.fromarray(photo(64, 64)), "TIFF", compression="tiff_adobe_deflate")
    refused(whole[: len(whole) // 2], "damaged or cut short")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM"])
def test_flipped_bytes_give_a_picture_or_a_picture_error_and_nothing_else(format: str) -> None:
    whole = encoded(Image.fromarray(photo()), format)
    rng = np.random.default_rng(1)
    outcomes = []
    for _ in range(60):
        data = bytearray(whole)
        for position in rng.integers(0, len(whole), 4):
            data[position] ^= int(rng.integers(1, 256))
        try:
            outcomes.append(load_picture(bytes(data)).mode)
        except PictureError:
            outcomes.append("refused")
    assert set(outcomes) <= {"RGB", "refused"}


def test_nothing_missing_empty_or_of_another_kind(tmp_path: Path) -> None:
    empty = tmp_path / "empty.png"
    empty.touch()
    refused(empty, "'empty.png'", "empty")
    refused(b"", "empty")
    refused(None, "The content picture", "choose one", name="the content picture")
    refused(3, "int")
    refused(tmp_path / "gone.png", "'gone.png'", "does not exist")
    refused(empty / "below.png", "does not exist")
    refused("", "does not exist")
    refused("a\0b.png", "cannot be opened")
    refused("x" * 5000 + ".png", "cannot be opened")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/cat.png",
        "HTTPS://example.org/cat.png",
        " https://example.org/cat.png",
        "ftp://example.org/cat.png",
        "file:///etc/hosts",
        "data:image/png;base64,AAAA",
        "blob:abc",
        Path("https://example.org/cat.png"),
    ],
)
def test_urls_are_never_opened(url: str | Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "stat", lambda *args, **options: pytest.fail("looked at the file system"))
    refused(url, "download it first")


def test_folders_devices_and_pipes(tmp_path: Path) -> None:
    refused(tmp_path, "folder", repr(tmp_path.name))
    refused(f"{tmp_path}/", "folder", repr(tmp_path.name))
    refused("/dev/zero", "device")
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    refused(pipe, "pipe")


def test_a_file_that_may_not_be_read(open_folder: Path) -> None:
    path = open_folder / "secret.png"
    path.write_bytes(encoded(Image.fromarray(photo()), "PNG"))
    with plain_user():
        load_picture(path)
    path.chmod(0)
    with plain_user():
        refused(path, "'secret.png'", "may not be read")


def test_a_file_name_cannot_break_the_sentence(tmp_path: Path) -> None:
    path = tmp_path / ("two\nlines\x1b[31m" + "x" * 200)
    path.write_bytes(b"nothing")
    assert len(refused(path, "is no picture")) < 300


def test_144_megapixels_in_17_kilobytes_are_refused_from_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bomb_png()
    assert len(data) < 20_000
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    tracemalloc.start()
    refused(data, "megapixels", "make it smaller")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # our own check, without Pillow's behind it
    refused(data, "144 megapixels", "50 megapixels")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize("pillows_own_guard", [True, False])
def test_bombs_in_other_formats(monkeypatch: pytest.MonkeyPatch, pillows_own_guard: bool) -> None:
    if not pillows_own_guard:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    small = bytearray(encoded(Image.new("P", (16, 16)), "GIF"))
    gif_screen = small.copy()
    gif_screen[6:10] = struct.pack("<HH", 20_000, 20_000)
    gif_frame = small.copy()
    at = gif_frame.index(b",\0\0\0\0\x10\0\x10\0")
    gif_frame[at + 5 : at + 9] = struct.pack("<HH", 20_000, 20_000)
    bmp = bytearray(encoded(Image.new("1", (16, 16)), "BMP"))
    bmp[18:26] = struct.pack("<ii", 20_000, 20_000)
    ppm = b"P4 20000 20000\n" + bytes(50)
    bombs = [gif_screen, gif_frame, bmp, ppm, vast_webp(16_000, 16_000), tiled_tiff(20_000, 64), tiled_tiff(64, 20_000)]
    for bomb in bombs:
        refused(bytes(bomb), "megapixels")


def test_pictures_and_files_above_the_limits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 400)
    assert load_picture(np.zeros((20, 20), np.uint8)).size == (20, 20)
    refused(Image.new("RGB", (20, 21)), "megapixels")
    refused(np.zeros((20, 21), np.uint8), "megapixels")
    path = tmp_path / "large.png"
    path.write_bytes(encoded(Image.new("RGB", (20, 20)), "PNG"))
    monkeypatch.setattr(images, "MAX_FILE_BYTES", path.stat().st_size)
    load_picture(path)
    monkeypatch.setattr(images, "MAX_FILE_BYTES", path.stat().st_size - 1)
    refused(path, "'large.png'", "MB")
    refused(path.read_bytes(), "MB")


def test_the_pixel_limit_can_be_set_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", MAX_PIXELS)  # restored at the end
    monkeypatch.setenv("PLAYGROUND_MAX_PIXELS", "1234567")
    assert runpy.run_path(picture_limits.__file__)["MAX_PIXELS"] == 1_234_567
    monkeypatch.setattr(picture_limits, "MAX_PIXELS", 1_234_567)
    runpy.run_path(images.__file__)
    assert Image.MAX_IMAGE_PIXELS == 1_234_567  # neither less, which would refuse, nor more, which would not guard
    for nonsense in ("", "many", "-5", "0", "1e6"):
        monkeypatch.setenv("PLAYGROUND_MAX_PIXELS", nonsense)
        assert runpy.run_path(picture_limits.__file__)["MAX_PIXELS"] == 50_000_000


def test_strips_and_single_pixels() -> None:
    assert load_picture(Image.new("RGB", (MAX_ASPECT * 10, 10))).size == (160, 10)
    refused(Image.new("RGB", (MAX_ASPECT * 10 + 1, 10)), "161×10", "crop")
    refused(Image.new("RGB", (10, MAX_ASPECT * 10 + 1)), "10×161", "crop")
    assert load_picture(Image.new("RGB", (MIN_SIDE, MIN_SIDE))).size == (8, 8)
    refused(Image.new("RGB", (MIN_SIDE - 1, MIN_SIDE)), "at least 8 pixels")
    refused(encoded(Image.new("RGB", (1, 1)), "PNG"), "1×1")


@pytest.mark.parametrize(
    "failure", [MemoryError(), RecursionError(), KeyError("tag"), struct.error("short"), OSError()]
)
def test_whatever_a_decoder_raises_becomes_a_picture_error(
    failure: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: ImageFile.ImageFile) -> None:
        raise failure

    data = encoded(Image.fromarray(photo()), "PNG")
    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    refused(data, "memory" if isinstance(failure, MemoryError) else "damaged")


def test_a_closed_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(photo()).save(path)
    with Image.open(path) as picture:
        pass
    refused(picture, "The style picture", name="the style picture")


def test_the_error_is_the_users_and_names_role_and_file(tmp_path: Path) -> None:
    assert issubclass(PictureError, PlaygroundError)
    text = refused(tmp_path / "gone.png", name="the content picture")
    assert text.startswith("The content picture 'gone.png' ")


def test_a_refusal_is_one_line_on_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb_png(9_000))  # between once and twice Pillow's limit, where it warns of its own accord
    code = "import sys; from playground.images.load import load_picture; load_picture(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "81 megapixels" in done.stderr.splitlines()[-1]
    assert "Warning" not in done.stderr
