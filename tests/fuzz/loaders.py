"""Every loader of files, a valid file for each, and how a valid one is spoilt."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import torch
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save

from playground.feedforward.model import CARD_KEY, load_model
from playground.feedforward.video import check_film, is_film
from playground.images.film import copy_sound, film_frames, open_film
from playground.images.load import load_picture, read_recipe_text
from playground.images.save import encode_picture
from playground.networks import read
from playground.recipe.parse import parse_recipe
from playground.recipe.presets import load_preset
from playground.service.uploads import collect_photos
from playground.web.instant.card import card_html
from tests.feedforward.test_model import lively
from tests.helpers.films import make_film


def _picture(path: Path) -> None:
    load_picture(path, most=500)
    read_recipe_text(path)


def _film(path: Path) -> None:
    check_film(path)
    film = open_film(path)
    for _ in film_frames(film):
        pass
    if film.sound:
        copy_sound(film, path.with_name("sound.mka"))


def _gif(path: Path) -> None:
    if is_film(path):
        check_film(path)
    load_picture(path)


def _model(path: Path) -> None:
    card_html(load_model(path)).encode()


def _photos(path: Path) -> None:
    folder = path.with_name("photos")
    folder.mkdir(exist_ok=True)
    collect_photos([path], folder)


LOADERS: dict[str, Callable[[Path], object]] = {
    **dict.fromkeys(("a.png", "a.jpg", "a.webp", "a.tif", "a.bmp", "a.ppm"), _picture),
    **dict.fromkeys(("a.mp4", "a.mov", "a.mkv", "a.webm", "a.avi"), _film),
    "a.gif": _gif,
    **dict.fromkeys(("model.safetensors", "model.pth"), _model),
    **dict.fromkeys(("weights.safetensors", "weights.pth", "weights.h5"), lambda path: read.load(str(path))),
    "photos.zip": _photos,
    "recipe.json": lambda path: parse_recipe(path.read_bytes()),
}
"""By the name that the file has."""


@cache
def valid(name: str, folder: Path) -> bytes:
    """A small file that the loader takes; it is made in `folder`."""
    path = folder / f"valid-{name}"
    kind = name.split(".")[1]
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8))
    weights = {"conv1_1.weight": torch.zeros(64, 3, 3, 3), "conv1_1.bias": torch.zeros(64)}
    match name.split(".")[0], kind:
        case "a", "png" | "jpg" | "webp":
            return encode_picture(noise, kind, recipe=load_preset().to_json())
        case "a", "gif":
            noise.save(path, save_all=True, append_images=[noise.rotate(90 * turn) for turn in (1, 2)])
        case "a", "mp4" | "mov" | "mkv" | "webm" | "avi":
            sound = {"webm": "libopus", "avi": "libmp3lame"}.get(kind, "aac")
            picture = {"webm": "libvpx", "avi": "mjpeg"}.get(kind, "mpeg4")
            make_film(path, "testsrc=s=32x24:r=5:d=1", "-c:v", picture, "-c:a", sound, sound=True)
        case "a", _:
            noise.save(path)
        case "model", "safetensors":
            return save(
                {key: value.contiguous() for key, value in lively().state_dict().items()}, {CARD_KEY: '{"title": "a"}'}
            )
        case "model", _:
            torch.save(lively().state_dict(), path)
        case "weights", "safetensors":
            return save(weights, {"convention": "caffe"})
        case "weights", "pth":
            torch.save(weights, path)
        case "weights", _:
            with h5py.File(path, "w") as file:
                group = file.create_group("block1_conv1")
                group["kernel"], group["bias"] = np.zeros((3, 3, 3, 64), np.float32), np.zeros(64, np.float32)
        case "photos", _:
            data = io.BytesIO()
            with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("one.png", encode_picture(noise, "png"))
                archive.writestr("deep/two.jpg", encode_picture(noise, "jpeg"))
            return data.getvalue()
        case _:
            return load_preset().to_json().encode()
    return path.read_bytes()


@st.composite
def spoilt(draw: st.DrawFn, data: bytes) -> bytes:
    """A few places of a file changed: bytes, numbers of extreme size, pieces cut out, doubled or moved."""
    out = bytearray(data)
    for _ in range(draw(st.integers(1, 6))):
        if not out:
            break
        # Headers say what is to come: half of the damage is done there.
        end = len(out) - 1
        at = draw(st.integers(0, min(end, 200)) | st.integers(0, end))
        match draw(st.sampled_from(["byte", "number", "cut", "double", "drop", "text"])):
            case "byte":
                out[at] = draw(st.integers(0, 255))
            case "number":
                number = draw(
                    st.sampled_from([b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\0\0\0\x80", b"\xff\xff\xff\x7f"])
                )
                out[at : at + 4] = number
            case "cut":
                del out[at:]
            case "double":
                length = draw(st.integers(1, 64))
                out[at:at] = out[at : at + length] * draw(st.sampled_from([1, 2, 100]))
            case "drop":
                del out[at : at + draw(st.integers(1, 64))]
            case "text":
                out[at:at] = draw(st.binary(max_size=12))
    return bytes(out)
