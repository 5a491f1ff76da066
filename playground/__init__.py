"""The Style Playground: neural style transfer that can be steered while it runs.

from playground import load_preset, stylize

for frame in stylize("photo.jpg", "painting.jpg", load_preset("default")):
    print(frame.step, frame.losses)
frame.result.picture.save("painted.png")
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from playground.errors import PlaygroundError
from playground.recipe.model import Recipe

# Read by torch when it is imported: large pages for large tensors, which saves a tenth of a step at 512 px on Linux.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
# Read by GNU's OpenMP: threads that wait for their partners soon sleep. By default they spin, and where other programs
# share the processors a step then takes several times as long.
os.environ.setdefault("GOMP_SPINCOUNT", "300")

if TYPE_CHECKING:
    from playground.engine.control import Control
    from playground.engine.run import Frame

__all__ = ["PlaygroundError", "Recipe", "load_preset", "stylize"]


def load_preset(name: str = "default", network: str | None = None) -> Recipe:
    """The recipe of a preset, for its own network or for another: a name or a file, with the numbers for that.

    Raises:
        PlaygroundError: no such preset, or a network that cannot be used.
    """
    from playground.recipe.presets import load_preset as of_preset

    if network is None:
        return of_preset(name)
    from playground.networks.network_facts import known

    return of_preset(name, known(network))


def stylize(
    content: str | os.PathLike[str] | Any,
    style: str | os.PathLike[str] | Any | list[Any] | tuple[Any, ...],
    recipe: Recipe | None = None,
    *,
    regions: str | os.PathLike[str] | Any | None = None,
    device: str = "auto",
    control: Control | None = None,
    pictures_every: int | None = None,
) -> Iterator[Frame]:
    """Paint `content` in the style of `style`, yielding a frame at every evaluation.

    Args:
        content, style: paths, PIL images, or arrays (H×W×3 uint8, or floats in [0, 1]); a list of up to four styles is
            blended by the recipe's `style_weights`, or each goes where `regions` says.
        regions: a picture of the content's shape: red, green, blue and yellow are styles 1 to 4, black is left as it is.
        recipe: the settings; the default preset when None.
        device: "auto", "cuda", "mps" or "cpu".
        control: to steer, pause or stop the run from elsewhere.
        pictures_every: iterations after each of which a frame has the picture; else only as often as the preview rate says.

    Returns:
        Frames; the last one's `picture` is the result and its `result` holds recipe and curve.

    Raises:
        PlaygroundError: before any painting, when a picture, a setting or the network cannot be used.
    """
    # Imported here so that reading presets and recipes does not wait for torch.
    from playground.engine.run import Run, check_pictures
    from playground.images.load import load_picture
    from playground.images.regions import with_map
    from playground.networks import arithmetic_choice
    from playground.networks.vgg import load_network
    from playground.system.device import pick_device

    recipe = recipe or load_preset()
    given = style if isinstance(style, (list, tuple)) else [style]
    content_image = load_picture(content, name="the content picture")
    styles = [load_picture(one, name="the style picture") for one in given]
    check_pictures(content_image, recipe.size, recipe.crop)
    if regions is not None:
        recipe = with_map(recipe, regions, content_image.size)
    network = load_network(recipe.network, pick_device(device))
    if network.device.type == "cpu" and arithmetic_choice.wants_measuring(recipe.arithmetic):
        arithmetic_choice.measure()
    return Run(content_image, styles, recipe, network, control, pictures_every=pictures_every).frames()
