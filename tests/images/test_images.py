"""Pictures in, pictures out: every format and mode that is read, everything that is refused, and what is written."""

import io
import os
import runpy
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import tracemalloc
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, ImageFile, PngImagePlugin

from playground.errors import PlaygroundError
from playground.images import load as images
from playground.images.colour import keep_colours, match_colours
from playground.images.convert import fit_size, resize_picture, to_array, to_picture, to_tensor
from playground.images.load import (
    MAX_ASPECT,
    MAX_PIXELS,
    MAX_RECIPE_BYTES,
    MIN_SIDE,
    PictureError,
    load_picture,
    read_recipe_text,
)
from playground.images.save import SUFFIXES, check_output_path, encode_picture, save_picture
from playground.system.files import whole_file

RECIPE = '{"preset": "default", "größe": 256, "note": "läuft ✓"}'


def photo(height=24, width=32):
    """Smooth colours with a little texture, the same at every call."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    planes = [140 * x + 60 * y, 200 - 150 * x, 30 + 180 * y]
    return (np.stack(planes, 2) + rng.integers(0, 20, (height, width, 3))).astype(np.uint8)


def encoded(picture, format, **options):
    data = io.BytesIO()
    picture.save(data, format, **options)
    return data.getvalue()


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, depth, colour_type, rows, *chunks):
    """A PNG written by hand, for what Pillow reads and does not write; `rows` are bytes without filter bytes."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [png_chunk(b"IHDR", head), *chunks, png_chunk(b"IDAT", body), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def bomb_png(side=12_000):
    """A 1-bit PNG of 144 megapixels in 17 kB."""
    packer = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = [png_chunk(b"IHDR", head), png_chunk(b"IDAT", body), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def tiled_tiff(side, tile_side):
    place = {322: tile_side, 323: tile_side, 324: 0, 325: 64}
    return tiff({256: side, 257: side, 258: 8, 259: 8, 262: 1, 277: 1} | place, bytes(64))


def tiff(tags, data):
    """A TIFF written by hand: its tags, then the data, which is where strips (273) or tiles (324) begin."""
    start = 8 + 2 + 12 * len(tags) + 4
    tags = [(tag, start if tag in (273, 324) else value) for tag, value in sorted(tags.items())]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + data


def vast_webp(width, height):
    """An animated WebP whose canvas is vast and whose only frame is small."""
    frame = encoded(Image.new("RGB", (16, 16)), "WEBP", lossless=True)[12:]
    body = (
        b"VP8X" + struct.pack("<IB3x", 10, 2) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    )
    body += b"ANIM" + struct.pack("<I6x", 6)
    body += b"ANMF" + struct.pack("<I6x", 16 + len(frame)) + (15).to_bytes(3, "little") * 2 + bytes(4) + frame
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def pixels(source):
    picture = load_picture(source)
    assert picture.mode == "RGB"
    return np.asarray(picture).astype(int)


def close(got, expected, tolerance=1):
    assert got.shape == np.asarray(expected).shape
    assert np.abs(got - np.asarray(expected, dtype=int)).max() <= tolerance


def refused(source, *words, **options):
    """Loading is refused in one sentence that holds every given word."""
    with pytest.raises(PictureError) as caught:
        load_picture(source, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    for word in words:
        assert word in text
    return text


# --- formats and modes --------------------------------------------------------------------------------------------


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
def test_lossless_formats_are_read_exactly(format, options):
    data = encoded(Image.fromarray(photo()), format, **options)
    np.testing.assert_array_equal(pixels(data), photo())


def test_jpeg_and_gif_are_read():
    close(pixels(encoded(Image.fromarray(photo()), "JPEG", quality=100, subsampling=0)), photo(), 6)
    two_colours = Image.fromarray(np.repeat(np.repeat([[0, 255], [255, 0]], 8, 0), 8, 1).astype(np.uint8))
    close(pixels(encoded(two_colours, "GIF")), np.asarray(two_colours.convert("RGB")), 0)


def test_content_counts_and_the_name_does_not(tmp_path):
    path = tmp_path / "really a png.gif"
    path.write_bytes(encoded(Image.fromarray(photo()), "PNG"))
    np.testing.assert_array_equal(pixels(path), photo())
    np.testing.assert_array_equal(pixels(str(path)), photo())


def test_every_kind_of_source_gives_the_same_picture(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(photo()).save(path)
    for source in (path, str(path), path.read_bytes(), bytearray(path.read_bytes()), Image.open(path), photo()):
        np.testing.assert_array_equal(pixels(source), photo())


def test_the_callers_picture_is_left_as_it_was():
    picture = Image.fromarray(photo())
    picture.info["transparency"] = (1, 2, 3)
    load_picture(picture)
    assert picture.info == {"transparency": (1, 2, 3)}
    assert picture.mode == "RGB"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(orientation, format):
    turns = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud}
    turns |= {5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, -1)}
    turns |= {7: lambda a: np.rot90(a.swapaxes(0, 1), 2), 8: np.rot90}
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    options = {"lossless": True} if format == "WEBP" else {}
    data = encoded(Image.fromarray(photo()), format, exif=exif, **options)
    np.testing.assert_array_equal(pixels(data), turns[orientation](photo()))


def test_a_jpeg_photograph_stands_upright():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    picture = load_picture(encoded(Image.fromarray(photo(24, 48)), "JPEG", exif=exif))
    assert picture.size == (24, 48)


@pytest.mark.parametrize("exif", [b"Exif\0\0no TIFF", b"Exif\0\0II*\0\xff\xff\xff\xff\x01\x02"])
def test_broken_exif_does_not_cost_the_photograph(exif):
    data = encoded(Image.fromarray(photo()), "PNG", exif=exif)
    np.testing.assert_array_equal(pixels(data), photo())


def test_metadata_is_dropped():
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = load_picture(encoded(Image.fromarray(photo()), "JPEG", exif=exif, icc_profile=icc, comment=b"secret"))
    assert picture.info == {}
    assert not picture.getexif()
    assert picture.format is None


def on_white(colours, alpha):
    share = alpha[..., None] / 255
    return np.rint(colours * share + 255 * (1 - share)).astype(int)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_laid_on_white(format):
    rgba = np.dstack([photo(), np.linspace(0, 255, 32).astype(np.uint8)[None].repeat(24, 0)])
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    close(pixels(encoded(Image.fromarray(rgba), format, **options)), on_white(photo(), rgba[..., 3]))


def test_hidden_colour_under_full_transparency_never_shows():
    rgba = np.dstack([photo(), np.zeros((24, 32), np.uint8)])
    assert (pixels(encoded(Image.fromarray(rgba), "PNG")) == 255).all()


def test_grey_with_alpha_is_laid_on_white():
    grey, alpha = photo()[..., 0], photo()[..., 1]
    picture = Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)])
    expected = on_white(np.repeat(grey[..., None], 3, 2), alpha)
    close(pixels(encoded(picture, "PNG")), expected)
    close(pixels(picture.convert("La")), expected, 4)  # premultiplying loses a few levels
    close(pixels(picture.convert("RGBA").convert("PA")), expected)


