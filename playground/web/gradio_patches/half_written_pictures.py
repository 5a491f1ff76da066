"""A page's pictures are put in their places whole.

A picture's name is made of its content, so a page that is reloaded has the same file written anew, and gradio 6.31 writes
in place: whoever is just being sent it would get half a picture. Called once while the page is built.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from gradio import processing_utils
from PIL import Image

from playground.system.files import whole_file


@cache
def write_pictures_whole() -> None:
    """From now on let gradio write a picture beside its place first."""

    def save(img: Image.Image, cache_dir: str, name: str = "image", format: str = "webp") -> str:
        data = processing_utils.encode_pil_to_bytes(img, format)
        path = (Path(cache_dir) / processing_utils.hash_bytes(data) / f"{name}.{format}").resolve()
        path.parent.mkdir(exist_ok=True, parents=True)
        with whole_file(path, durable=False) as unfinished:
            unfinished.write_bytes(data)
        return str(path)

    processing_utils.save_pil_to_cache = save
