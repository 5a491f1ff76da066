"""Strokes grow along the photo's edges, and patches are taken whole."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from playground.errors import PlaygroundError
from playground.images import scribbles
from playground.images.scribbles import UNKNOWN, basins, completed, enlarged, snapped


def photo() -> Image.Image:
    """A bright disc of radius 40 on dark ground, a little noisy."""
    picture = Image.new("L", (160, 120), 60)
    ImageDraw.Draw(picture).ellipse((40, 20, 120, 100), fill=200)
    noisy = np.asarray(picture, dtype=int) + np.random.default_rng(0).integers(-12, 12, (120, 160))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).convert("RGB")


def inside() -> np.ndarray:
    down, across = np.mgrid[0:120, 0:160]
    return np.hypot(across - 80, down - 60) <= 40


def test_two_strokes_find_the_disc() -> None:
    strokes = np.full((120, 160), UNKNOWN)
    strokes[58:62, 70:90], strokes[4:7, 5:60] = 2, 0
    found = completed(photo(), strokes)
    assert set(np.unique(found)) == {0, 2}
    assert ((found == 2) == inside()).mean() > 0.97


def test_a_dot_on_a_large_map_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scribbles, "SIDE", 160)  # what is larger is made smaller first
    strokes = np.full((1200, 1600), UNKNOWN)
    strokes[600, 800], strokes[40:70, 50:600] = 1, 3
    found = completed(photo(), strokes)
    assert found.shape == (1200, 1600)
    assert (found[600, 800], found[50, 100], found[1100, 1500]) == (1, 3, 3)


def test_a_map_is_enlarged_without_stairs() -> None:
    down, across = np.mgrid[0:30, 0:40]
    small = np.where(2 * across > 3 * down, 3, 1).astype(np.uint8)
    large = enlarged(small, (320, 240))
    down, across = np.mgrid[0:240, 0:320]
    straight = np.where(2 * across > 3 * down, 3, 1)
    stairs = np.asarray(Image.fromarray(small).resize((320, 240), Image.Resampling.NEAREST))
    assert set(np.unique(large)) == {1, 3}
    assert (large != straight).mean() < 0.4 * (stairs != straight).mean()
    assert enlarged(small, (40, 30)) is small


def test_one_region_fills_all_and_none_is_refused() -> None:
    strokes = np.full((30, 40), UNKNOWN)
    with pytest.raises(PlaygroundError, match="draw a stroke"):
        completed(photo(), strokes)
    strokes[3, 3] = 4
    assert (completed(photo(), strokes) == 4).all()


def test_patches_are_enclosed_by_contours_and_taken_whole() -> None:
    edges = np.zeros((60, 80))
    edges[:, 39:41] = 0.9
    patches = basins(edges)
    assert len(np.unique(patches)) == 2
    labels = np.ones((60, 80), np.uint8)
    labels[:, 30:] = 2  # painted past the contour
    nothing = np.full((60, 80), UNKNOWN)
    found = snapped(labels, patches, nothing)
    assert (found[:, :38] == 1).all()
    assert (found[:, 42:] == 2).all()
    own = nothing.copy()
    own[50:55, 20:70] = 0  # across the contour
    found = snapped(labels, patches, own)
    assert (found[50:55, 20:70] == 0).all()
    assert ((found == 0) == (own == 0)).all()
    assert (basins(np.full((20, 20), 0.5)) == 1).all()
