"""Animated GIFs, read and written one frame after another: no more of one is in memory than its canvas.

What a GIF holds is read from its descriptors before anything is decoded. Pillow, which decodes, would enlarge the canvas for
a frame that reaches beyond it, however large. Called by feedforward/video.py.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from PIL import GifImagePlugin, Image

from playground.errors import PictureError
from playground.images.load import load_picture, room_of
from playground.recipe.picture_limits import MAX_PIXELS

GIF_BLOCKS = 2_000_000  # of at most 255 bytes, which a GIF's data come in
GIF_COMMENT_BLOCKS = 4000  # a megabyte; Pillow copies what it has of a comment for each block more
DECODING_BYTES = 21  # a pixel: the canvas, what a frame leaves behind, the frame in colours, and the clean picture
STRIP_MB = 48.0  # what cleaning a picture takes beside it


@dataclass(frozen=True)
class GifLayout:
    """What a GIF says that it holds.

    Attributes:
        size: width and height of its canvas in pixels: the screen, or the first frame where that is larger.
        frames: how many there are; those beyond the most that were asked for are not counted.
    """

    size: tuple[int, int]
    frames: int


def gif_moves(path: Path) -> bool:
    """Whether a file is a GIF of more than one frame."""
    try:
        with open(path, "rb") as stream:
            return len(list(islice(_corners(stream, path), 3))) == 3  # the screen, and two frames
    except (OSError, struct.error, ValueError, PictureError):
        return False


def gif_layout(path: Path, most: int | None = None) -> GifLayout:
    """Read what a GIF holds, decoding nothing.

    Args:
        most: frames that are counted; None counts all.

    Raises:
        PictureError: it is no GIF, has no frame, or one that reaches beyond its canvas, too large a canvas, too long a
            comment, or too many pieces.
    """
    frames, size = 0, (0, 0)
    try:
        with open(path, "rb") as stream:
            corners = _corners(stream, path)
            size = next(corners)
            for right, bottom in corners:
                frames += 1
                if frames == 1:
                    size = max(size[0], right), max(size[1], bottom)
                    if size[0] * size[1] > MAX_PIXELS:
                        raise PictureError(
                            f"The GIF {path.name!r} has frames of {size[0]}×{size[1]} pixels: make it smaller first."
                        )
                elif right > size[0] or bottom > size[1]:
                    raise _beyond(path)
                if frames == most:
                    break
    except (OSError, struct.error, ValueError) as error:
        raise _damaged(path) from error
    if frames == 0:
        raise _damaged(path)
    return GifLayout(size, frames)


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
                    raise _damaged(path) from error
                if gif.size != layout.size:
                    raise _beyond(path)
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

    def close(self) -> None:
        """Say that this was the last frame."""
        self._stream.write(b";")


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path, formats=["GIF"])
    except Exception as error:  # a decoder that meets hostile bytes may raise anything
        raise _damaged(path) from error


def _damaged(path: Path) -> PictureError:
    return PictureError(f"The GIF {path.name!r} is damaged or cut short: save or download it again.")


def _beyond(path: Path) -> PictureError:
    return PictureError(f"The GIF {path.name!r} has a frame that is larger than its canvas: export it again.")


def _corners(stream: BinaryIO, path: Path) -> Iterator[tuple[int, int]]:
    """Width and height of the screen, then how far to the right and down every frame reaches, from the bytes alone."""
    signature, width, height, flags = struct.unpack("<6sHHBxx", stream.read(13))
    if signature not in (b"GIF87a", b"GIF89a"):
        raise _damaged(path)
    yield width, height
    _skip_colours(stream, flags)
    blocks = comment = 0
    while (mark := stream.read(1)) and mark != b";":
        is_comment = False
        if mark == b"!":
            is_comment = stream.read(1) == b"\xfe"
        elif mark == b",":
            left, top, width, height, flags = struct.unpack("<4HB", stream.read(9))
            yield left + width, top + height
            _skip_colours(stream, flags)
            stream.read(1)  # how many bits a pixel's code has
        else:
            continue  # a stray byte, which decoders pass over
        while (length := stream.read(1)) and length != b"\0":
            stream.read(length[0])
            blocks += 1
            comment += is_comment
            if blocks > GIF_BLOCKS or comment > GIF_COMMENT_BLOCKS:
                raise PictureError(
                    f"The GIF {path.name!r} has too long a comment, or too many pieces: export it again."
                )


def _skip_colours(stream: BinaryIO, flags: int) -> None:
    """Pass over a table of colours, where there is one."""
    if flags & 0x80:
        stream.read(3 << (flags & 7) + 1)
