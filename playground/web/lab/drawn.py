"""What the Lab draws: small pictures inside HTML.

Called by the Lab's handlers. Knows no run.
"""

from __future__ import annotations

import base64
import io

from PIL import Image

QUALITY = 88  # of a JPEG that is looked at and never painted from


def data_url(picture: Image.Image) -> str:
    """A small picture as an address that may stand in HTML."""
    file = io.BytesIO()
    picture.save(file, "jpeg", quality=QUALITY, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
