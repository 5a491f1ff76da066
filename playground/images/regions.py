"""Which style image goes where: maps of regions read from pictures, kept inside a recipe as text, and laid over a size.

In a map red, green, blue and yellow stand for style images 1 to 4 and black for "leave as it is". Called by whoever takes a
map in, and by the engine; it knows no network.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageFilter

from playground.errors import PlaygroundError
from playground.images.convert import cut_picture, cut_size
from playground.images.load import FORMATS, PictureSource, load_picture
from playground.recipe.model import Recipe
from playground.recipe.styles import MAX_MAP_TEXT, with_weights

COLOURS = {"black": (0, 0, 0), "red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0)}
"""What a map may hold; a region's number is its place here, 0 for "leave as it is"."""
NAMES = tuple(COLOURS)
NEAR = 60  # of a colour's channels, by which a brush's soft edge, a JPEG or another green may differ
EDGE_FRACTION = 0.03  # of a map's pixels that may be mixtures of its colours, as along a smoothed edge
ASPECT_TOLERANCE = 0.02
SIDES = (1024, 768, 512, 384, 256)  # long sides at which a map is kept: the largest that is short enough as text
MAX_SIDE = max(SIDES)
SOFT_SIDE = 160  # of a soft map, which has no edges

# ---- taking a map in ------------------------------------------------------------------------------------------------


def with_map(
    recipe: Recipe, source: PictureSource, content_size: tuple[int, int], name: str = "the map of regions"
) -> Recipe:
    """A recipe with the map of regions in a picture, of the content image's shape or of what the recipe cuts from it.

    Raises:
        PlaygroundError: as `read_map`.
    """
    shapes = (content_size, cut_size(*content_size, recipe.crop))
    return recipe.changed({"regions": read_map(source, shapes, name)})


def read_map(source: PictureSource, shapes: Sequence[tuple[int, int]], name: str = "the map of regions") -> str:
    """A picture with a colour a region as the text that a recipe keeps.

    Args:
        source: anything `load_picture` reads.
        shapes: widths and heights, one of whose shapes the map must have; the content image's first.

    Raises:
        PlaygroundError: no picture, transparent, of another shape, or with colours that stand for nothing.
    """
    picture = load_picture(source, name=name)  # first: nothing that it refuses is decoded below
    if _is_transparent(source):
        raise PlaygroundError(
            f"{name} is transparent in places: fill them with a colour, black to leave them as they are"
        )
    return encode_labels(labels_of(picture, shapes, name))


