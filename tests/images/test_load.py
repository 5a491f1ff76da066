"""Pictures in: every format, mode and kind of source that is read."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from playground.images.load import (
    load_picture,
)
from tests.helpers.images import (
    close,
    encoded,
    on_white,
    photo,
    pixels,
    png,
    png_chunk,
    refused,
    tiff,
    wide_gamut_profile,
)


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("PPM", {}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_lossless_formats_are_read_exactly(format: str, options: dict[str, Any]) -> None:
    data = encoded(Image.fromarray(photo()), format, **options)
    np.testing.assert_array_equal(pixels(data), photo())


def test_jpeg_and_gif_are_read() -> None:
    close(pixels(encoded(Image.fromarray(photo()), "JPEG", quality=100, subsampling=0)), photo(), 6)
    two_colours = Image.fromarray(np.repeat(np.repeat([[0, 255], [255, 0]], 8, 0), 8, 1).astype(np.uint8))
    close(pixels(encoded(two_colours, "GIF")), np.asarray(two_colours.convert("RGB")), 0)


def test_content_counts_and_the_name_does_not(tmp_path: Path) -> None:
    path = tmp_path / "really a png.gif"
    path.write_bytes(encoded(Image.fromarray(photo()), "PNG"))
    np.testing.assert_array_equal(pixels(path), photo())
    np.testing.assert_array_equal(pixels(str(path)), photo())


def test_every_kind_of_source_gives_the_same_picture(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(photo()).save(path)
    for source in (path, str(path), path.read_bytes(), bytearray(path.read_bytes()), Image.open(path), photo()):
        np.testing.assert_array_equal(pixels(source), photo())


def test_the_callers_picture_is_left_as_it_was() -> None:
    picture = Image.fromarray(photo())
    picture.info["transparency"] = (1, 2, 3)
    load_picture(picture)
    assert picture.info == {"transparency": (1, 2, 3)}
    assert picture.mode == "RGB"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(orientation: int, format: str) -> None:
    turns = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud}
    turns |= {5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, -1)}
    turns |= {7: lambda a: np.rot90(a.swapaxes(0, 1), 2), 8: np.rot90}
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    options = {"lossless": True} if format == "WEBP" else {}
    data = encoded(Image.fromarray(photo()), format, exif=exif, **options)
    np.testing.assert_array_equal(pixels(data), turns[orientation](photo()))


def test_a_jpeg_photograph_stands_upright() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    picture = load_picture(encoded(Image.fromarray(photo(24, 48)), "JPEG", exif=exif))
    assert picture.size == (24, 48)


@pytest.mark.parametrize("exif", [b"Exif\0\0no TIFF", b"Exif\0\0II*\0\xff\xff\xff\xff\x01\x02"])
def test_broken_exif_does_not_cost_the_photograph(exif: bytes) -> None:
    data = encoded(Image.fromarray(photo()), "PNG", exif=exif)
    np.testing.assert_array_equal(pixels(data), photo())


def test_metadata_is_dropped() -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = load_picture(encoded(Image.fromarray(photo()), "JPEG", exif=exif, icc_profile=icc, comment=b"secret"))
    assert picture.info == {}
    assert not picture.getexif()
    assert picture.format is None


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_laid_on_white(format: str) -> None:
    rgba = np.dstack([photo(), np.linspace(0, 255, 32).astype(np.uint8)[None].repeat(24, 0)])
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    close(pixels(encoded(Image.fromarray(rgba), format, **options)), on_white(photo(), rgba[..., 3]))


def test_hidden_colour_under_full_transparency_never_shows() -> None:
    rgba = np.dstack([photo(), np.zeros((24, 32), np.uint8)])
    assert (pixels(encoded(Image.fromarray(rgba), "PNG")) == 255).all()


def test_grey_with_alpha_is_laid_on_white() -> None:
    grey, alpha = photo()[..., 0], photo()[..., 1]
    picture = Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)])
    expected = on_white(np.repeat(grey[..., None], 3, 2), alpha)
    close(pixels(encoded(picture, "PNG")), expected)
    close(pixels(picture.convert("La")), expected, 4)  # premultiplying loses a few levels
    close(pixels(picture.convert("RGBA").convert("PA")), expected)


def test_premultiplied_alpha_is_laid_on_white() -> None:
    rgba = np.dstack([photo(), np.full((24, 32), 128, np.uint8)])
    close(pixels(Image.fromarray(rgba).convert("RGBa")), on_white(photo(), rgba[..., 3]), 3)


def palette_picture() -> Image.Image:
    picture = Image.new("P", (16, 16), 1)
    picture.putpalette([255, 0, 0, 0, 0, 255, 0, 255, 0])
    picture.paste(0, (0, 0, 8, 16))
    return picture


def test_palette_and_its_transparency() -> None:
    plain = pixels(encoded(palette_picture(), "PNG"))
    assert plain[0, 0].tolist() == [255, 0, 0]
    assert plain[0, 15].tolist() == [0, 0, 255]
    one_colour = pixels(encoded(palette_picture(), "PNG", transparency=0))
    assert one_colour[0, 0].tolist() == [255, 255, 255]
    assert one_colour[0, 15].tolist() == [0, 0, 255]
    halves = pixels(encoded(palette_picture(), "PNG", transparency=bytes([128, 255, 255])))
    close(halves[0, 0], [255, 127, 127])
    in_gif = pixels(encoded(palette_picture(), "GIF", transparency=0))
    assert in_gif[0, 0].tolist() == [255, 255, 255]


def test_one_transparent_colour_in_grey_and_rgb() -> None:
    grey = encoded(Image.fromarray(photo()[..., 0]), "PNG", transparency=int(photo()[0, 0, 0]))
    assert pixels(grey)[0, 0].tolist() == [255] * 3
    rgb = encoded(Image.fromarray(photo()), "PNG", transparency=tuple(int(v) for v in photo()[0, 0]))
    got = pixels(rgb)
    assert got[0, 0].tolist() == [255] * 3
    assert got[5, 5].tolist() == photo()[5, 5].tolist()


@pytest.mark.parametrize(("depth", "levels"), [(1, 2), (2, 4), (4, 16)])
def test_shallow_grey_png_with_a_transparent_level(depth: int, levels: int) -> None:
    values = np.arange(16)[None].repeat(16, 0) % levels
    bits = ((values[..., None] >> np.arange(depth)[::-1]) & 1).reshape(16, -1).astype(np.uint8)
    rows = [np.packbits(row).tobytes() for row in bits]
    got = pixels(png(16, 16, depth, 0, rows, png_chunk(b"tRNS", struct.pack(">H", 1))))
    expected = np.where(values == 1, 255, values * 255 // (levels - 1))
    close(got[..., 0], expected, 0)


def test_16_bit_grey_is_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 32 * 24).reshape(24, 32).astype(np.uint16)
    expected = np.repeat(np.rint(ramp / 257)[..., None], 3, 2)
    for format in ("PNG", "TIFF"):
        close(pixels(encoded(Image.fromarray(ramp), format)), expected, 0)
    close(pixels(Image.frombytes("I;16B", (32, 24), ramp.astype(">u2").tobytes())), expected, 0)
    close(pixels(Image.fromarray(ramp.astype(np.int32))), expected, 0)
    close(pixels(b"P5 32 24 65535\n" + ramp.astype(">u2").tobytes()), expected, 0)
    dark = pixels(Image.fromarray((ramp // 64).astype(np.uint16)))
    assert dark.max() == 4  # a dark picture stays dark


def test_12_bit_grey_is_scaled() -> None:
    ramp = np.linspace(0, 4095, 256).astype(np.uint16).reshape(16, 16)
    first, second = ramp[:, ::2], ramp[:, 1::2]  # three bytes hold two values
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], 2).astype(np.uint8)
    tags = {256: 16, 257: 16, 258: 12, 259: 1, 262: 1, 273: 0, 277: 1, 278: 16, 279: packed.size}
    close(pixels(tiff(tags, packed.tobytes()))[..., 0], np.rint(ramp / 4095 * 255), 0)


def test_16_bit_grey_with_a_transparent_level() -> None:
    ramp = (np.arange(16 * 16).reshape(16, 16) * 256).astype(">u2")
    trns = png_chunk(b"tRNS", struct.pack(">H", 256))
    got = pixels(png(16, 16, 16, 0, [row.tobytes() for row in ramp], trns))
    assert got[0, 1].tolist() == [255] * 3
    assert got[0, 2].tolist() == [2] * 3


def test_16_bit_colour_is_scaled() -> None:
    values = (photo(16, 16).astype(np.uint16) * 257).astype(">u2")
    close(pixels(png(16, 16, 16, 2, [row.tobytes() for row in values])), photo(16, 16))
    uneven = (values - values % 256 + 77).astype(">u2")  # its low bytes differ from its high ones
    trns = png_chunk(b"tRNS", struct.pack(">HHH", *(int(v) for v in uneven[3, 4])))
    got = pixels(png(16, 16, 16, 2, [row.tobytes() for row in uneven], trns))
    assert got[3, 4].tolist() == [255] * 3
    rgba = np.dstack([values, np.full((16, 16), 0x8080, ">u2")])
    close(pixels(png(16, 16, 16, 6, [row.tobytes() for row in rgba])), on_white(photo(16, 16), np.full((16, 16), 128)))
    grey_alpha = np.dstack([values[..., 0], np.full((16, 16), 0x8080, ">u2")])
    expected = on_white(np.repeat(photo(16, 16)[..., :1], 3, 2), np.full((16, 16), 128))
    close(pixels(png(16, 16, 16, 4, [row.tobytes() for row in grey_alpha])), expected)


def test_32_bit_and_float_grey_are_scaled() -> None:
    unit = np.linspace(0, 1, 32 * 24, dtype=np.float32).reshape(24, 32)
    expected = np.repeat(np.rint(unit * 255)[..., None], 3, 2)
    close(pixels(encoded(Image.fromarray(unit), "TIFF")), expected)
    close(pixels(Image.fromarray(unit * 0.5)), np.rint(expected / 2))
    close(pixels(encoded(Image.fromarray(unit * 3000 - 1000), "TIFF")), expected)
    close(pixels(Image.fromarray((unit * 2e9).astype(np.int32))), expected)
    close(pixels(Image.fromarray(np.full((9, 9), 128, np.float32))), np.full((9, 9, 3), 128), 0)
    refused(Image.fromarray(np.where(unit > 0.5, np.nan, unit).astype(np.float32)), "not finite")


def test_cmyk_ycbcr_lab_hsv_grey_and_bits() -> None:
    picture = Image.fromarray(photo())
    inks = picture.convert("CMYK")
    close(pixels(encoded(inks, "TIFF")), photo(), 1)
    close(pixels(encoded(inks, "JPEG", quality=100)), photo(), 16)
    close(pixels(picture.convert("YCbCr")), photo(), 3)
    close(pixels(picture.convert("HSV")), photo(), 8)
    lab = ImageCms.profileToProfile(
        picture, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    assert np.abs(pixels(encoded(lab, "TIFF")) - photo()).mean() < 3
    grey = photo()[..., 0]
    close(pixels(encoded(Image.fromarray(grey), "PNG")), np.repeat(grey[..., None], 3, 2), 0)
    bits = grey > 128
    close(pixels(encoded(Image.fromarray(bits), "PNG")), np.repeat(bits[..., None], 3, 2) * 255, 0)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_animation_gives_its_first_frame(format: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if format == "WEBP" else {}
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:], **options)
    close(pixels(data), np.tile([255, 0, 0], (16, 16, 1)), 0)


def test_a_colour_profile_is_converted_to_srgb() -> None:
    linear = (photo() / 255.0) ** 2.2
    wide = np.array([[0.5151, 0.2920, 0.1571], [0.2412, 0.6922, 0.0666], [-0.0011, 0.0419, 0.7841]])
    srgb = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])
    light = (linear @ (np.linalg.inv(srgb) @ wide).T).clip(0, 1)
    expected = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    picture = Image.fromarray(photo())
    assert np.abs(expected - photo()).max() > 20  # the profile matters
    for format in ("PNG", "TIFF"):
        close(pixels(encoded(picture, format, icc_profile=wide_gamut_profile())), expected, 2)
    clear = picture.convert("RGBA")
    close(pixels(encoded(clear, "PNG", icc_profile=wide_gamut_profile())), expected, 2)


def test_an_srgb_profile_changes_nothing_and_a_broken_or_foreign_one_is_ignored() -> None:
    picture = Image.fromarray(photo())
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    close(pixels(encoded(picture, "PNG", icc_profile=srgb)), photo())
    for broken in (b"no profile at all", wide_gamut_profile()[:200], bytes(200)):
        close(pixels(encoded(picture, "PNG", icc_profile=broken)), photo(), 0)
    grey = picture.convert("L")
    close(pixels(encoded(grey, "PNG", icc_profile=srgb))[..., 0], np.asarray(grey), 0)


def test_arrays_of_every_accepted_kind() -> None:
    values = photo()
    np.testing.assert_array_equal(pixels(values), values)
    np.testing.assert_array_equal(pixels(values[:, ::-1]), values[:, ::-1])
    for array in (values.astype(np.uint16) * 257, values / 255, values.astype(np.float32) / 255):
        np.testing.assert_array_equal(pixels(array), values)
    close(pixels((values / 255).astype(np.float16)), values)
    grey = np.repeat(values[..., :1], 3, 2)
    np.testing.assert_array_equal(pixels(values[..., 0]), grey)
    np.testing.assert_array_equal(pixels(values[..., :1]), grey)
    alpha = np.full((24, 32, 1), 64, np.uint8)
    close(pixels(np.concatenate([values, alpha], 2)), on_white(values, alpha[..., 0]))


def test_arrays_that_are_refused() -> None:
    bad = np.full((16, 16, 3), 0.5)
    for hole in (np.nan, np.inf):
        bad[3, 4, 1] = hole
        refused(bad, "The photo", "not finite", name="the photo")
    refused(photo() * 1.0, "[0, 1]")
    refused(photo() - 1.0, "[0, 1]")
    refused(photo().astype(np.int64), "int64")
    for shape in ((16,), (16, 16, 2), (1, 16, 16, 3), (0, 0, 3), (4, 16, 3)):
        refused(np.zeros(shape, np.uint8), "The picture")
    refused(np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), (10_000, 10_000), (0, 0)), "100 megapixels")
