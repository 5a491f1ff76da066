"""A picture as a data URL, an address that stands in the page itself, and so leaves no file behind.

Called wherever one is shown small.
"""

from __future__ import annotations

import base64
import io

from PIL import Image

QUALITY = 88  # of a JPEG that is looked at and never painted from


def url_of_file(file: bytes, kind: str = "jpeg") -> str:
    """A JPEG's or a PNG's bytes as an address."""
    return f"data:image/{kind};base64,{base64.b64encode(file).decode()}"


def url_of_picture(picture: Image.Image, quality: int = QUALITY, subsampling: int = 0) -> str:
    """A small picture as a JPEG's address."""
    file = io.BytesIO()
    picture.save(file, "jpeg", quality=quality, subsampling=subsampling)
    return url_of_file(file.getvalue())
