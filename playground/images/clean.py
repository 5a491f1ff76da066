"""An open picture becomes its sRGB values alone: upright, opaque, 8 bits a channel, without metadata.

Called by load.py once a picture's size is known to be bearable, and by whoever needs values in 8 bits. It opens no file.
"""

from __future__ import annotations

import io
from contextlib import suppress

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps

from playground.errors import PlaygroundError

NOT_FINITE = "{} holds values that are not finite numbers: replace them first."


class PictureError(PlaygroundError):
    """A picture that cannot be read or written; its text says which one, why, and what to do."""


def to_8_bits(values: np.ndarray, black: float, white: float) -> np.ndarray:
    """Values from black to white as uint8; what lies beyond is clipped."""
    scaled = (values.astype(np.float32) - black) * (255 / (white - black))
    return np.rint(scaled.clip(0, 255)).astype(np.uint8)


def cleaned(picture: Image.Image, label: str) -> Image.Image:
    """Decode the picture, turn it upright, and rebuild it from its sRGB values alone."""
    raw_mode = _raw_mode(picture)
    picture.load()
    profile = picture.info.get("icc_profile")
    picture = _upright(picture)
    if picture.mode.startswith("I") or picture.mode == "F":
        colours, alpha = _deep_grey(picture, raw_mode, label)
    elif picture.has_transparency_data:
        colours, alpha = _without_alpha(picture, raw_mode)
    else:
        colours, alpha = picture, None
    rgb = _to_srgb(colours, profile)
    if alpha is not None:
        rgb = Image.composite(rgb, Image.new("RGB", rgb.size, "white"), alpha)
    return values_alone(rgb)


def values_alone(rgb: Image.Image) -> Image.Image:
    """A new picture with the same pixels: whatever else the old one carried (EXIF, profile, texts) stays behind."""
    clean = Image.new("RGB", rgb.size)
    clean.paste(rgb)
    return clean


def _raw_mode(picture: Image.Image) -> str:
    """Pillow's name for how the file stores its values ("RGB;16B"), known only before decoding, or ""."""
    for tile in getattr(picture, "tile", []):
        args = tile[3]
        first = args[0] if isinstance(args, tuple) and args else args
        if isinstance(first, str):
            return first
    return ""


def _upright(picture: Image.Image) -> Image.Image:
    try:
        if picture.getexif().get(ExifTags.Base.Orientation, 1) == 1:
            return picture
        return ImageOps.exif_transpose(picture)
    except MemoryError:
        raise
    except Exception:  # a broken EXIF block must not cost the photograph
        return picture


def _deep_grey(picture: Image.Image, raw_mode: str, label: str) -> tuple[Image.Image, Image.Image | None]:
    """A grey picture of 12, 16 or 32 bits or of floats, scaled to 8 bits, and its transparency if it has one."""
    values = np.asarray(picture)
    if not np.isfinite(values).all():
        raise PictureError(NOT_FINITE.format(label))
    low, high = float(values.min()), float(values.max())
    usual_white = 1 if picture.mode == "F" else 4095 if raw_mode == "I;12" else 65535
    black, white = (0.0, float(usual_white)) if low >= 0 and high <= usual_white else (low, high)
    if white == black:  # nothing to stretch: a flat picture of a level that nobody can name
        black, white = 0.0, max(255.0, abs(high))
    alpha = None
    transparent = picture.info.get("transparency")
    if isinstance(transparent, int):
        alpha = Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8))
    return Image.fromarray(to_8_bits(values, black, white)), alpha


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


def _to_srgb(colours: Image.Image, profile: bytes | None) -> Image.Image:
    """Mode RGB in sRGB: through the picture's own colour profile where it has one that is valid and fits its mode."""
    if colours.mode not in ("L", "RGB", "CMYK"):
        colours = colours.convert("RGB")
    if profile:
        with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            converted = ImageCms.profileToProfile(
                colours,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
            if converted is not None:
                return converted
    return colours if colours.mode == "RGB" else colours.convert("RGB")
