"""Any file becomes a clean RGB picture, or is refused in one sentence.

The page, the API and the command line all come through `load_picture`, so every one of them accepts the same files and
refuses the rest in the same words. Content decides, never a name; it knows nothing of networks.
"""

from __future__ import annotations

import io
import os
import re
import stat
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from playground.errors import PictureError
from playground.images.clean import NOT_FINITE, clean, decoding_megabytes, kept_megabytes, to_8_bits
from playground.images.recipe_text import MAX_RECIPE_BYTES, PNG_KEY, recipe_in_exif
from playground.recipe.picture_limits import MAX_ASPECT, MAX_FILE_BYTES, MAX_PIXELS, MIN_SIDE
from playground.system.background import in_background
from playground.system.memory_room import Crowded, Room

PictureSource = str | os.PathLike | bytes | Image.Image | np.ndarray

DECODING_MB = 512.0
DECODING = Room(DECODING_MB)
"""The memory that all pictures together may take while they are decoded; a larger one is decoded alone."""
_ROOM_IS_TAKEN: ContextVar[bool] = ContextVar("room is taken", default=False)

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
"""What is decoded, told by content. No format here runs a program, as EPS does, or fetches anything, as SVG may."""

# Pillow's own guard covers what only shows while decoding, and the decoders of the page's components.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
# What Pillow warns of is refused or mended below, and a command line that fails owes its user one line, not two.
warnings.filterwarnings("ignore", module=r"PIL\.")

CROWDED = "{} waits for others that are being read: try again in a minute."

_URL = re.compile(r"\s*([a-z][a-z0-9+.-]+:/|(data|blob|file|javascript|about):)", re.IGNORECASE)
_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"GIF8")


def load_picture(source: PictureSource, *, name: str = "the picture", most: int | None = None) -> Image.Image:
    """Any picture as a clean one: mode RGB, sRGB, upright, opaque, 8 bits a channel and no metadata.

    `source` is a path, a file's bytes, a PIL image or an array (H×W or H×W×1/3/4; uint8, uint16, or float in [0, 1]).
    The format is told by content, never by name. EXIF orientation is applied; transparency is laid on white; deep
    greys are scaled, not clipped; a valid colour profile is converted to sRGB; an animation gives its first frame.
    A float or 32-bit grey file beyond [0, 1] or 16 bits has no agreed white and is stretched from its own minimum
    to its maximum. `name` is what the picture is called in an error. A picture of more than `most` pixels is scaled down
    to that as soon as it is decoded, a JPEG partly while it is.

    However many ask at once, only so many are decoded at a time as fit into `DECODING`; the others wait.

    Raises PictureError for anything that is no picture, is damaged, too large, too small or too thin, and for paths
    that are no readable file; URLs are never opened.
    """
    with _opened(source, name) as picture:
        label = _label(source, name)
        _check_shape(picture.size, label)
        with nullcontext() if _ROOM_IS_TAKEN.get() else DECODING.take(decoding_megabytes(picture, most)):
            if most is None or picture.width * picture.height <= most:
                return clean(picture, label, most)
            # Seconds of work for what nobody can use in full: it leaves the processor to those who paint.
            return in_background(lambda: clean(picture, label, most))


@contextmanager
def room_for(sources: Sequence[PictureSource], *, most: int | None = None) -> Iterator[None]:
    """The room for several pictures at once, which `load_picture` reads one after the other inside the block.

    Whoever waits for the room of a second picture would hold the first meanwhile, and nobody counts that.

    Raises:
        PictureError: there is no room in time.
    """
    held = peak = 0.0
    for source in sources:
        with suppress(PictureError), _opened(source, "the picture") as picture:  # else `load_picture` says what it is
            peak = max(peak, held + decoding_megabytes(picture, most))
            held += kept_megabytes(picture, most)
    with room_of(peak, "The picture"):
        yield


@contextmanager
def room_of(megabytes: float, label: str) -> Iterator[None]:
    """So much of the room, in MiB, for what is decoded inside the block; `load_picture` takes none of its own there.

    Raises:
        PictureError: there is no room in time.
    """
    try:
        with DECODING.take(megabytes):
            taken = _ROOM_IS_TAKEN.set(True)
            try:
                yield
            finally:
                _ROOM_IS_TAKEN.reset(taken)
    except Crowded as error:
        raise PictureError(CROWDED.format(label)) from error


def read_recipe_text(source: str | os.PathLike | bytes | Image.Image) -> str | None:
    """The recipe text that `save_picture` put into a picture, or None; only the header is read, never the pixels.

    Raises PictureError where the source is no picture, or holds a text longer than `MAX_RECIPE_BYTES`.
    """
    with _opened(source, "the picture") as picture:
        text = picture.info.get(PNG_KEY)
        raw = text.encode("utf-8", "replace") if isinstance(text, str) else recipe_in_exif(picture)
        if raw is None:
            return None
        if len(raw) > MAX_RECIPE_BYTES:
            raise PictureError("The recipe inside the picture is too long to be one of the playground's: use another.")
        return raw.decode("utf-8", "replace")


