"""From a file whose header is read to a clean RGB picture: decoded, scaled where it must be, and rebuilt in strips.

A picture is decoded whole, in whatever mode its file has, and everything after that is done to one strip at a time: the
deepest grey and the most transparent picture take no more memory than their own pixels and the result's. Called by load.py.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
from PIL import ExifTags, Image, ImageCms

from playground.errors import PictureError

NOT_FINITE = "{} holds values that are not finite numbers: replace them first."

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
_STRIP = 2_000_000  # pixels
_MARGIN = 4  # rows of the result around a strip that is scaled: more than Lanczos looks at
_DECODER_BYTES = {"WEBP": 12.5, "JPEG": 6.0}  # a pixel, while it decodes: what a progressive JPEG's coefficients take


def decoding_megabytes(picture: Image.Image, most: int | None) -> float:
    """What `clean` takes for a picture whose header is read, in MiB, at its worst moment."""
    pixels = picture.width * picture.height
    own = 1 if picture.mode in ("1", "L", "P") else 2 if picture.mode.startswith("I;16") else 4
    decoder = _DECODER_BYTES.get(picture.format or "", 0)
    result = 8 if "exif" in picture.info else 4  # turning it upright makes a copy
    after = min(pixels, most or pixels) * result + min(pixels, _STRIP) * 24
    return (pixels * own + max(pixels * decoder, after)) / 2**20


def kept_megabytes(picture: Image.Image, most: int | None) -> float:
    """What is left of it in memory when it is clean: Pillow keeps four bytes a pixel."""
    pixels = picture.width * picture.height
    return min(pixels, most or pixels) * 4 / 2**20


def clean(picture: Image.Image, label: str, most: int | None) -> Image.Image:
    """Decode a picture, scale it to at most `most` pixels, turn it upright, and rebuild it from its sRGB values alone.

    Raises:
        PictureError: its values are no numbers; whatever the decoder raises goes through.
    """
    if most is not None and picture.format == "JPEG":
        picture.draft(None, _fitting(picture.size, most))  # libjpeg halves while it decodes
    raw_mode = _raw_mode(picture)
    picture.load()
    deep = picture.mode.startswith("I") or picture.mode == "F"
    levels = _levels(picture, raw_mode, label) if deep else None
    srgb = _Srgb(picture.info.get("icc_profile"))
    size = _fitting(picture.size, most)
    result = Image.new("RGB", size)  # whatever else the picture carried (EXIF, profile, texts) stays behind
    for top, strip in _strips(picture, size, lambda part: _plain(part, raw_mode, levels, srgb)):
        result.paste(strip, (0, top))
    return _upright(picture, result)


def to_8_bits(values: np.ndarray, black: float, white: float) -> np.ndarray:
    """Values as uint8, `black` to 0 and `white` to 255; what is beyond is clipped."""
    scaled = (values.astype(np.float32) - black) * (255 / (white - black))
    return np.rint(scaled.clip(0, 255)).astype(np.uint8)


def values_alone(rgb: Image.Image) -> Image.Image:
    """A new picture with the same pixels: whatever else the old one carried (EXIF, profile, texts) stays behind."""
    alone = Image.new("RGB", rgb.size)
    alone.paste(rgb)
    return alone


def _fitting(size: tuple[int, int], most: int | None) -> tuple[int, int]:
    """The largest size of the same shape with at most `most` pixels; never a larger one than it is."""
    width, height = size
    if most is None or width * height <= most:
        return size
    scale = math.sqrt(most / (width * height))
    return max(1, int(width * scale)), max(1, int(height * scale))


def _strips(
    picture: Image.Image, size: tuple[int, int], plain: Callable[[Image.Image], Image.Image]
) -> Iterator[tuple[int, Image.Image]]:
    """The whole picture at `size` as RGB strips, each with the row that it begins at."""
    (width, height), (wide, high) = picture.size, size
    step, scale = max(1, _STRIP // width), height / high
    if size == picture.size:
        for top in range(0, height, step):
            yield top, plain(picture.crop((0, top, width, min(height, top + step))))
        return
    step = max(1, int(step / scale))
    for top in range(0, high, step):
        bottom = min(high, top + step)
        first, last = max(0, top - _MARGIN), min(high, bottom + _MARGIN)
        start = int(first * scale)
        part = plain(picture.crop((0, start, width, min(height, math.ceil(last * scale)))))
        box = (0, first * scale - start, width, min(part.height, last * scale - start))
        scaled = part.resize((wide, last - first), Image.Resampling.LANCZOS, box)
        yield top, scaled.crop((0, top - first, wide, bottom - first))


def _plain(part: Image.Image, raw_mode: str, levels: tuple[float, float] | None, srgb: _Srgb) -> Image.Image:
    """A strip as opaque sRGB."""
    if levels is not None:
        colours, alpha = _deep_grey(part, levels)
    elif part.has_transparency_data:
        colours, alpha = _without_alpha(part, raw_mode)
    else:
        colours, alpha = part, None
    rgb = srgb.of(colours)
    return rgb if alpha is None else Image.composite(rgb, Image.new("RGB", rgb.size, "white"), alpha)


def _raw_mode(picture: Image.Image) -> str:
    """Pillow's name for how the file stores its values ("RGB;16B"), known only before decoding, or ""."""
    for tile in getattr(picture, "tile", []):
        args = tile[3]
        first = args[0] if isinstance(args, tuple) and args else args
        if isinstance(first, str):
            return first
    return ""


