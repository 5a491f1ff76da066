"""What the trainings of this folder's tests learn from."""

from __future__ import annotations

import pytest
from PIL import Image

from playground.feedforward.photos import BUNDLED, Photos
from playground.images.load import load_picture
from tests.helpers.training import STYLE


@pytest.fixture(scope="module")
def style() -> Image.Image:
    return load_picture(STYLE)


@pytest.fixture(scope="module")
def photos() -> Photos:
    return Photos(BUNDLED)
