"""What a GIF holds, read from its descriptors before anything is decoded: its canvas, and how many frames.

Pillow, which decodes, would enlarge the canvas for a frame that reaches beyond it, however large, and copy what it has of a
comment for each of its pieces. Called by load.py, gif.py and feedforward/video.py.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from playground.errors import PictureError
from playground.recipe.picture_limits import MAX_PIXELS

GIF_BLOCKS = 2_000_000  # of at most 255 bytes, which a GIF's data come in
GIF_COMMENT_BLOCKS = 4000  # a megabyte; Pillow copies what it has of a comment for each block more


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
            return len(list(islice(corners(stream, f"The GIF {path.name!r}"), 3))) == 3  # the screen, and two frames
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
            reach = corners(stream, f"The GIF {path.name!r}")
            size = next(reach)
            for right, bottom in reach:
                frames += 1
                if frames == 1:
                    size = max(size[0], right), max(size[1], bottom)
                    if size[0] * size[1] > MAX_PIXELS:
                        raise PictureError(
                            f"The GIF {path.name!r} has frames of {size[0]}×{size[1]} pixels: make it smaller first."
                        )
                elif right > size[0] or bottom > size[1]:
                    raise beyond(path)
                if frames == most:
                    break
    except (OSError, struct.error, ValueError) as error:
        raise damaged(path) from error
    if frames == 0:
        raise damaged(path)
    return GifLayout(size, frames)


def damaged(path: Path) -> PictureError:
    """What is said of a GIF that cannot be read."""
    return PictureError(f"The GIF {path.name!r} is damaged or cut short: save or download it again.")


def beyond(path: Path) -> PictureError:
    """What is said of a GIF that would grow while it is decoded."""
    return PictureError(f"The GIF {path.name!r} has a frame that is larger than its canvas: export it again.")


def corners(stream: BinaryIO, label: str) -> Iterator[tuple[int, int]]:
    """Width and height of the screen, then how far to the right and down every frame reaches, from the bytes alone.

    Args:
        label: what the file is called in an error.

    Raises:
        PictureError: too long a comment, or too many pieces.
        ValueError, struct.error: it is no GIF, or ends early.
    """
    signature, width, height, flags = struct.unpack("<6sHHBxx", stream.read(13))
    if signature not in (b"GIF87a", b"GIF89a"):
        raise ValueError(f"{label} is no GIF")
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
                raise PictureError(f"{label} has too long a comment, or too many pieces: export it again.")


def _skip_colours(stream: BinaryIO, flags: int) -> None:
    """Pass over a table of colours, where there is one."""
    if flags & 0x80:
        stream.read(3 << (flags & 7) + 1)