def _upright(picture: Image.Image, result: Image.Image) -> Image.Image:
    """The result, turned as the picture's EXIF block asks."""
    try:
        turn = _TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except MemoryError:
        raise
    except Exception:  # a broken EXIF block must not cost the photograph
        return result
    return result if turn is None else result.transpose(turn)


def _levels(picture: Image.Image, raw_mode: str, label: str) -> tuple[float, float]:
    """The values of a deep grey picture, of 12, 16 or 32 bits or of floats, that become black and white."""
    low, high = math.inf, -math.inf
    step = max(1, _STRIP // picture.width)
    for top in range(0, picture.height, step):
        values = np.asarray(picture.crop((0, top, picture.width, min(picture.height, top + step))))
        if not np.isfinite(values).all():
            raise PictureError(NOT_FINITE.format(label))
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    usual_white = 1 if picture.mode == "F" else 4095 if raw_mode == "I;12" else 65535
    black, white = (0.0, float(usual_white)) if low >= 0 and high <= usual_white else (low, high)
    if white == black:  # nothing to stretch: a flat picture of a level that nobody can name
        black, white = 0.0, max(255.0, abs(high))
    return black, white


def _deep_grey(part: Image.Image, levels: tuple[float, float]) -> tuple[Image.Image, Image.Image | None]:
    """A deep grey strip scaled to 8 bits, and its transparency if it has one."""
    values = np.asarray(part)
    alpha = None
    transparent = part.info.get("transparency")
    if isinstance(transparent, int):
        alpha = Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8))
    return Image.fromarray(to_8_bits(values, *levels)), alpha


def _without_alpha(picture: Image.Image, raw_mode: str) -> tuple[Image.Image, Image.Image]:
    """The colours as RGB and the opacity as L."""
    transparent = picture.info.get("transparency")
    # PNG names its transparent colour in the file's depth, Pillow compares it with what it decoded to 8 bits.
    if isinstance(transparent, tuple) and raw_mode == "RGB;16B":
        picture = picture.copy()
        picture.info["transparency"] = tuple(value >> 8 for value in transparent)
    elif isinstance(transparent, int) and raw_mode in ("L;2", "L;4"):
        picture = picture.copy()
        picture.info["transparency"] = transparent * {"L;2": 85, "L;4": 17}[raw_mode]
    if picture.mode == "La":  # Pillow goes from premultiplied grey to RGBA only by way of LA
        picture = picture.convert("LA")
    rgba = picture.convert("RGBA")
    return rgba.convert("RGB"), rgba.getchannel("A")


class _Srgb:
    """Strips in sRGB, through the picture's own colour profile where it has one that is valid and fits their mode.

    Args:
        profile: as the file has it.
    """

    def __init__(self, profile: bytes | None) -> None:
        self._profile = profile
        self._transforms: dict[str, ImageCms.ImageCmsTransform | None] = {}

    def of(self, colours: Image.Image) -> Image.Image:
        """Mode RGB."""
        if colours.mode not in ("L", "RGB", "CMYK"):
            colours = colours.convert("RGB")
        if self._profile and (transform := self._transform(colours.mode)):
            with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
                converted = ImageCms.applyTransform(colours, transform)
                if converted is not None:
                    return converted
        return colours if colours.mode == "RGB" else colours.convert("RGB")

    def _transform(self, mode: str) -> ImageCms.ImageCmsTransform | None:
        if mode not in self._transforms:
            self._transforms[mode] = None
            with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
                profile = ImageCms.ImageCmsProfile(io.BytesIO(self._profile or b""))
                self._transforms[mode] = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
        return self._transforms[mode]
