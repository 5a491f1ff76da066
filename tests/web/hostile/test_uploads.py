"""Files that are no pictures, and names that lead elsewhere: each is refused in words."""

from __future__ import annotations

import json
import os
import secrets
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from tests.helpers.images import encoded
from tests.web.hostile.target import (
    PICKLE,
    SMALL,
    WHOLE,
    Target,
    refused,
    zipped,
)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *more: bytes, pixels: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
HUGE = struct.pack("<HH", 65_535, 65_535)
TIFF = struct.pack("<HHII", 256, 4, 1, 2**31 - 1) + struct.pack("<HHII", 257, 4, 1, 2**31 - 1)
UNPACKED = zlib.compress(bytes(50_000_000), 1)
PICTURES: dict[str, bytes] = {
    **{f"{format} cut at {share:.0%}": data[: int(len(data) * share)]
       for format, data in WHOLE.items() for share in (0.02, 0.5) if (format, share) != ("GIF", 0.5)},
    "empty": b"",
    "one byte": b"\x89",
    "nought": bytes(1000),
    "noise": secrets.token_bytes(1000),
    "html": b"<html><script>alert(1)</script>",
    "svg": SVG,
    "svg with a byte order mark": b"\xef\xbb\xbf" + SVG,
    "pdf": b"%PDF-1.7\n1 0 obj",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n(/etc/passwd) run",
    "shell script": b"#!/bin/sh\nrm -rf /",
    "program": b"\x7fELF" + bytes(200),
    "pickle": PICKLE,
    "zip": zipped("a.png", WHOLE["PNG"]),
    "zip bomb": zipped("a.png", bytes(10_000_000)),
    "film": b"\x00\x00\x00\x20ftypisom" + bytes(200),
    "mvg": b"push graphic-context\nimage over 0,0 0,0 'url(http://127.0.0.1:9/)'\n",
    "xpm": b'/* XPM */\nstatic char *x[] = {"1000000 1000000 1 1"};',
    "png bomb, 3.6 gigapixels": png(60_000, 60_000, pixels=bytes(600_000)),
    "png with negative sides": png(0x7FFFFFFF, 0x7FFFFFFF),
    "png without a size": png(0, 0),
    "png with a text bomb alone": png(64, 64, chunk(b"zTXt", b"recipe\0\0" + UNPACKED)),
    "png with a profile bomb alone": png(64, 64, chunk(b"iCCP", b"x\0\0" + UNPACKED)),
    "gif bomb": b"GIF89a" + HUGE + b"\0\0\0,\0\0\0\0" + HUGE + b"\0\x02\0;",
    "bmp bomb": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 60, 0, 0, 54, 40, 2**30, 2**30, 1, 24, 0, 0, 0, 0, 0, 0),
    "tiff bomb": b"II*\0\x08\0\0\0\x02\0" + TIFF + bytes(4),
    "webp of nothing": b"RIFF\xff\xff\xff\xffWEBPVP8 \xff\xff\xff\xff",
    "strip, one pixel high": encoded(Image.new("RGB", (20_000, 1)), "PNG"),
    "one pixel wide": encoded(Image.new("RGB", (1, 5_000)), "PNG"),
}  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_what_is_no_picture(target: Target, name: str) -> None:
    picture = target.given(PICTURES[name], f"{name}.png")
    refused(target.stylize(picture, target.picture, "default", json.dumps(SMALL), False), "picture|file|px|size")


def test_a_picture_beyond_the_limit_is_not_even_kept(target: Target) -> None:
    assert target.upload(bytes(2_000_000)).status_code == 413


@pytest.mark.parametrize(
    "name",
    ["../../elsewhere/x.png", "..\\..\\x.png", "/etc/cron.d/x", "..", ".", "", "a\0b.png", "x" * 5000 + ".png",
     "\u202egnp.exe", "-rf", "~/x.png", "%2e%2e%2fx.png", "file:///x.png", "con", "a/b/c/d.png", "\n\r.png"],
)  # fmt: skip
def test_a_file_name_leads_nowhere(target: Target, name: str) -> None:
    answer = target.upload(target.png, name)
    if answer.status_code == 200:
        (uploads,) = (target.folder / "temporary").glob("playground-uploads-*")
        for path in answer.json():
            assert Path(os.path.realpath(path)).is_relative_to(uploads.resolve())
            assert os.path.realpath(path) == path
    else:
        refused(f"{answer.status_code} {answer.text}")
