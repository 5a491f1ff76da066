"""Paints the project's own style pictures: `python presets/styles/paint.py [NAME ...]` repaints the files beside it.

The gallery shows those files; nothing calls this at run time. Each picture is a module of `painting/`.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from painting.autumn_knife import autumn_knife
from painting.cubist import cubist
from painting.ink_wash import ink_wash
from painting.mosaic import mosaic
from painting.pointillism import pointillism
from painting.stained_glass import stained_glass
from painting.swirls import swirls
from painting.woodcut_wave import woodcut_wave
from PIL import Image

HERE = Path(__file__).parent
MAX_BYTES = 250_000
PICTURES = {
    painter.__name__: painter
    for painter in (swirls, woodcut_wave, pointillism, stained_glass, cubist, ink_wash, mosaic, autumn_knife)
}


def paint(name: str, long_side: int = 640) -> Image.Image:
    """The picture `name` (a key of `PICTURES`) in RGB, `long_side` pixels long; the same call gives the same pixels."""
    return PICTURES[name](long_side, np.random.default_rng(list(name.encode())))


def jpeg(picture: Image.Image) -> bytes:
    """The picture as a JPEG of quality 92, or of as much less as keeps it under `MAX_BYTES`."""
    for quality in range(92, 0, -2):
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
        if file.tell() < MAX_BYTES:
            break
    return file.getvalue()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Repaint the style pictures.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all of {', '.join(PICTURES)} if none is given")
    names = parser.parse_args().names
    if unknown := set(names) - set(PICTURES):
        parser.error(f"there is no picture {', '.join(sorted(unknown))}; choose from {', '.join(PICTURES)}")
    for name in names or PICTURES:
        (HERE / f"{name}.jpg").write_bytes(jpeg(paint(name)))
        print(name)
