"""The pictures of the benchmarks: photographs that come with scikit-image, style pictures of the presets."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from skimage import data

from playground.images.load import load_picture
from playground.recipe.presets import PRESET_FOLDER

PAIRS = (  # portrait, coast with buildings, animal, still life, figure before buildings, machine
    ("astronaut", "swirls"),
    ("rocket", "woodcut_wave"),
    ("chelsea", "pointillism"),
    ("coffee", "cubist"),
    ("camera", "autumn_knife"),
    ("motorcycle", "stained_glass"),
)


PHOTOREALISTIC_PAIRS = (  # dusk, still life, machine, portrait; styles whose colours and light mean something to a photo
    ("rocket", "autumn_knife"),
    ("coffee", "woodcut_wave"),
    ("motorcycle", "ink_wash"),
    ("astronaut", "pointillism"),
)


def photograph(name: str) -> Image.Image:
    """One of scikit-image's photographs by name, or the picture in a file."""
    if Path(name).is_file():
        return load_picture(name)
    picture = data.stereo_motorcycle()[0] if name == "motorcycle" else getattr(data, name)()
    return load_picture(picture)


def style_picture(name: str) -> Image.Image:
    """One of the playground's style pictures by name, or the picture in a file."""
    return load_picture(name if Path(name).is_file() else PRESET_FOLDER / "styles" / f"{name}.jpg")


def stretched(picture: Image.Image, width: int, height: int) -> Image.Image:
    """The picture at exactly this size, whatever becomes of its proportions: for timing, where they do not matter."""
    return picture.resize((width, height), Image.Resampling.LANCZOS)
