"""A sheet of what can be asked of paintings: two of them by weight and by region, a face kept, whose colours.

Called by __main__.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import playground
from benchmarks.pictures import photograph, style_picture
from benchmarks.sheet import lay_out
from playground import load_preset
from playground.images.faces import face_map
from playground.images.regions import decode_soft, encode_labels, encode_soft, picture_of
from playground.recipe.model import Recipe

Cell = tuple[Image.Image, str]
MODES = {
    "style": "the painting's colours", "content": "the photo's: light and dark alone",
    "matched": "the photo's: the painting matched", "palette": "the painting's palette alone",
}  # fmt: skip


def paintings_sheet(base: dict[str, Any], tile: int, folder: Path) -> Image.Image:
    """Paint what is not in `folder` yet, and lay all of it out.

    Args:
        base: settings of every painted picture, beside those of the preset `default`.
        tile: side in pixels of the square that each is fitted into.
        folder: where painted pictures are kept; a sheet that was broken off goes on there.
    """
    return lay_out([list(row) for row in (_two(base, folder), _face(base, folder), _colours(base, folder))], tile)


def _two(base: dict[str, Any], folder: Path) -> Iterator[Cell]:
    photo, first, second = photograph("astronaut"), style_picture("swirls"), style_picture("mosaic")
    yield from ((photo, "astronaut"), (first, "swirls"), (second, "mosaic"))
    yield _painted("by-weight", photo, (first, second), base, folder, style_weights=(1, 1)), "half and half by weight"
    labels = np.ones((96, 96), np.uint8)
    labels[:, 48:] = 2
    halves = encode_labels(labels)
    yield picture_of(halves).resize(photo.size, Image.Resampling.NEAREST), "red: swirls, green: mosaic"
    by_region: dict[str, Any] = {"style_weights": (1, 1), "regions": halves, "region_softness": 0.03}
    yield _painted("by-region", photo, (first, second), base, folder, **by_region), "half and half by region"


def _face(base: dict[str, Any], folder: Path) -> Iterator[Cell]:
    photo, painting = photograph("astronaut"), style_picture("pointillism")
    weights = face_map(photo)
    assert weights is not None
    kept = encode_soft(weights)
    map_of_it = Image.fromarray((255 * decode_soft(kept)).astype(np.uint8)).convert("RGB").resize(photo.size)
    yield from ((photo, "astronaut"), (painting, "pointillism"))
    yield _painted("face", photo, (painting,), base, folder), "nothing kept"
    yield map_of_it, "the face that was found"
    yield _painted("face-kept", photo, (painting,), base, folder, kept=kept), "the face kept"


def _colours(base: dict[str, Any], folder: Path) -> Iterator[Cell]:
    photo, painting = photograph("coffee"), style_picture("woodcut_wave")
    yield from ((photo, "coffee"), (painting, "woodcut_wave"))
    for colours, words in MODES.items():
        yield _painted(f"colours-{colours}", photo, (painting,), base, folder, colours=colours), words


def _painted(
    name: str, photo: Image.Image, paintings: Sequence[Image.Image], base: dict[str, Any], folder: Path, **settings: Any
) -> Image.Image:
    """The picture of that name: as it is kept, else painted with the preset `default` and these settings."""
    path = folder / f"{name}.png"
    if not path.is_file():
        print(f"painting {name}", file=sys.stderr, flush=True)
        recipe: Recipe = load_preset("default").changed({**base, "first_light": False, **settings})
        (*_, last) = playground.stylize(photo, list(paintings), recipe, device="cpu")
        assert last.result is not None
        last.result.picture.save(path)
    with Image.open(path) as kept:
        return kept.convert("RGB")
