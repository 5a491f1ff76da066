"""The content picture's colours, kept or matched."""

from __future__ import annotations

import numpy as np
from PIL import Image

from playground.images.colour import keep_colours, match_colours
from tests.helpers.images import (
    close,
    photo,
)

LUMA = np.array([0.299, 0.587, 0.114])


def random_picture(seed: int, size: tuple[int, int] = (24, 32)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype(np.uint8))


def test_keep_colours_has_the_results_luminance_and_the_contents_hue() -> None:
    result, content = random_picture(1), random_picture(2)
    mixed = np.asarray(keep_colours(result, content)).astype(float)
    luma = np.asarray(result) @ LUMA
    assert np.abs(mixed @ LUMA - luma).max() <= 1  # also where the colours had to fade to fit
    chroma = mixed - (mixed @ LUMA)[..., None]
    wanted = np.asarray(content) - (np.asarray(content) @ LUMA)[..., None]
    cosine = (chroma * wanted).sum(2) / np.maximum(np.linalg.norm(chroma, axis=2) * np.linalg.norm(wanted, axis=2), 1)
    clear = np.linalg.norm(chroma, axis=2) > 20
    assert clear.sum() > 300
    assert cosine[clear].min() > 0.995


def test_keep_colours_is_exact_where_the_colours_fit() -> None:
    content = Image.fromarray((photo() // 2 + 60).astype(np.uint8))
    brighter = Image.fromarray((photo() // 2 + 80).astype(np.uint8))
    close(np.asarray(keep_colours(brighter, content)).astype(int), np.asarray(content).astype(int) + 20)
    close(np.asarray(keep_colours(content, content)).astype(int), np.asarray(content), 0)


def test_keep_colours_at_the_extremes() -> None:
    red = Image.new("RGB", (16, 16), (255, 0, 0))
    for level in (0, 255):
        flat = Image.new("RGB", (16, 16), (level,) * 3)
        assert (np.asarray(keep_colours(flat, red)) == level).all()
        assert (np.asarray(keep_colours(flat, flat)) == level).all()
    grey_photo = keep_colours(random_picture(3), random_picture(4).convert("L"))
    assert np.ptp(np.asarray(grey_photo).astype(int), axis=2).max() == 0


def test_keep_colours_works_at_the_results_size() -> None:
    assert keep_colours(random_picture(1, (24, 32)), random_picture(2, (48, 64))).size == (32, 24)


def test_match_colours_gives_the_contents_mean_and_covariance() -> None:
    rng = np.random.default_rng(5)
    mixing = np.array([[0.06, 0.02, 0.0], [0.01, 0.05, 0.02], [0.02, 0.0, 0.07]])
    style = (rng.normal(size=(60, 80, 3)) @ mixing + [0.6, 0.4, 0.5]).clip(0, 1)
    content = (rng.normal(size=(50, 40, 3)) @ mixing.T[::-1] * 1.4 + [0.3, 0.5, 0.6]).clip(0, 1)
    pictures = [Image.fromarray(np.rint(values * 255).astype(np.uint8)) for values in (style, content)]
    matched = match_colours(*pictures)
    assert matched.size == (80, 60)
    got, want = (np.asarray(p).reshape(-1, 3) / 255 for p in (matched, pictures[1]))
    np.testing.assert_allclose(got.mean(0), want.mean(0), atol=0.003)
    np.testing.assert_allclose(np.cov(got.T), np.cov(want.T), atol=3e-4)
    assert np.abs(np.cov(want.T) - np.cov(np.asarray(pictures[0]).reshape(-1, 3).T / 255)).max() > 1e-3


def test_match_colours_with_a_flat_picture() -> None:
    flat = Image.new("RGB", (16, 16), (200, 30, 30))
    painted = np.asarray(match_colours(flat, random_picture(6))).astype(int)
    close(painted, np.tile(np.asarray(random_picture(6)).mean((0, 1)).round(), (16, 16, 1)))
    close(np.asarray(match_colours(random_picture(6), flat)).astype(int), np.tile([200, 30, 30], (24, 32, 1)), 3)
