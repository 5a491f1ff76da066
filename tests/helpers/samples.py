"""The bundled photographs and paintings, as the page reads them."""

from __future__ import annotations

from PIL import Image

from playground.web.components.pictures import given, sample_called


def sample(kind: str, name: str) -> Image.Image:
    found = sample_called(kind, name)
    assert found is not None
    return given(found.path, name)
