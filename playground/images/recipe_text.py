"""Where a recipe's text stands inside a picture: in a text chunk of PNG, in EXIF's UserComment of JPEG and WebP.

Called by load.py and save.py. It does not know what a recipe is.
"""

from __future__ import annotations

import zlib
from contextlib import suppress

from PIL import ExifTags, Image

MAX_RECIPE_BYTES = 1_000_000
"""Longest recipe text that is written into or read from a picture, in UTF-8 bytes."""

PNG_KEY = "playground-recipe"
_USER_COMMENT = 0x9286  # EXIF's free text; its first eight bytes name an encoding, zeros for "not said"
_EXIF_PLAIN = bytes(8) + b"playground-recipe:"
_EXIF_PACKED = bytes(8) + b"playground-recipe-zlib:"
_EXIF_PLAIN_LIMIT = 60_000  # a JPEG segment ends at 65,533 bytes: longer recipes are packed


def recipe_in_exif(picture: Image.Image) -> bytes | None:
    """The recipe's UTF-8 bytes, cut off just above `MAX_RECIPE_BYTES`; None where EXIF holds none of ours."""
    if "exif" not in picture.info:  # asking further would decode the picture, since a PNG may hold EXIF at its end
        return None
    with suppress(Exception):  # a camera's odd EXIF block is no recipe
        comment = picture.getexif().get_ifd(ExifTags.IFD.Exif).get(_USER_COMMENT)
        if isinstance(comment, bytes) and comment.startswith(_EXIF_PLAIN):
            return comment[len(_EXIF_PLAIN) :]
        if isinstance(comment, bytes) and comment.startswith(_EXIF_PACKED):
            return zlib.decompressobj().decompress(comment[len(_EXIF_PACKED) :], MAX_RECIPE_BYTES + 1)
    return None


def exif_with(recipe: str) -> Image.Exif:
    """EXIF that holds a recipe and nothing else."""
    text = recipe.encode()
    packed = len(text) > _EXIF_PLAIN_LIMIT
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[_USER_COMMENT] = (
        _EXIF_PACKED + zlib.compress(text) if packed else _EXIF_PLAIN + text
    )
    return exif
