"""The pictures that a run is about, as one record: what is painted, and in whose style. Which style goes where, its recipe says.

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
    """

    content: Image.Image | None
    styles: tuple[Image.Image, ...]

    @property
    def style(self) -> Image.Image:
        """The first style."""
        return self.styles[0]
