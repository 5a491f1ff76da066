"""Small pictures, files written by hand, and what loading makes of them; used by the tests of images."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground.images.load import (
    PictureError,
    load_picture,
)

RECIPE = '{"preset": "default", "größe": 256, "note": "läuft ✓"}'


def photo(height: int = 24, width: int = 32) -> np.ndarray:
    """Smooth colours with a little texture, the same at every call."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    planes = [140 * x + 60 * y, 200 - 150 * x, 30 + 180 * y]
    return (np.stack(planes, 2) + rng.integers(0, 20, (height, width, 3))).astype(np.uint8)


def encoded(picture: Image.Image, format: str, **options: Any) -> bytes:
    data = io.BytesIO()
    picture.save(data, format, **options)
    return data.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int, colour_type: int, rows: list[bytes], *chunks: bytes) -> bytes:
    """A PNG written by hand, for what Pillow reads and does not write; `rows` are bytes without filter bytes."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [png_chunk(b"IHDR", head), *chunks, png_chunk(b"IDAT", body), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def bomb_png(side: int = 12_000) -> bytes:
    """A 1-bit PNG of 144 megapixels in 17 kB."""
    packer = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = [png_chunk(b"IHDR", head), png_chunk(b"IDAT", body), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def tiled_tiff(side: int, tile_side: int) -> bytes:
    place = {322: tile_side, 323: tile_side, 324: 0, 325: 64}
    return tiff({256: side, 257: side, 258: 8, 259: 8, 262: 1, 277: 1} | place, bytes(64))


def tiff(tags: dict[int, int], data: bytes) -> bytes:
    """A TIFF written by hand: its tags, then the data, which is where strips (273) or tiles (324) begin."""
    start = 8 + 2 + 12 * len(tags) + 4
    placed = [(tag, start if tag in (273, 324) else value) for tag, value in sorted(tags.items())]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in placed)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + data


def vast_webp(width: int, height: int) -> bytes:
    """An animated WebP whose canvas is vast and whose only frame is small."""
    frame = encoded(Image.new("RGB", (16, 16)), "WEBP", lossless=True)[12:]
    body = (
        b"VP8X" + struct.pack("<IB3x", 10, 2) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    )
    body += b"ANIM" + struct.pack("<I6x", 6)
    body += b"ANMF" + struct.pack("<I6x", 16 + len(frame)) + (15).to_bytes(3, "little") * 2 + bytes(4) + frame
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def pixels(source: Any) -> np.ndarray:
    picture = load_picture(source)
    assert picture.mode == "RGB"
    return np.asarray(picture).astype(int)


def close(got: np.ndarray, expected: Any, tolerance: int = 1) -> None:
    assert got.shape == np.asarray(expected).shape
    assert np.abs(got - np.asarray(expected, dtype=int)).max() <= tolerance


def refused(source: Any, *words: str, **options: Any) -> str:
    """Loading is refused in one sentence that holds every given word."""
    with pytest.raises(PictureError) as caught:
        load_picture(source, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    for word in words:
        assert word in text
    return text


def on_white(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None] / 255
    return np.rint(colours * share + 255 * (1 - share)).astype(int)


def wide_gamut_profile() -> bytes:
    """A matrix profile of Display P3's primaries and a plain gamma of 2.2, written by hand."""

    def s15(*values: float) -> bytes:
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


@contextmanager
def plain_user() -> Iterator[None]:
    """Nobody's rights for a while where the tests run as root, whom no permission stops."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
