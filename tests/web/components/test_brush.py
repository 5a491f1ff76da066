"""What comes back from the canvas of regions, judged as any stranger's picture."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground.errors import PlaygroundError
from playground.images.scribbles import UNKNOWN
from playground.web.components.brush import MAX_STROKES, drawn, strokes_of

HEAD = "data:image/png;base64,"


def sent(pixels: np.ndarray) -> dict[str, str]:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return {"strokes": HEAD + base64.b64encode(data.getvalue()).decode()}


def test_what_is_drawn_comes_back() -> None:
    labels = np.random.default_rng(0).integers(0, 5, (40, 60))
    assert np.array_equal(strokes_of({"strokes": drawn(labels)}), labels)


def test_a_soft_edge_is_the_nearest_colour_and_bare_canvas_is_unknown() -> None:
    pixels = np.zeros((8, 64, 4), np.uint8)  # nothing lies there
    pixels[:, 16:32] = (230, 20, 30, 255)
    pixels[:, 32:48] = (20, 10, 200, 255)
    pixels[:, 48:] = (255, 255, 255, 255)
    expected = np.repeat([UNKNOWN, 1, 3, UNKNOWN], 16)[None].repeat(8, axis=0)
    assert np.array_equal(strokes_of(sent(pixels)), expected)


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        {},
        {"strokes": 5},
        {"strokes": ""},
        {"strokes": "data:image/svg+xml;base64,PHN2Zy8+"},
        {"strokes": "https://example.org/a.png"},
        {"strokes": HEAD + "not base64!"},
        sent(np.full((8, 8, 3), 255, np.uint8)),
    ],
)
def test_where_nothing_was_painted_it_says_so(given: Any) -> None:
    with pytest.raises(PlaygroundError, match=r"[Pp]aint"):
        strokes_of(given)


@pytest.mark.parametrize("text", [base64.b64encode(b"no picture").decode(), "", "A" * 2 * MAX_STROKES])
def test_what_is_no_picture_is_refused_in_words(text: str) -> None:
    with pytest.raises(PlaygroundError):
        strokes_of({"strokes": HEAD + text})
