"""Animated GIFs, read and written one frame after another: no more of one is in memory than its canvas.

What a GIF holds is read by gif_layout.py first. Called by feedforward/video.py.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from PIL import GifImagePlugin, Image

from playground.images.gif_layout import GifLayout, beyond, damaged
from playground.images.load import load_picture, room_of

DECODING_BYTES = 21  # a pixel: the canvas, what a frame leaves behind, the frame in colours, and the clean picture
STRIP_MB = 48.0  # what cleaning a picture takes beside it


def gif_frames(path: Path, layout: GifLayout) -> Iterator[tuple[Image.Image, int]]:
    """Every frame as a clean picture of the canvas' size, with how long it is shown in milliseconds.

    Each is decoded when it is asked for, within the room of pictures.

    Raises:
        PictureError: it is damaged, or there was no room in time.
    """
    megabytes = layout.size[0] * layout.size[1] * DECODING_BYTES / 2**20 + STRIP_MB
    with _opened(path) as gif:
        for number in range(layout.frames):
            with room_of(megabytes, "The GIF"):
                try:
                    gif.seek(number)
                    if gif.size == layout.size:  # else it is not what was read above, and is not decoded
                        frame = gif.convert("RGBA")
                except Exception as error:  # a decoder that meets hostile bytes may raise anything
                    raise damaged(path) from error
                if gif.size != layout.size:
                    raise beyond(path)
                picture = load_picture(frame, name="the film")
                del frame
            yield picture, gif.info.get("duration", 100)


def gif_loops(path: Path) -> int | None:
    """How often a GIF is shown again, 0 for ever; None for not at all."""
    with _opened(path) as gif:
        return gif.info.get("loop")


class GifWriter:
    """Writes a GIF frame by frame, each with 256 colours of its own.

    Args:
        stream: what is written to; it stays open.
        size: width and height of every frame in pixels.
        loops: how often it is shown again, 0 for ever; None for not at all.
    """

    def __init__(self, stream: BinaryIO, size: tuple[int, int], loops: int | None) -> None:
        self._stream = stream
        stream.write(b"GIF89a" + struct.pack("<HHBBB", *size, 0x70, 0, 0))  # no palette for all frames together
        if loops is not None:
            stream.write(b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<HB", loops, 0))

    def write(self, frame: Image.Image, milliseconds: int) -> None:
        """Add a frame."""
        coloured = frame.convert("P", palette=Image.Palette.ADAPTIVE)
        pieces = GifImagePlugin.getdata(coloured, duration=milliseconds, include_color_table=True)
        self._stream.writelines(pieces)
        pieces.clear()  # else Pillow's class for it holds every frame that was written, until garbage is collected

    def close(self) -> None:
        """Say that this was the last frame."""
        self._stream.write(b";")


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path, formats=["GIF"])
    except Exception as error:  # a decoder that meets hostile bytes may raise anything
        raise damaged(path) from error