def test_premultiplied_alpha_is_laid_on_white():
    rgba = np.dstack([photo(), np.full((24, 32), 128, np.uint8)])
    close(pixels(Image.fromarray(rgba).convert("RGBa")), on_white(photo(), rgba[..., 3]), 3)


def palette_picture():
    picture = Image.new("P", (16, 16), 1)
    picture.putpalette([255, 0, 0, 0, 0, 255, 0, 255, 0])
    picture.paste(0, (0, 0, 8, 16))
    return picture


def test_palette_and_its_transparency():
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


def test_one_transparent_colour_in_grey_and_rgb():
    grey = encoded(Image.fromarray(photo()[..., 0]), "PNG", transparency=int(photo()[0, 0, 0]))
    assert pixels(grey)[0, 0].tolist() == [255] * 3
    rgb = encoded(Image.fromarray(photo()), "PNG", transparency=tuple(int(v) for v in photo()[0, 0]))
    got = pixels(rgb)
    assert got[0, 0].tolist() == [255] * 3
    assert got[5, 5].tolist() == photo()[5, 5].tolist()


@pytest.mark.parametrize(("depth", "levels"), [(1, 2), (2, 4), (4, 16)])
def test_shallow_grey_png_with_a_transparent_level(depth, levels):
    values = np.arange(16)[None].repeat(16, 0) % levels
    bits = ((values[..., None] >> np.arange(depth)[::-1]) & 1).reshape(16, -1).astype(np.uint8)
    rows = [np.packbits(row).tobytes() for row in bits]
    got = pixels(png(16, 16, depth, 0, rows, png_chunk(b"tRNS", struct.pack(">H", 1))))
    expected = np.where(values == 1, 255, values * 255 // (levels - 1))
    close(got[..., 0], expected, 0)


def test_16_bit_grey_is_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 32 * 24).reshape(24, 32).astype(np.uint16)
    expected = np.repeat(np.rint(ramp / 257)[..., None], 3, 2)
    for format in ("PNG", "TIFF"):
        close(pixels(encoded(Image.fromarray(ramp), format)), expected, 0)
    close(pixels(Image.frombytes("I;16B", (32, 24), ramp.astype(">u2").tobytes())), expected, 0)
    close(pixels(Image.fromarray(ramp.astype(np.int32))), expected, 0)
    close(pixels(b"P5 32 24 65535\n" + ramp.astype(">u2").tobytes()), expected, 0)
    dark = pixels(Image.fromarray((ramp // 64).astype(np.uint16)))
    assert dark.max() == 4  # a dark picture stays dark


def test_12_bit_grey_is_scaled():
    ramp = np.linspace(0, 4095, 256).astype(np.uint16).reshape(16, 16)
    first, second = ramp[:, ::2], ramp[:, 1::2]  # three bytes hold two values
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], 2).astype(np.uint8)
    tags = {256: 16, 257: 16, 258: 12, 259: 1, 262: 1, 273: 0, 277: 1, 278: 16, 279: packed.size}
    close(pixels(tiff(tags, packed.tobytes()))[..., 0], np.rint(ramp / 4095 * 255), 0)


def test_16_bit_grey_with_a_transparent_level():
    ramp = (np.arange(16 * 16).reshape(16, 16) * 256).astype(">u2")
    trns = png_chunk(b"tRNS", struct.pack(">H", 256))
    got = pixels(png(16, 16, 16, 0, [row.tobytes() for row in ramp], trns))
    assert got[0, 1].tolist() == [255] * 3
    assert got[0, 2].tolist() == [2] * 3


def test_16_bit_colour_is_scaled():
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


def test_32_bit_and_float_grey_are_scaled():
    unit = np.linspace(0, 1, 32 * 24, dtype=np.float32).reshape(24, 32)
    expected = np.repeat(np.rint(unit * 255)[..., None], 3, 2)
    close(pixels(encoded(Image.fromarray(unit), "TIFF")), expected)
    close(pixels(Image.fromarray(unit * 0.5)), np.rint(expected / 2))
    close(pixels(encoded(Image.fromarray(unit * 3000 - 1000), "TIFF")), expected)
    close(pixels(Image.fromarray((unit * 2e9).astype(np.int32))), expected)
    close(pixels(Image.fromarray(np.full((9, 9), 128, np.float32))), np.full((9, 9, 3), 128), 0)
    refused(Image.fromarray(np.where(unit > 0.5, np.nan, unit).astype(np.float32)), "not finite")


def test_cmyk_ycbcr_lab_hsv_grey_and_bits():
    picture = Image.fromarray(photo())
    inks = picture.convert("CMYK")
    close(pixels(encoded(inks, "TIFF")), photo(), 1)
    close(pixels(encoded(inks, "JPEG", quality=100)), photo(), 16)
    close(pixels(picture.convert("YCbCr")), photo(), 3)
    close(pixels(picture.convert("HSV")), photo(), 8)
    lab = ImageCms.profileToProfile(
        picture, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert np.abs(pixels(encoded(lab, "TIFF")) - photo()).mean() < 3
    grey = photo()[..., 0]
    close(pixels(encoded(Image.fromarray(grey), "PNG")), np.repeat(grey[..., None], 3, 2), 0)
    bits = grey > 128
    close(pixels(encoded(Image.fromarray(bits), "PNG")), np.repeat(bits[..., None], 3, 2) * 255, 0)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_animation_gives_its_first_frame(format):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if format == "WEBP" else {}
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:], **options)
    close(pixels(data), np.tile([255, 0, 0], (16, 16, 1)), 0)


