"""What becomes of a painted picture before it is shown or saved: whose colours it has, and what is left as it was.

Called by the engine at the end of a run, and by the page, which lets people change the colours of a finished picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PIL import Image

from playground.images.colour import keep_colours, palette_of
from playground.images.convert import resize_picture
from playground.images.local_colours import take_light
from playground.images.regions import left_as_it_is
from playground.recipe.model import Recipe
from playground.recipe.styles import for_styles

STYLE_SIDE = 384  # of a style image whose colours alone are asked for


def finished(
    painted: Image.Image,
    content: Image.Image,
    styles: Sequence[Image.Image],
    recipe: Recipe,
    colours: Literal["style", "content", "matched", "palette", "fitted"] | None = None,
) -> Image.Image:
    """`painted` as the recipe wants it shown, at its own size; with fitted colours at that of `content`.

    Args:
        content: at any size; where it is that of `painted`, what is left as it is keeps its very bits.
        styles: the style images, of which a palette is taken.
        colours: instead of the recipe's.
    """
    colours = colours or recipe.colours
    if colours in ("content", "palette") and content.size != painted.size:
        content = content.resize(painted.size, Image.Resampling.LANCZOS)
    if colours == "content":
        painted = keep_colours(painted, content)
    elif colours == "palette":
        weights = for_styles(recipe.style_weights, len(styles))
        small = [resize_picture(style, min(STYLE_SIDE, max(style.size))) for style in styles]
        painted = palette_of(content, small, [weight / sum(weights) for weight in weights])
    elif colours == "fitted":
        painted = take_light(painted, content)
    return left_as_it_is(painted, content, recipe) if recipe.regions else painted
