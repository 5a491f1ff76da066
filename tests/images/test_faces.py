"""The face in a photograph is found, softly, and nothing is where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from playground.images.faces import face_map, find_faces
from playground.images.load import load_picture


def test_a_face_is_found_where_it_is() -> None:
    from skimage import data

    photo = load_picture(data.astronaut())
    ((x, y, side),) = find_faces(photo)
    assert (x, y) == (pytest.approx(0.44, abs=0.03), pytest.approx(0.22, abs=0.03))
    assert 0.15 < side < 0.25
    found = face_map(photo)
    assert found is not None
    assert found.shape == (512, 512)
    assert found[113, 225] == 1  # between the eyes
    assert found[400, 100] == found[20, 20] == 0
    assert 0 < found[113, 225 + 80] < 1
    assert np.abs(np.diff(found, axis=1)).max() < 0.1  # softly


def test_no_face_no_map() -> None:
    from skimage import data

    assert face_map(load_picture(data.coffee())) is None
    assert face_map(Image.new("RGB", (40, 16))) is None