def wide_gamut_profile():
    """A matrix profile of Display P3's primaries and a plain gamma of 2.2, written by hand."""

    def s15(*values):
        return b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    columns = {b"rXYZ": (0.5151, 0.2412, -0.0011), b"gXYZ": (0.2920, 0.6922, 0.0419), b"bXYZ": (0.1571, 0.0666, 0.7841)}
    tags = {key: b"XYZ " + bytes(4) + s15(*value) for key, value in columns.items()}
    tags[b"wtpt"] = b"XYZ " + bytes(4) + s15(0.9642, 1.0, 0.8249)
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(2.2 * 256)) + bytes(2)
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    tags[b"desc"] = b"desc" + bytes(4) + struct.pack(">I", 3) + b"P3\0" + bytes(79)
    tags[b"cprt"] = b"text" + bytes(4) + b"none"
    table, body = struct.pack(">I", len(tags)), b""
    for key, value in tags.items():
        value += bytes(-len(value) % 4)
        table += key + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(value))
        body += value
    head = bytes(8) + struct.pack(">I", 0x02400000) + b"mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    head = (head + s15(0.9642, 1.0, 0.8249)).ljust(128, b"\0")
    profile = head + table + body
    return struct.pack(">I", len(profile)) + profile[4:]


def test_a_colour_profile_is_converted_to_srgb():
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


