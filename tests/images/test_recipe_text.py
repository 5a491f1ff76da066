"""The recipe inside a picture: written, read, and made to hurt."""

from __future__ import annotations

import os
import tracemalloc
import zlib
from pathlib import Path

import pytest
from PIL import ExifTags, Image, ImageFile, PngImagePlugin

from playground.images.load import (
    MAX_RECIPE_BYTES,
    PictureError,
    load_picture,
    read_recipe_text,
)
from playground.images.save import SUFFIXES, encode_picture, save_picture
from tests.helpers.images import (
    RECIPE,
    bomb_png,
    close,
    encoded,
    photo,
    pixels,
)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".PNG", ".JPG"])
def test_a_saved_picture_holds_its_recipe(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"painted{suffix}"
    save_picture(Image.fromarray(photo()), path, recipe=RECIPE)
    assert read_recipe_text(path) == RECIPE
    assert read_recipe_text(path.read_bytes()) == RECIPE
    with Image.open(path) as opened:
        assert read_recipe_text(opened) == RECIPE
        assert opened.format == SUFFIXES[suffix.lower()]
    tolerance = 0 if suffix.lower() == ".png" else 24
    close(pixels(path), photo(), tolerance)
    assert load_picture(path).info == {}
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_without_a_recipe_there_is_none(format: str) -> None:
    data = encode_picture(Image.fromarray(photo()), format)
    assert read_recipe_text(data) is None
    assert encode_picture(Image.fromarray(photo()), format) == data


def test_other_pictures_hold_no_recipe() -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[0x9286] = b"ASCII\0\0\0holiday"
    picture = Image.fromarray(photo())
    for data in (encoded(picture, "GIF"), encoded(picture, "TIFF"), encoded(picture, "JPEG", exif=exif)):
        assert read_recipe_text(data) is None
    assert read_recipe_text(encoded(picture, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff\1")) is None
    assert read_recipe_text(picture) is None


def test_reading_a_recipe_decodes_no_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    for format in ("png", "jpeg", "webp"):
        for recipe in (RECIPE, None):
            assert read_recipe_text(encode_picture(Image.fromarray(photo()), format, recipe)) == recipe


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_long_recipes(format: str) -> None:
    picture = Image.fromarray(photo())
    journal = (
        "[" + ",".join(f'{{"evaluation": {i}, "key": "style_weight", "value": {i / 7}}}' for i in range(4000)) + "]"
    )
    assert 200_000 < len(journal) < MAX_RECIPE_BYTES
    assert read_recipe_text(encode_picture(picture, format, journal)) == journal
    with pytest.raises(PictureError, match="longer than a megabyte"):
        encode_picture(picture, format, "x" * (MAX_RECIPE_BYTES + 1))


def test_a_recipe_that_does_not_fit_into_jpeg_says_png() -> None:
    noise = os.urandom(100_000).hex()
    with pytest.raises(PictureError, match="save it as PNG"):
        encode_picture(Image.fromarray(photo()), "jpeg", noise)


def test_recipe_texts_made_to_hurt() -> None:
    picture = Image.fromarray(photo())
    for compressed in (False, True):
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt("playground-recipe", "x" * (MAX_RECIPE_BYTES + 60_000), zip=compressed)
        with pytest.raises(PictureError):
            read_recipe_text(encoded(picture, "PNG", pnginfo=texts))
    exif = Image.Exif()
    packed = bytes(8) + b"playground-recipe-zlib:" + zlib.compress(bytes(30_000_000))
    exif.get_ifd(ExifTags.IFD.Exif)[0x9286] = packed
    data = encoded(picture, "JPEG", exif=exif)
    tracemalloc.start()
    with pytest.raises(PictureError, match="too long"):
        read_recipe_text(data)
    assert tracemalloc.get_traced_memory()[1] < 6_000_000
    tracemalloc.stop()
    exif.get_ifd(ExifTags.IFD.Exif)[0x9286] = packed[:31] + b"not zlib"
    assert read_recipe_text(encoded(picture, "JPEG", exif=exif)) is None
    with pytest.raises(PictureError, match="megapixels"):
        read_recipe_text(bomb_png())
    with pytest.raises(PictureError, match="does not exist"):
        read_recipe_text("nowhere.png")
