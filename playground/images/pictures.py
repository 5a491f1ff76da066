"""The pictures that a run is about, as one record: what is painted, in whose style, and which style goes where.

The command line, the page, the API, jobs and the store hand it on whole; only the engine looks inside.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class Pictures:
    """Clean RGB pictures.

    Attributes:
        content: what is painted; a training has none.
        styles: one or more.
        region_map: which style goes where, by colour; None where they go everywhere.
    """

    content: Image.Image | None
    styles: tuple[Image.Image, ...]
    region_map: Image.Image | None = None

    @property
    def style(self) -> Image.Image:
        """The first style."""
        return self.styles[0]