def test_an_srgb_profile_changes_nothing_and_a_broken_or_foreign_one_is_ignored():
    picture = Image.fromarray(photo())
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    close(pixels(encoded(picture, "PNG", icc_profile=srgb)), photo())
    for broken in (b"no profile at all", wide_gamut_profile()[:200], bytes(200)):
        close(pixels(encoded(picture, "PNG", icc_profile=broken)), photo(), 0)
    grey = picture.convert("L")
    close(pixels(encoded(grey, "PNG", icc_profile=srgb))[..., 0], np.asarray(grey), 0)


# --- arrays -------------------------------------------------------------------------------------------------------


def test_arrays_of_every_accepted_kind():
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


def test_arrays_that_are_refused():
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


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"hello", b"%PDF-1.7 ...", b"PK\3\4" + bytes(60), bytes(500), os.urandom(64)])
def test_what_is_no_picture(content, tmp_path):
    path = tmp_path / "cat.png"
    path.write_bytes(b"x" + content)
    refused(path, "'cat.png'", "PNG")


def test_formats_that_could_run_a_program_or_hold_one_are_not_even_tried():
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
def test_svg_says_export_as_png(svg, tmp_path):
    for encoding in ("utf-8", "utf-16"):
        path = tmp_path / "drawing.png"
        path.write_text(svg, encoding=encoding)
        refused(path, "'drawing.png'", "SVG", "PNG")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM"])
def test_a_file_cut_short(format, tmp_path):
    whole = encoded(Image.fromarray(photo(64, 64)), format)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    for share in (0.1, 0.5, 0.9):
        path = tmp_path / "half.bin"
        path.write_bytes(whole[: int(len(whole) * share)])
        refused(path, "'half.bin'", "damaged or cut short")