@contextmanager
def _opened(source: PictureSource, name: str) -> Iterator[Image.Image]:
    """The picture with only its header read; whatever goes wrong while it is open becomes a PictureError."""
    label = _label(source, name)
    try:
        if isinstance(source, Image.Image):
            _check_pixels(source, label)
            yield source
        elif isinstance(source, np.ndarray):
            yield _picture_from_array(source, label)
        else:
            with _stream(source, label) as stream, _identify(stream, label) as picture:
                _check_pixels(picture, label)
                yield picture
    except PictureError:
        raise
    except Crowded as error:
        raise PictureError(CROWDED.format(label)) from error
    except Image.DecompressionBombError as error:
        raise PictureError(f"{label} unpacks to more than {_megapixels(MAX_PIXELS)}: make it smaller first.") from error
    except MemoryError as error:
        raise PictureError(f"{label} needs more memory than is free: make it smaller first.") from error
    except Exception as error:  # a decoder that meets hostile bytes may raise anything
        raise PictureError(f"{label} is damaged or cut short: save or download it again.") from error


def _stream(source: PictureSource, label: str) -> BinaryIO:
    """A seekable stream on a file's content, once it is known to be a regular file of a bearable size."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        _check_bytes(len(source), label)
        return io.BytesIO(source)
    if source is None:
        raise PictureError(f"{label} is missing: choose one.")
    if not isinstance(source, (str, os.PathLike)):
        raise PictureError(f"{label} cannot be read from a {type(source).__name__}: give a file, an image or an array.")
    path = os.fsdecode(source)
    if _URL.match(path):
        raise PictureError(f"{label} is a web address, which is never opened: download it first and give the file.")
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise PictureError(f"{label} is a folder: give a file inside it.")
        if not stat.S_ISREG(status.st_mode):  # reading a device or a pipe may never end
            raise PictureError(f"{label} is a device or a pipe, not a file: save the picture to a file first.")
        _check_bytes(status.st_size, label)
        return open(path, "rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PictureError(f"{label} does not exist at {path!r}: check the path.") from error
    except PermissionError as error:
        raise PictureError(f"{label} may not be read: give yourself permission to read the file.") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        raise PictureError(f"{label} cannot be opened: check the path and the disk it is on.") from error


def _identify(stream: BinaryIO, label: str) -> Image.Image:
    try:
        return Image.open(stream, formats=FORMATS)
    except UnidentifiedImageError as error:
        stream.seek(0)
        head = stream.read(4096)
        if b"<svg" in head.replace(b"\0", b"").lower():
            raise PictureError(f"{label} is an SVG drawing, which has no pixels: export it as PNG first.") from error
        if head.startswith(_MAGIC):
            raise PictureError(f"{label} is damaged or cut short: save or download it again.") from error
        raise PictureError(
            f"{label} is no picture, or not one in a format that is read here (PNG, JPEG, WebP, TIFF, BMP, GIF, PPM): "
            "export it as PNG or JPEG."
        ) from error


def _label(source: object, name: str) -> str:
    """How an error speaks of the picture: its role and, where it has one, its file's name, on one line."""
    label = name[:1].upper() + name[1:]
    if isinstance(source, (str, os.PathLike)):
        path = os.fsdecode(source)
        label += f" {(os.path.basename(path.rstrip('/')) or path)[:80]!r}"
    return label


def _megapixels(pixels: int) -> str:
    return f"{pixels / 1e6:.3g} megapixels"


def _check_bytes(size: int, label: str) -> None:
    if size == 0:
        raise PictureError(f"{label} is empty: save or download it again.")
    if size > MAX_FILE_BYTES:
        raise PictureError(f"{label} is larger than {MAX_FILE_BYTES / 2**20:.0f} MB: make it smaller first.")


def _check_pixels(picture: Image.Image, label: str) -> None:
    width, height = picture.size
    pixels = width * height
    if picture.format == "TIFF":  # one tile is decoded whole, however little of it the picture shows
        tags = picture.tag_v2  # type: ignore[attr-defined]
        pixels = max(pixels, int(tags.get(322, 0)) * int(tags.get(323, 0)))
    if pixels > MAX_PIXELS:
        raise PictureError(
            f"{label} has {_megapixels(pixels)} and at most {_megapixels(MAX_PIXELS)} are read: make it smaller first."
        )


def _check_shape(size: tuple[int, int], label: str) -> None:
    width, height = size
    if min(size) < MIN_SIDE:
        raise PictureError(
            f"{label} is {width}×{height} pixels: choose one with at least {MIN_SIDE} pixels on each side."
        )
    if max(size) > MAX_ASPECT * min(size):
        raise PictureError(f"{label} is a strip of {width}×{height} pixels, longer than {MAX_ASPECT}:1: crop it first.")


def _picture_from_array(array: np.ndarray, label: str) -> Image.Image:
    """An H×W or H×W×1/3/4 array as a PIL image of 8 bits a channel."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise PictureError(f"{label} is an array of shape {array.shape}: give one of H×W or H×W×1, 3 or 4.")
    height, width = array.shape[:2]
    if height * width > MAX_PIXELS:
        raise PictureError(f"{label} has {_megapixels(height * width)}: make it smaller first.")
    if array.dtype == np.uint16:
        array = to_8_bits(array, 0, 65535)
    elif np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all():
            raise PictureError(NOT_FINITE.format(label))
        if array.min() < -1e-3 or array.max() > 1 + 1e-3:  # room for rounding, none for another scale
            raise PictureError(f"{label} holds floats outside [0, 1]: divide them by their white value first.")
        array = to_8_bits(array, 0, 1)
    elif array.dtype != np.uint8:
        raise PictureError(f"{label} is an array of {array.dtype}: give uint8, uint16, or floats in [0, 1].")
    return Image.fromarray(np.ascontiguousarray(array))
