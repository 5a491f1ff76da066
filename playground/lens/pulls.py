"""Where content, style and variation pull a picture, for any picture: a result, a picture on the way, a start.

Called by the command line and the page; a run that goes on measures its own (engine/pulls.py) without a second look.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PIL import Image

from playground.engine.painting import Painting
from playground.engine.pulls import Pulls, measure_pulls
from playground.images.convert import to_tensor
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe


def pulls_on(
    content: Image.Image, style: Image.Image, picture: Image.Image | None, recipe: Recipe, network: Vgg, *,
    more: Sequence[Image.Image] = (), size: int | None = None,
) -> Pulls:  # fmt: skip
    """The pulls on a picture, as a run with this recipe would feel them at the recipe's full size.

    Args:
        content, style: clean RGB pictures.
        picture: brought to that size; the recipe's start where None.
        more: style images beside the first.
        size: another long side to feel them at, in pixels.

    Raises:
        PlaygroundError: the recipe does not fit the network or the pictures.
    """
    settings: dict[str, Any] = {"scales": 1, "plan": None, "journal": ()}
    if size is not None:
        settings |= {"size": size, "smallest": min(recipe.smallest, size), "work_size": None}
    if picture is not None and recipe.canvas == "hrnet":
        settings["canvas"] = "pixels"  # which network has painted it does not change how it is judged
    painting = Painting(content, [style, *more], recipe.changed(settings), network)
    painting.enter_stage()
    if picture is None:
        return measure_pulls(painting.objective, painting.canvas.image())
    height, width = painting.content_tensor.shape[-2:]
    at_size = picture.resize((width, height), Image.Resampling.LANCZOS)
    return measure_pulls(painting.objective, to_tensor(at_size).to(painting.device))
