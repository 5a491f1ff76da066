"""Pictures out: what is written, where it may be written, and what a failure leaves."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, JpegImagePlugin

from playground.images.load import (
    PictureError,
)
from playground.images.save import check_output_path, encode_picture, save_picture
from playground.system.files import whole_file
from tests.helpers.images import (
    encoded,
    photo,
    pixels,
    plain_user,
    wide_gamut_profile,
)


def test_only_the_recipe_is_written() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "somebody"
    icc = wide_gamut_profile()
    source = Image.open(io.BytesIO(encoded(Image.fromarray(photo()), "PNG", exif=exif, icc_profile=icc)))
    for format in ("png", "jpeg", "webp"):
        with Image.open(io.BytesIO(encode_picture(source, format))) as written:
            assert not written.getexif()
            assert "icc_profile" not in written.info
    assert source.mode == "RGB"


def test_quality_and_format_of_encoding() -> None:
    picture = Image.fromarray(photo(64, 64))
    assert len(encode_picture(picture, "jpg", quality=30)) < len(encode_picture(picture, "JPEG", quality=95))
    assert len(encode_picture(picture, "webp", quality=30)) < len(encode_picture(picture, "WEBP", quality=95))
    for quality in (0, 101):
        with pytest.raises(PictureError, match="quality"):
            encode_picture(picture, "jpeg", quality=quality)
    for format in ("gif", "", "svg", ".png"):
        with pytest.raises(PictureError, match="png, jpeg or webp"):
            encode_picture(picture, format)
    with pytest.raises(PictureError, match="save it as PNG"):
        encode_picture(Image.new("RGB", (16_384, 8)), "webp")


def test_jpeg_keeps_fine_colour() -> None:
    with Image.open(io.BytesIO(encode_picture(Image.fromarray(photo()), "jpeg"))) as picture:
        assert isinstance(picture, JpegImagePlugin.JpegImageFile)
        assert {layer[1:3] for layer in picture.layer} == {(1, 1)}


def check_refused(path: str | Path, *words: str) -> None:
    with pytest.raises(PictureError) as caught:
        check_output_path(path)
    with pytest.raises(PictureError):
        save_picture(Image.fromarray(photo()), path)
    for word in words:
        assert word in str(caught.value)


def test_output_paths_that_are_refused(tmp_path: Path) -> None:
    for name in ("out.gif", "out", "out.svg", ".png", "out.png.exe", ""):
        check_refused(tmp_path / name if name else "", ".png, .jpg, .jpeg, .webp")
    check_refused(tmp_path / "nowhere" / "out.png", "nowhere", "create it first")
    folder = tmp_path / "folder.png"
    folder.mkdir()
    check_refused(folder, "is a folder")
    (tmp_path / "file").touch()
    check_refused(tmp_path / "file" / "out.png", "create it first")
    os.mkfifo(tmp_path / "pipe.png")
    check_refused(tmp_path / "pipe.png", "pipe")
    check_refused(tmp_path / ("x" * 300 + ".png"), "cannot be written")
    check_refused("a\0b.png")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.png", "pipe.png"]


def test_output_folder_or_file_without_permission(open_folder: Path) -> None:
    target = open_folder / "out.png"
    with plain_user():
        check_refused(target, "cannot be written", "permissions")
    open_folder.chmod(0o777)
    with plain_user():
        check_output_path(target)
    save_picture(Image.fromarray(photo()), target)
    target.chmod(0o444)
    before = target.read_bytes()
    with plain_user():
        check_refused(target, "cannot be written")
    assert target.read_bytes() == before


def test_checking_a_path_leaves_nothing_behind_and_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    check_output_path("new.png")
    check_output_path(tmp_path / "new.JPEG")
    assert os.listdir(tmp_path) == []
    (tmp_path / "old.png").write_bytes(b"old")
    check_output_path("old.png")
    assert (tmp_path / "old.png").read_bytes() == b"old"


def test_what_a_kill_left_of_a_file_with_one_writer_is_gone_after_the_next_time(tmp_path: Path) -> None:
    target = tmp_path / "grid.png"
    with whole_file(target, sole=True) as unfinished:
        unfinished.write_bytes(b"whole")
    unfinished.write_bytes(b"half of a picture")
    save_picture(Image.fromarray(photo()), target, sole=True)
    assert [path.name for path in tmp_path.iterdir()] == ["grid.png"]


def test_saving_replaces_a_file_and_follows_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"old")
    path.chmod(0o600)
    before = os.umask(0o027)
    try:
        save_picture(Image.fromarray(photo()), path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    np.testing.assert_array_equal(pixels(path), photo())


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    step: str, failure: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"old")

    def fail(*args: object) -> None:
        raise failure

    monkeypatch.setattr(os, step, fail)
    expected = PictureError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected, match="No space left" if expected is PictureError else None):
        save_picture(Image.fromarray(photo()), path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out.png"]
