"""The content picture's colours, kept or matched."""

from __future__ import annotations

import numpy as np
from PIL import Image

from playground.images.colour import keep_colours, match_colours, palette_of
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


def matched_slowly(style: np.ndarray, content: np.ndarray) -> np.ndarray:
    """A·(rgb − mean_S) + mean_C in double precision, pixel by pixel, both H×W×3 in [0, 1]."""

    def mean_and_covariance(values: np.ndarray) -> tuple[list[float], np.ndarray]:
        pixels = values.reshape(-1, 3).tolist()
        mean = [sum(pixel[c] for pixel in pixels) / len(pixels) for c in range(3)]
        found = np.zeros((3, 3))
        for a in range(3):
            for b in range(3):
                found[a, b] = sum((p[a] - mean[a]) * (p[b] - mean[b]) for p in pixels) / (len(pixels) - 1)
        return mean, found + 1e-5 * np.eye(3)

    def root(matrix: np.ndarray) -> np.ndarray:  # Denman and Beavers' iteration
        y, z = matrix, np.eye(3)
        for _ in range(60):
            y, z = (y + np.linalg.inv(z)) / 2, (z + np.linalg.inv(y)) / 2
        return np.asarray(y)

    (mean_s, cov_s), (mean_c, cov_c) = mean_and_covariance(style), mean_and_covariance(content)
    transform = root(cov_c) @ np.linalg.inv(root(cov_s))
    out = np.zeros_like(style)
    for y in range(style.shape[0]):
        for x in range(style.shape[1]):
            for c in range(3):
                value = sum(transform[c, d] * (style[y, x, d] - mean_s[d]) for d in range(3)) + mean_c[c]
                out[y, x, c] = min(1.0, max(0.0, value))
    return out


def test_match_colours_and_palettes_against_loops() -> None:
    content, *styles = (random_picture(seed, size) for seed, size in ((7, (10, 12)), (8, (9, 14)), (9, (12, 8))))
    styles = [
        styles[0].point([v // 2 for v in range(256)] * 3),
        styles[1].point([128 + v // 3 for v in range(256)] * 3),
    ]
    values = [np.asarray(picture) / 255 for picture in (content, *styles)]
    wanted = matched_slowly(values[1], values[0]) * 255
    assert np.abs(np.asarray(match_colours(styles[0], content)) - wanted).max() <= 0.51
    each = [matched_slowly(values[0], values[number]) * 255 for number in (1, 2)]
    for shares in ((0.8, 0.2), (0.5, 0.5), (1.0, 0.0)):
        found = np.asarray(palette_of(content, styles, shares))
        mixed = shares[0] * each[0] + shares[1] * each[1]
        assert np.abs(found - mixed).max() <= 1.02  # each is rounded, and their mixture is
    assert np.abs(each[0] - each[1]).max() > 40
