"""A result becomes a file with its recipe inside.

Called by the page, the API and the command line, so that all write the same files. It knows nothing of runs.
"""

from __future__ import annotations

import io
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from playground.errors import PictureError
from playground.images.clean import values_alone
from playground.images.recipe_text import MAX_RECIPE_BYTES, PNG_KEY, exif_with
from playground.system.files import whole_file

SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
"""What is written, by the suffix of the file's name."""


def check_output_path(path: str | os.PathLike) -> None:
    """Raise PictureError, before any work, where `save_picture` could not write to `path`; nothing is created."""
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise PictureError(f"The output {path.name!r} has no suffix that is written: end it in {', '.join(SUFFIXES)}.")
    try:
        if not path.parent.is_dir():
            raise PictureError(f"The output folder {str(path.parent)!r} does not exist: create it first.")
        with suppress(FileNotFoundError):
            mode = os.stat(path).st_mode
            if stat.S_ISDIR(mode):
                raise PictureError(f"The output {str(path)!r} is a folder: give a file's name.")
            if not stat.S_ISREG(mode):
                raise PictureError(f"The output {str(path)!r} is a device or a pipe: give a file's name.")
            with open(path, "ab"):  # a file that was made read-only is not replaced behind its owner's back
                pass
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except (OSError, ValueError) as error:
        raise PictureError(
            f"The output {str(path)!r} cannot be written: choose another folder or mend its permissions."
        ) from error


def save_picture(
    picture: Image.Image, path: str | os.PathLike, *, recipe: str | None = None, quality: int = 92, sole: bool = False,
    dpi: int | None = None,
) -> None:  # fmt: skip
    """Write the picture, with the recipe text inside, as PNG, JPEG or WebP by the suffix of `path`.

    The file appears whole or not at all: it is written beside its place and moved there. An existing file is
    replaced, a missing folder never created. `dpi` says how large it is on paper
    (PNG and JPEG). `sole`: nobody else writes this file (see `whole_file`).
    Raises PictureError where it cannot be written or encoded.
    """
    check_output_path(path)
    path = Path(path)
    data = encode_picture(picture, SUFFIXES[path.suffix.lower()], recipe, quality, dpi)
    try:
        with whole_file(path, sole=sole) as unfinished:
            unfinished.write_bytes(data)
    except OSError as error:
        raise PictureError(
            f"The output {str(path)!r} could not be written ({error.strerror}): free some space or choose another folder."
        ) from error


def encode_picture(
    picture: Image.Image, format: str, recipe: str | None = None, quality: int = 92, dpi: int | None = None
) -> bytes:
    """A PNG, JPEG or WebP file's bytes, with the recipe text inside and no other metadata.

    The recipe stands in PNG's text chunk "playground-recipe", in JPEG and WebP in EXIF's UserComment.
    `quality` (1 to 100) is for JPEG and WebP; PNG is exact.
    Raises PictureError for another format, a quality out of range, or what the format cannot hold.
    """
    format = SUFFIXES.get("." + format.lower(), "")
    if not format:
        raise PictureError("The format of a picture can only be png, jpeg or webp: choose one of these.")
    if not 1 <= quality <= 100:
        raise PictureError(f"The quality of a picture runs from 1 to 100, not {quality}: choose one in between.")
    if recipe is not None and len(recipe.encode("utf-8", "replace")) > MAX_RECIPE_BYTES:
        raise PictureError("The recipe is longer than a megabyte: save the picture without it.")
    clean = values_alone(picture.convert("RGB"))
    data = io.BytesIO()
    paper = {} if dpi is None or format == "WEBP" else {"dpi": (dpi, dpi)}
    try:
        if format == "PNG":
            texts = PngInfo()
            if recipe is not None:
                texts.add_itxt(PNG_KEY, recipe)
            clean.save(data, format, pnginfo=texts, **paper)
        else:
            exif = Image.Exif() if recipe is None else exif_with(recipe)
            # subsampling is JPEG's: brush strokes are fine in colour too
            clean.save(data, format, quality=quality, exif=exif, subsampling=0, **paper)
    except MemoryError as error:
        raise PictureError("The picture needs more memory to be saved than is free: make it smaller.") from error
    except Exception as error:
        raise PictureError(f"The picture or its recipe does not fit into a {format} file: save it as PNG.") from error
    return data.getvalue()
