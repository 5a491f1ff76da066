"""Pictures in: the photos and paintings that come with the playground, and an image box that accepts any file.

The box hands over the uploaded file untouched and `images.load_picture` judges it, so that the page refuses the same
files in the same words as the command line. Called by every tab.
"""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from playground.errors import PlaygroundError
from playground.images.convert import resize_picture
from playground.images.load import load_picture, room_for
from playground.recipe.picture_limits import KEPT_PIXELS
from playground.recipe.presets import PRESET_FOLDER
from playground.web.components.messages import fault, message
from playground.web.gradio_patches.opened_uploads import leave_uploads_alone
from playground.web.gradio_patches.private_names import kept_file
from playground.web.gradio_patches.unreadable_requests import picked
from playground.web.words import has, say

STYLE_FOLDER = PRESET_FOLDER / "styles"
# scikit-image's own, openly licensed and inside its package; `rocket` and others need no download either
PHOTOS = ("chelsea", "astronaut", "coffee", "rocket")
THUMBNAIL = 192  # pixels

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sample:
    """A picture that comes with the playground: a name for links, a title, and what it is."""

    name: str
    title: str
    description: str
    path: Path

    def picture(self) -> Image.Image:
        """The picture, clean RGB."""
        return load_picture(self.path, name=self.title)

    def file(self) -> str:
        """Its own file where the page may show it, which is smaller than the picture written anew; the same path always."""
        return kept_file(self.path)


def picture_box(label: str, name: str, sample: Sample | None) -> gr.Image:
    """A box for one of the two pictures, with upload, drag, paste and camera; it gives the path of an untouched file."""
    box = gr.Image(
        value=sample.file() if sample else None, type="filepath", image_mode=None, format="png", label=label,
        sources=["upload", "clipboard", "webcam"], buttons=["fullscreen"], height=220, elem_id=name,
        elem_classes=["picture-box"], alt_text=label, placeholder=say("picture.drop"),
    )  # fmt: skip
    return leave_uploads_alone(box)


@cache
def photos() -> tuple[Sample, ...]:
    """Content photos that come with scikit-image; those whose file is not there are left out."""
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    found = []
    for name in PHOTOS:
        path = next(
            (folder / f"{name}{suffix}" for suffix in (".png", ".jpg") if (folder / f"{name}{suffix}").is_file()), None
        )
        if path:
            found.append(Sample(name, name.capitalize(), name, path))
    return tuple(found)


@cache
def styles() -> tuple[Sample, ...]:
    """The playground's own style pictures, as presets/styles/styles.json lists them; what is not there is left out."""
    listed = STYLE_FOLDER / "styles.json"
    try:
        entries = json.loads(listed.read_text("utf-8"))
    except (OSError, ValueError) as error:
        logger.warning("no style pictures: %s", error)
        return ()
    found = []
    for entry in entries:
        path = STYLE_FOLDER / Path(entry["file"]).name
        if path.is_file():
            found.append(Sample(path.stem, entry.get("title", path.stem), entry.get("description", ""), path))
    return tuple(found)


def samples(kind: str) -> tuple[Sample, ...]:
    """The samples of a kind, "photos" or "styles"."""
    return photos() if kind == "photos" else styles()


def thumbnails(kind: str) -> list[tuple[Image.Image, str]]:
    """Small pictures with titles for a gallery of "photos" or "styles"."""
    return [(small, titled(sample)) for small, sample in zip(_small(kind), samples(kind), strict=True)]


@cache
def _small(kind: str) -> list[Image.Image]:
    return [resize_picture(sample.picture(), THUMBNAIL) for sample in samples(kind)]


def titled(sample: Sample) -> str:
    """A sample's title for people."""
    key = f"sample.{sample.name}"
    return say(key) if has(key) else sample.title


def picked_photo(event: gr.SelectData) -> tuple[Any, str]:
    """A photo was picked in the gallery: it fills the box, and the message under it is cleared."""
    return photos()[picked(event, len(photos()))].file(), ""


def picked_style(event: gr.SelectData) -> tuple[Any, str]:
    """A style picture was picked in the gallery."""
    return styles()[picked(event, len(styles()))].file(), ""


def sample_at(kind: str, path: str | None) -> int | None:
    """Which of the samples of a kind a box's picture is; None for a person's own."""
    if not path:
        return None
    for index, sample in enumerate(samples(kind)):
        if sample.path.name == Path(path).name and sample.file() == path:
            return index
    return None


def samples_like(photo: Image.Image, painting: Image.Image) -> tuple[Sample | None, Sample | None]:
    """The samples that a run was painted from, told by their pixels; None for a person's own picture."""
    return _like("photos", photo), _like("styles", painting)


def _like(kind: str, picture: Image.Image) -> Sample | None:
    mine = _pixels(picture) if picture.size in {size for size, _ in _known(kind)} else None
    return next((sample for sample, one in zip(samples(kind), _known(kind), strict=True) if one == mine), None)


@cache
def _known(kind: str) -> list[tuple[tuple[int, int], bytes]]:
    return [_pixels(sample.picture()) for sample in samples(kind)]


def _pixels(picture: Image.Image) -> tuple[tuple[int, int], bytes]:
    return picture.size, hashlib.sha256(picture.tobytes()).digest()


def sample_called(kind: str, name: str) -> Sample | None:
    """The sample of a kind with this name, as links have it."""
    return next((sample for sample in samples(kind) if sample.name == name), None)


def given(path: str | Path, name: str, most: int = KEPT_PIXELS) -> Image.Image:
    """A visitor's file as a clean picture, no larger than the page can use.

    Args:
        most: pixels that are kept of it.

    Raises:
        PictureError: it is none, or cannot be used.
        PlaygroundError: it went while nobody had a page open.
    """
    if not Path(path).exists():
        raise PlaygroundError(say("picture.gone", name=name))
    return load_picture(path, name=name, most=most)


def room_for_both(*paths: str | Path | None, most: int = KEPT_PIXELS) -> AbstractContextManager[None]:
    """The room in which several files of a visitor's are read by `given` together."""
    return room_for([path for path in paths if path], most=most)


def given_pair(content: str | Path, style: str | Path) -> tuple[Image.Image, Image.Image]:
    """Photo and painting.

    Raises:
        PictureError: as `given`.
    """
    with room_for_both(content, style):
        return given(content, say("the.content")), given(style, say("the.style"))


def judged(kind: str, path: str | None) -> str:
    """What is wrong with a picture that was just given, in words; empty where it can be painted."""
    if not path:
        return ""
    try:
        given(path, say(f"the.{kind}"))
    except Exception as error:
        return message(fault(error))
    return ""