def test_compressed_tiff_cut_short():
    whole = encoded(Image.fromarray(photo(64, 64)), "TIFF", compression="tiff_adobe_deflate")
    refused(whole[: len(whole) // 2], "damaged or cut short")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM"])
def test_flipped_bytes_give_a_picture_or_a_picture_error_and_nothing_else(format):
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


def test_nothing_missing_empty_or_of_another_kind(tmp_path):
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
def test_urls_are_never_opened(url, monkeypatch):
    monkeypatch.setattr(os, "stat", lambda *args, **options: pytest.fail("looked at the file system"))
    refused(url, "download it first")


def test_folders_devices_and_pipes(tmp_path):
    refused(tmp_path, "folder", repr(tmp_path.name))
    refused(f"{tmp_path}/", "folder", repr(tmp_path.name))
    refused("/dev/zero", "device")
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    refused(pipe, "pipe")


@contextmanager
def plain_user():
    """Nobody's rights for a while where the tests run as root, whom no permission stops."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder():
    """A folder that another user may enter, as pytest's own temporary folders are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_file_that_may_not_be_read(open_folder):
    path = open_folder / "secret.png"
    path.write_bytes(encoded(Image.fromarray(photo()), "PNG"))
    with plain_user():
        load_picture(path)
    path.chmod(0)
    with plain_user():
        refused(path, "'secret.png'", "may not be read")


def test_a_file_name_cannot_break_the_sentence(tmp_path):
    path = tmp_path / ("two\nlines\x1b[31m" + "x" * 200)
    path.write_bytes(b"nothing")
    assert len(refused(path, "is no picture")) < 300


def test_144_megapixels_in_17_kilobytes_are_refused_from_the_header(monkeypatch):
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
def test_bombs_in_other_formats(monkeypatch, pillows_own_guard):
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


def test_pictures_and_files_above_the_limits(monkeypatch, tmp_path):
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


def test_the_pixel_limit_can_be_set_from_outside(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", MAX_PIXELS)  # restored at the end
    monkeypatch.setenv("PLAYGROUND_MAX_PIXELS", "1234567")
    assert runpy.run_path(images.__file__)["MAX_PIXELS"] == 1_234_567
    assert Image.MAX_IMAGE_PIXELS == 1_234_567  # neither less, which would refuse, nor more, which would not guard
    for nonsense in ("", "many", "-5", "0", "1e6"):
        monkeypatch.setenv("PLAYGROUND_MAX_PIXELS", nonsense)
        assert runpy.run_path(images.__file__)["MAX_PIXELS"] == 50_000_000


def test_strips_and_single_pixels():
    assert load_picture(Image.new("RGB", (MAX_ASPECT * 10, 10))).size == (160, 10)
    refused(Image.new("RGB", (MAX_ASPECT * 10 + 1, 10)), "161×10", "crop")
    refused(Image.new("RGB", (10, MAX_ASPECT * 10 + 1)), "10×161", "crop")
    assert load_picture(Image.new("RGB", (MIN_SIDE, MIN_SIDE))).size == (8, 8)
    refused(Image.new("RGB", (MIN_SIDE - 1, MIN_SIDE)), "at least 8 pixels")
    refused(encoded(Image.new("RGB", (1, 1)), "PNG"), "1×1")


@pytest.mark.parametrize(
    "failure", [MemoryError(), RecursionError(), KeyError("tag"), struct.error("short"), OSError()]
)
def test_whatever_a_decoder_raises_becomes_a_picture_error(failure, monkeypatch):
    def fail(self):
        raise failure

    data = encoded(Image.fromarray(photo()), "PNG")
    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    refused(data, "memory" if isinstance(failure, MemoryError) else "damaged")


def test_a_closed_picture_is_refused(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(photo()).save(path)
    with Image.open(path) as picture:
        pass
    refused(picture, "The style picture", name="the style picture")


def test_the_error_is_the_users_and_names_role_and_file(tmp_path):
    assert issubclass(PictureError, PlaygroundError)
    text = refused(tmp_path / "gone.png", name="the content picture")
    assert text.startswith("The content picture 'gone.png' ")


def test_a_refusal_is_one_line_on_the_terminal(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb_png(9_000))  # between once and twice Pillow's limit, where it warns of its own accord
    code = "import sys; from playground.images.load import load_picture; load_picture(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "81 megapixels" in done.stderr.splitlines()[-1]
    assert "Warning" not in done.stderr


# --- sizes and tensors --------------------------------------------------------------------------------------------


@given(width=st.integers(1, 20_000), height=st.integers(1, 20_000), long_side=st.integers(MIN_SIDE, 4096))
def test_fit_size_keeps_the_aspect_to_the_pixel(width, height, long_side):
    fitted = fit_size(width, height, long_side)
    assert max(fitted) == long_side
    assert min(fitted) >= MIN_SIDE
    assert fit_size(height, width, long_side) == fitted[::-1]
    short, expected = (fitted[1], height / width) if width >= height else (fitted[0], width / height)
    assert abs(short - expected * long_side) <= 0.5 or short == MIN_SIDE


def test_fit_size_examples():
    assert fit_size(512, 512, 256) == (256, 256)
    assert fit_size(640, 427, 384) == (384, 256)
    assert fit_size(1600, 100, 64) == (64, MIN_SIDE)
    assert fit_size(100, 50, 2048) == (2048, 1024)
    for wrong in ((0, 5, 64), (5, -1, 64), (5, 5, MIN_SIDE - 1)):
        with pytest.raises(ValueError, match="cannot fit"):
            fit_size(*wrong)


def test_resize_picture_both_ways():
    y, x = np.mgrid[0:64, 0:96]
    ramp = np.dstack([x * 2, y * 3, x + y]).astype(np.uint8)
    picture = Image.fromarray(ramp)
    small = resize_picture(picture, 48)
    assert small.size == (48, 32)
    close(np.asarray(small).astype(int)[2:-2, 2:-2], ramp.reshape(32, 2, 48, 2, 3).mean((1, 3))[2:-2, 2:-2], 1)
    large = resize_picture(resize_picture(picture, 24), 96)
    assert large.size == (96, 64)
    close(np.asarray(large).astype(int)[12:-12, 12:-12], ramp[12:-12, 12:-12], 2)
    np.testing.assert_array_equal(np.asarray(resize_picture(picture, 96)), ramp)


def test_shrinking_does_not_alias():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    small = np.asarray(resize_picture(Image.fromarray(stripes), 16)).astype(int)
    assert np.abs(small[:, 2:-2] - 128).max() <= 2


@settings(max_examples=30)
@given(height=st.integers(1, 12), width=st.integers(1, 12), seed=st.integers(0, 1000))
def test_tensor_and_back_gives_the_same_bytes(height, width, seed):
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    tensor = to_tensor(Image.fromarray(values))
    assert tensor.shape == (1, 3, height, width)
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous()
    np.testing.assert_array_equal(to_array(tensor), values)
    np.testing.assert_array_equal(np.asarray(to_picture(tensor[0])), values)


def test_to_tensor_is_rgb_in_the_unit_range():
    tensor = to_tensor(Image.fromarray(np.array([[[255, 0, 51]]], np.uint8)))
    torch.testing.assert_close(tensor[0, :, 0, 0], torch.tensor([1.0, 0.0, 0.2]))


def test_to_array_clamps_and_rounds():
    row = torch.tensor([-3.0, 0.0, 0.4 / 255, 0.6 / 255, 1.0, 7.0])
    assert to_array(row.expand(3, 1, 6))[0, :, 1].tolist() == [0, 0, 0, 1, 255, 255]
    half = torch.rand(1, 3, 5, 7, dtype=torch.float16, requires_grad=True)
    assert to_array(half).shape == (5, 7, 3)
    assert to_array(half).flags["C_CONTIGUOUS"]
    for shape in ((2, 3, 8, 8), (8, 8, 3), (8, 8), (1, 4, 8, 8)):
        with pytest.raises(ValueError, match="expected"):
            to_array(torch.zeros(shape))


# --- colours ------------------------------------------------------------------------------------------------------

LUMA = np.array([0.299, 0.587, 0.114])


def random_picture(seed, size=(24, 32)):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype(np.uint8))


def test_keep_colours_has_the_results_luminance_and_the_contents_hue():
    result, content = random_picture(1), random_picture(2)
    mixed = np.asarray(keep_colours(result, content)).astype(float)
    luma = np.asarray(result) @ LUMA
    assert np.abs(mixed @ LUMA - luma).max() <= 1  # also where the colours had to fade to fit
    chroma = mixed - (mixed @ LUMA)[..., None]
    wanted = np.asarray(content) - (np.asarray(content) @ LUMA)[..., None]
    cosine = (chroma * wanted).sum(2) / np.maximum(np.linalg.norm(chroma, axis=2) * np.linalg.norm(wanted, axis=2), 1)
    clear = np.linalg.norm(chroma, axis=2) > 20
    assert clear.sum() > 300
    assert cosine[clear].min() > 0.995


def test_keep_colours_is_exact_where_the_colours_fit():
    content = Image.fromarray((photo() // 2 + 60).astype(np.uint8))
    brighter = Image.fromarray((photo() // 2 + 80).astype(np.uint8))
    close(np.asarray(keep_colours(brighter, content)).astype(int), np.asarray(content).astype(int) + 20)
    close(np.asarray(keep_colours(content, content)).astype(int), np.asarray(content), 0)


def test_keep_colours_at_the_extremes():
    red = Image.new("RGB", (16, 16), (255, 0, 0))
    for level in (0, 255):
        flat = Image.new("RGB", (16, 16), (level,) * 3)
        assert (np.asarray(keep_colours(flat, red)) == level).all()
        assert (np.asarray(keep_colours(flat, flat)) == level).all()
    grey_photo = keep_colours(random_picture(3), random_picture(4).convert("L"))
    assert np.ptp(np.asarray(grey_photo).astype(int), axis=2).max() == 0


def test_keep_colours_works_at_the_results_size():
    assert keep_colours(random_picture(1, (24, 32)), random_picture(2, (48, 64))).size == (32, 24)


def test_match_colours_gives_the_contents_mean_and_covariance():
    rng = np.random.default_rng(5)
    mixing = np.array([[0.06, 0.02, 0.0], [0.01, 0.05, 0.02], [0.02, 0.0, 0.07]])
    style = (rng.normal(size=(60, 80, 3)) @ mixing + [0.6, 0.4, 0.5]).clip(0, 1)
    content = (rng.normal(size=(50, 40, 3)) @ mixing.T[::-1] * 1.4 + [0.3, 0.5, 0.6]).clip(0, 1)
    pictures = [Image.fromarray(np.rint(values * 255).astype(np.uint8)) for values in (style, content)]
    matched = match_colours(*pictures)
    assert matched.size == (80, 60)
    got, want = (np.asarray(p).reshape(-1, 3) / 255 for p in (matched, pictures[1]))
    np.testing.assert_allclose(got.mean(0), want.mean(0), atol=0.003)
    np.testing.assert_allclose(np.cov(got.T), np.cov(want.T), atol=3e-4)
    assert np.abs(np.cov(want.T) - np.cov(np.asarray(pictures[0]).reshape(-1, 3).T / 255)).max() > 1e-3


def test_match_colours_with_a_flat_picture():
    flat = Image.new("RGB", (16, 16), (200, 30, 30))
    painted = np.asarray(match_colours(flat, random_picture(6))).astype(int)
    close(painted, np.tile(np.asarray(random_picture(6)).mean((0, 1)).round(), (16, 16, 1)))
    close(np.asarray(match_colours(random_picture(6), flat)).astype(int), np.tile([200, 30, 30], (24, 32, 1)), 3)


# --- writing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".PNG", ".JPG"])
def test_a_saved_picture_holds_its_recipe(suffix, tmp_path):
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
def test_without_a_recipe_there_is_none(format):
    data = encode_picture(Image.fromarray(photo()), format)
    assert read_recipe_text(data) is None
    assert encode_picture(Image.fromarray(photo()), format) == data


def test_other_pictures_hold_no_recipe():
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[0x9286] = b"ASCII\0\0\0holiday"
    picture = Image.fromarray(photo())
    for data in (encoded(picture, "GIF"), encoded(picture, "TIFF"), encoded(picture, "JPEG", exif=exif)):
        assert read_recipe_text(data) is None
    assert read_recipe_text(encoded(picture, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff\1")) is None
    assert read_recipe_text(picture) is None


def test_reading_a_recipe_decodes_no_pixels(monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    for format in ("png", "jpeg", "webp"):
        for recipe in (RECIPE, None):
            assert read_recipe_text(encode_picture(Image.fromarray(photo()), format, recipe)) == recipe


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_long_recipes(format):
    picture = Image.fromarray(photo())
    journal = (
        "[" + ",".join(f'{{"evaluation": {i}, "key": "style_weight", "value": {i / 7}}}' for i in range(4000)) + "]"
    )
    assert 200_000 < len(journal) < MAX_RECIPE_BYTES
    assert read_recipe_text(encode_picture(picture, format, journal)) == journal
    with pytest.raises(PictureError, match="longer than a megabyte"):
        encode_picture(picture, format, "x" * (MAX_RECIPE_BYTES + 1))


def test_a_recipe_that_does_not_fit_into_jpeg_says_png():
    noise = os.urandom(100_000).hex()
    with pytest.raises(PictureError, match="save it as PNG"):
        encode_picture(Image.fromarray(photo()), "jpeg", noise)


def test_recipe_texts_made_to_hurt():
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


def test_only_the_recipe_is_written():
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "somebody"
    icc = wide_gamut_profile()
    source = Image.open(io.BytesIO(encoded(Image.fromarray(photo()), "PNG", exif=exif, icc_profile=icc)))
    for format in ("png", "jpeg", "webp"):
        with Image.open(io.BytesIO(encode_picture(source, format))) as written:
            assert not written.getexif()
            assert "icc_profile" not in written.info
    assert source.mode == "RGB"


def test_quality_and_format_of_encoding():
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


def test_jpeg_keeps_fine_colour():
    with Image.open(io.BytesIO(encode_picture(Image.fromarray(photo()), "jpeg"))) as picture:
        assert {layer[1:3] for layer in picture.layer} == {(1, 1)}


def check_refused(path, *words):
    with pytest.raises(PictureError) as caught:
        check_output_path(path)
    with pytest.raises(PictureError):
        save_picture(Image.fromarray(photo()), path)
    for word in words:
        assert word in str(caught.value)


def test_output_paths_that_are_refused(tmp_path):
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


def test_output_folder_or_file_without_permission(open_folder):
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


def test_checking_a_path_leaves_nothing_behind_and_harms_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_output_path("new.png")
    check_output_path(tmp_path / "new.JPEG")
    assert os.listdir(tmp_path) == []
    (tmp_path / "old.png").write_bytes(b"old")
    check_output_path("old.png")
    assert (tmp_path / "old.png").read_bytes() == b"old"


def test_what_a_kill_left_of_a_file_with_one_writer_is_gone_after_the_next_time(tmp_path):
    target = tmp_path / "grid.png"
    with whole_file(target, sole=True) as unfinished:
        unfinished.write_bytes(b"whole")
    unfinished.write_bytes(b"half of a picture")
    save_picture(Image.fromarray(photo()), target, sole=True)
    assert [path.name for path in tmp_path.iterdir()] == ["grid.png"]


def test_saving_replaces_a_file_and_follows_the_umask(tmp_path):
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
def test_a_failed_save_leaves_the_old_file_and_nothing_else(step, failure, tmp_path, monkeypatch):
    path = tmp_path / "out.png"
    path.write_bytes(b"old")

    def fail(*args):
        raise failure

    monkeypatch.setattr(os, step, fail)
    expected = PictureError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected, match="No space left" if expected is PictureError else None):
        save_picture(Image.fromarray(photo()), path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out.png"]
