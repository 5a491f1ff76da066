"""How much of the picture one position of a layer sees, by its name alone. Called by the other lenses and the page."""

from __future__ import annotations

from dataclasses import dataclass

from playground.networks.catalogue import LAYERS


@dataclass(frozen=True)
class Field:
    """What one position of a layer sees of the picture.

    Attributes:
        pixels: side of the square, the receptive field.
        stride: pixels from one position to the next.
        offset: of the first position's square from the picture's corner, in pixels; negative, since it begins beyond it.
    """

    pixels: int
    stride: int
    offset: float

    def centre(self, position: int) -> float:
        """Pixel, counted from the edge, in the middle of what a position along one side sees."""
        return self.offset + position * self.stride + self.pixels / 2

    def position(self, pixel: float, count: int) -> int:
        """The position among `count` along one side whose middle is nearest to a pixel."""
        return min(count - 1, max(0, round((pixel - self.pixels / 2 - self.offset) / self.stride)))


def receptive_field(layer: str, architecture: str = "vgg16") -> Field:
    """The receptive field of a layer: each 3×3 convolution adds two strides, each 2×2 pool one, and doubles the stride.

    Raises:
        ValueError: the architecture has no such layer.
    """
    pixels, stride, offset, block = 1, 1, 0.0, "1"
    for name in LAYERS[architecture]:
        if name[4] != block:
            pixels, stride, block = pixels + stride, 2 * stride, name[4]
        pixels, offset = pixels + 2 * stride, offset - stride
        if name == layer:
            return Field(pixels, stride, offset)
    raise ValueError(f"{architecture} has no layer called {layer!r}")
