"""The pictures that a run is about, as one record: what is painted, and in whose style. Which style goes where, its recipe says.

The page, the API, jobs, the store and experiments hand it on as one; a run is given what is inside. It knows no file and no
network.
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
