"""Where content, style and variation pull a picture, for any picture: a result, a moment on the way, a start.

Called by the command line and the page; a run that goes on measures its own (engine/pulls.py) without a second look.
"""

from __future__ import annotations

from PIL import Image

from playground.engine.painting import Painting
from playground.engine.pulls import Pulls, measure_pulls
from playground.images.convert import to_tensor
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe


def pulls_on(
    content: Image.Image, style: Image.Image, picture: Image.Image | None, recipe: Recipe, network: Vgg
) -> Pulls:
    """The pulls on a picture, as a run with this recipe would feel them at the recipe's full size.

    Args:
        content, style: clean RGB pictures.
        picture: brought to that size; the recipe's start where None.

    Raises:
        PlaygroundError: the recipe does not fit the network or the pictures.
    """
    painting = Painting(content, [style], recipe.changed({"scales": 1, "plan": None, "journal": ()}), network)
    painting.enter_stage()
    if picture is None:
        return measure_pulls(painting.objective, painting.canvas.image())
    height, width = painting.content_tensor.shape[-2:]
    at_size = picture.resize((width, height), Image.Resampling.LANCZOS)
    return measure_pulls(painting.objective, to_tensor(at_size).to(painting.device))