def labels_of(picture: Image.Image, shapes: Sequence[tuple[int, int]], name: str = "the map of regions") -> np.ndarray:
    """The region of each pixel, H×W uint8: 0 to leave it as it is, 1 to 4 for a style image.

    Raises:
        PlaygroundError: of another shape than the content image, or with colours that stand for nothing.
    """
    aspect = picture.width / picture.height
    if not any(abs(np.log(aspect * height / width)) <= ASPECT_TOLERANCE for width, height in shapes):
        width, height = shapes[0]
        raise PlaygroundError(
            f"{name} is {picture.width}×{picture.height} and the photo {width}×{height}: it must have the photo's shape"
        )
    pixels = np.asarray(picture.convert("RGB")).astype(np.int16)
    palette = np.array(list(COLOURS.values()), dtype=np.int16)
    nearest, best = np.zeros(pixels.shape[:2], np.uint8), np.full(pixels.shape[:2], 999, np.int16)
    for number, colour in enumerate(palette):
        distance = np.abs(pixels - colour).max(axis=2)
        nearest[distance < best] = number
        np.minimum(best, distance, out=best)
    strange = best > NEAR
    if strange.mean() > EDGE_FRACTION:
        red, green, blue = (int(value) for value in pixels[strange][len(pixels[strange]) // 2])
        others = len(np.unique(pixels[strange].reshape(-1, 3), axis=0))
        many = f"{others} other colours, such as" if others > 1 else "the colour"
        raise PlaygroundError(
            f"{name} has {many} #{red:02x}{green:02x}{blue:02x}: only red, green, blue and yellow stand for paintings 1 to 4, "
            "and black for what is left as it is"
        )
    return nearest


def _is_transparent(source: PictureSource) -> bool:
    """Whether a picture that the loader has judged lets anything through."""
    if isinstance(source, np.ndarray):
        return source.ndim == 3 and source.shape[2] == 4 and bool((source[:, :, 3] < 255).any())
    if isinstance(source, Image.Image):
        return _lets_through(source)
    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as picture:
        return _lets_through(picture)


def _lets_through(picture: Image.Image) -> bool:
    if not (picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info):
        return False
    return np.asarray(picture.convert("RGBA"))[:, :, 3].min() < 255


# ---- as text in a recipe --------------------------------------------------------------------------------------------


def encode_labels(labels: np.ndarray) -> str:
    """A map H×W of region numbers 0 to 4 as the text of a small PNG, at the largest size that is short enough.

    Raises:
        PlaygroundError: it is speckled beyond what a recipe can hold.
    """
    picture = Image.fromarray(labels, "L")
    for side in SIDES:
        scale = min(1.0, side / max(picture.size))
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        text = _as_text(_with_palette(picture.resize(size, Image.Resampling.NEAREST)))
        if len(text) <= MAX_MAP_TEXT:
            return text
    raise PlaygroundError("the map of regions is too speckled: paint larger patches")


def _with_palette(labels: Image.Image) -> Image.Image:
    picture = labels.copy()
    picture.putpalette([value for colour in COLOURS.values() for value in colour])
    return picture


def decode_labels(text: str) -> np.ndarray:
    """The map that `encode_labels` made, H×W uint8.

    Raises:
        PlaygroundError: it is none.
    """
    labels = np.asarray(_from_text(text, "P"))
    if labels.max() >= len(COLOURS):
        raise PlaygroundError("the recipe's map of regions is damaged: give the map anew")
    return labels


def encode_soft(weights: np.ndarray) -> str:
    """A soft map H×W in [0, 1] as text; it is kept small, since it has no edges."""
    picture = Image.fromarray(np.round(weights * 255).clip(0, 255).astype(np.uint8), "L")
    picture.thumbnail((SOFT_SIDE, SOFT_SIDE), Image.Resampling.BOX)
    return _as_text(picture)


def decode_soft(text: str) -> np.ndarray:
    """The map that `encode_soft` made, H×W float32 in [0, 1].

    Raises:
        PlaygroundError: it is none.
    """
    return np.asarray(_from_text(text, "L", "map of what is kept"), dtype=np.float32) / 255


def _as_text(picture: Image.Image) -> str:
    data = io.BytesIO()
    picture.save(data, "PNG", optimize=True)
    return base64.b64encode(data.getvalue()).decode()


def _from_text(text: str, mode: str, what: str = "map of regions") -> Image.Image:
    damaged = PlaygroundError(f"the recipe's {what} is damaged: give the map anew")
    try:
        data = io.BytesIO(base64.b64decode(text, validate=True))
        with Image.open(data, formats=("PNG",)) as picture:
            if picture.mode != mode or max(picture.size) > MAX_SIDE:  # nothing of it is decoded before
                raise damaged
            picture.load()
            return picture.copy()
    except PlaygroundError:
        raise
    except (binascii.Error, OSError, SyntaxError, ValueError):
        raise damaged from None


def picture_of(text: str, size: tuple[int, int] | None = None) -> Image.Image:
    """A recipe's map as a picture in its colours, for people to see and to load again."""
    colours = np.array(list(COLOURS.values()), np.uint8)[decode_labels(text)]
    picture = Image.fromarray(colours)
    return picture if size is None else picture.resize(size, Image.Resampling.NEAREST)


# ---- laid over a size -----------------------------------------------------------------------------------------------


def areas_of(recipe: Recipe, size: tuple[int, int]) -> np.ndarray:
    """How much each region counts at each pixel of a picture: 5×H×W float32, adding up to 1; the first is "as it is".

    Args:
        recipe: its map, and how soft the borders are; sharp ones make every value 0 or 1.
        size: width and height.
    """
    labels = Image.fromarray(decode_labels(recipe.regions), "L")
    labels = cut_picture(labels, recipe.crop).resize(size, Image.Resampling.NEAREST)
    found = np.stack([np.asarray(labels) == number for number in range(len(COLOURS))]).astype(np.float32)
    if recipe.region_softness > 0:
        blur = ImageFilter.BoxBlur(recipe.region_softness * max(size) / 2)
        blurred = [Image.fromarray(np.round(area * 255).astype(np.uint8), "L").filter(blur) for area in found]
        found = np.stack([np.asarray(area, dtype=np.float32) for area in blurred])
        found /= found.sum(axis=0)
    return found


def kept_of(recipe: Recipe, size: tuple[int, int]) -> np.ndarray:
    """What is kept more of the content image at each pixel of a picture, H×W float32 in [0, 1]."""
    kept = Image.fromarray((decode_soft(recipe.kept) * 255).round().astype(np.uint8), "L")
    kept = cut_picture(kept, recipe.crop).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(kept, dtype=np.float32) / 255


def check_styles(recipe: Recipe, styles: int) -> Recipe:
    """The recipe with the weights of so many style images stated.

    Raises:
        PlaygroundError: it is for another number, or its map asks for one which is not there, or for none at all.
    """
    recipe = with_weights(recipe, styles)
    if not recipe.regions:
        return recipe
    numbers = [int(number) for number in np.unique(decode_labels(recipe.regions)) if number > 0]
    if not numbers:
        raise PlaygroundError("the map of regions is all black, so nothing would be painted: give some of it a colour")
    if numbers[-1] > styles:
        colour = NAMES[numbers[-1]]
        given = "only 1 is given" if styles == 1 else f"only {styles} are given"
        raise PlaygroundError(f"the map of regions is {colour} in places, for painting {numbers[-1]}, and {given}")
    return recipe


def misfit(recipe: Recipe, content_size: tuple[int, int]) -> str:
    """What to say where the recipe's map, or what it keeps more, is of another shape than the content image; else "".

    A map fits the whole content image, or what the recipe cuts from it. One that does not fit is stretched over it.
    """
    shapes = (content_size, cut_size(*content_size, recipe.crop))
    for name, text, decode in (
        ("the map of regions", recipe.regions, decode_labels), ("what is kept more", recipe.kept, decode_soft)
    ):  # fmt: skip
        if not text:
            continue
        height, width = decode(text).shape
        rounding = 0.5 / min(height, width)  # a small map's side is a whole number of pixels
        aspects = (abs(np.log(width / height * shape[1] / shape[0])) for shape in shapes)
        if all(away > ASPECT_TOLERANCE + rounding for away in aspects):
            return f"{name} was made for a photo of another shape, {width}:{height}: make it anew for this photo"
    return ""


def without_a_region(recipe: Recipe, styles: int) -> list[int]:
    """Numbers, from 1, of the style images that the recipe's map has no place for; empty where it has no map."""
    if not recipe.regions:
        return []
    there = set(np.unique(decode_labels(recipe.regions)).tolist())
    return [number for number in range(1, styles + 1) if number not in there]


def left_as_it_is(picture: Image.Image, content: Image.Image, recipe: Recipe) -> Image.Image:
    """`picture` with the content image where its map is black: to the bit beyond a soft border."""
    kept = areas_of(recipe, picture.size)[0][:, :, None]
    if not kept.any():
        return picture
    at_size = content if content.size == picture.size else content.resize(picture.size, Image.Resampling.LANCZOS)
    painted, own = (np.asarray(one.convert("RGB"), dtype=np.float32) for one in (picture, at_size))
    return Image.fromarray(np.round(painted * (1 - kept) + own * kept).astype(np.uint8))
