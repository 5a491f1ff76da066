"""A film flickers half as much where frames follow each other, and a cut leaves no trace of what was before."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image, ImageFilter

from playground.feedforward.apply import Stylizer, stylize_picture
from playground.feedforward.model import load_model
from playground.feedforward.steady_films import Steady, flow_between, warped, with_contrast_of
from playground.recipe.presets import PRESET_FOLDER


def film(count: int = 7, step: int = 2) -> list[Image.Image]:
    """A camera that slides over a photograph, with a sensor's noise of its own in every frame."""
    from skimage import data

    photo, random = data.chelsea(), np.random.default_rng(0)
    frames = []
    for number in range(count):
        seen = photo[40:200, 60 + step * number : 260 + step * number].astype(float)
        frames.append(Image.fromarray((seen + random.normal(0, 4, seen.shape)).clip(0, 255).astype(np.uint8)))
    return frames


def flicker(painted: list[Image.Image], step: int = 2) -> float:
    """Mean difference of neighbouring frames once the camera's known movement is undone."""
    values = [np.asarray(picture, dtype=float) for picture in painted]
    return float(np.mean([np.abs(b[:, :-step] - a[:, step:]).mean() for a, b in itertools.pairwise(values)]))


def contrast(picture: Image.Image) -> float:
    """Standard deviation of brightness within strokes: what a box of 7 pixels does not hold."""
    grey = np.asarray(picture.convert("L"), dtype=float)
    return float((grey - np.asarray(picture.convert("L").filter(ImageFilter.BoxBlur(3)), dtype=float)).std())


def test_the_warped_difference_is_halved_and_strokes_keep_their_contrast() -> None:
    stylizer, hold, frames = (
        Stylizer(load_model(str(PRESET_FOLDER / "instant" / "mosaic.safetensors"), "cpu")),
        Steady(),
        film(),
    )
    alone = [stylize_picture(stylizer, frame).at() for frame in frames]
    steadied = [hold(frame, picture) for frame, picture in zip(frames, alone, strict=True)]
    assert steadied[0] == alone[0]
    assert flicker(steadied) < 0.5 * flicker(alone)
    kept = np.corrcoef(np.asarray(steadied[-1]).ravel(), np.asarray(alone[-1]).ravel())[0, 1]
    assert kept > 0.8  # it is still that picture
    for each, plain in zip(steadied, alone, strict=True):
        assert contrast(each) > 0.9 * contrast(plain)


def test_movement_is_found_and_undone() -> None:
    before, now = (np.asarray(frame.convert("L"), dtype=np.float32) / 255 for frame in film(2, step=3))
    flow = flow_between(now, before)
    assert np.median(flow[1]) == pytest.approx(3, abs=0.4)
    assert abs(np.median(flow[0])) < 0.3
    exact = np.zeros((2, *now.shape), np.float32)
    exact[1] = 3
    assert np.allclose(warped(before, exact)[:, :-3], before[:, 3:], atol=1e-4)
    down, across = np.mgrid[0:40, 0:60].astype(np.float32)
    wave = np.stack([np.sin(across / 4), np.cos(down / 4 + across / 6)], axis=2)
    between = np.stack([np.full((40, 60), 0.3), np.full((40, 60), -1.6)]).astype(np.float32)
    down, across = down + 0.3, across - 1.6
    wanted = np.stack([np.sin(across / 4), np.cos(down / 4 + across / 6)], axis=2)
    assert np.abs(warped(wave, between) - wanted)[4:-4, 4:-4].max() < 0.02


def test_bicubic_does_not_blur_as_it_moves_again_and_again() -> None:
    from scipy.ndimage import uniform_filter

    picture = uniform_filter(np.random.default_rng(0).random((40, 60)), 3).astype(np.float32)
    half = np.full((2, 40, 60), 0.5, np.float32)
    moved = picture
    for turn in range(8):
        moved = warped(moved, half if turn % 2 else -half)
    assert moved[8:-8, 8:-8].std() > 0.75 * picture[8:-8, 8:-8].std()


def test_contrast_is_given_back_and_colours_stay() -> None:
    strokes = np.random.default_rng(1).normal(128, 40, (60, 80, 3)).astype(np.float32)
    grey = (strokes + 2 * 128) / 3 + np.array([10, 0, -10], np.float32)
    found = with_contrast_of(strokes, with_contrast_of(strokes, with_contrast_of(strokes, grey)))
    assert np.allclose(found.mean((0, 1)), grey.mean((0, 1)), atol=0.5)
    assert contrast_of(found) == pytest.approx(contrast_of(strokes), rel=0.05)
    assert np.array_equal(with_contrast_of(np.full_like(grey, 128), strokes), strokes)  # it never takes any


def contrast_of(values: np.ndarray) -> float:
    return contrast(Image.fromarray(values.clip(0, 255).astype(np.uint8)))


def test_a_cut_leaves_nothing_of_what_was_before() -> None:
    hold = Steady()
    dark, bright = Image.new("RGB", (64, 48), (20, 20, 20)), Image.new("RGB", (64, 48), (230, 230, 230))
    hold(dark, dark)
    assert np.abs(np.asarray(hold(bright, bright), dtype=int) - 230).max() <= 1
    other_size = Image.new("RGB", (48, 64), (230, 230, 230))
    assert hold(other_size, other_size) == other_size


def passing(count: int, step: int = 5) -> list[Image.Image]:
    """Something bright that passes before a dusky sky, which it covers and uncovers."""
    from skimage import data

    sky = Image.fromarray(data.rocket()).crop((0, 0, 480, 360)).resize((160, 120), Image.Resampling.LANCZOS)
    passes, random = Image.fromarray(data.astronaut()).resize((60, 60)), np.random.default_rng(0)
    frames = []
    for number in range(count):
        frame = sky.copy()
        frame.paste(passes, (5 + step * number, 40))
        noisy = np.asarray(frame, dtype=float) + random.normal(0, 2, (120, 160, 3))
        frames.append(Image.fromarray(noisy.clip(0, 255).astype(np.uint8)))
    return frames


def test_what_something_uncovers_is_painted_anew_and_not_drawn_out_of_what_is_beside_it() -> None:
    stylizer, hold, frames = Stylizer(load_model("swirls")), Steady(), passing(11)
    alone = [stylize_picture(stylizer, frame).at() for frame in frames]
    steadied = [hold(frame, picture) for frame, picture in zip(frames, alone, strict=True)]

    def upright(picture: Image.Image) -> float:
        """How much changes along the rows behind it, to how much changes down the columns; streaks have little."""
        behind = np.asarray(picture.convert("L"), dtype=float)[45:95, 15:53]
        return float(np.abs(np.diff(behind, axis=1)).mean() / np.abs(np.diff(behind, axis=0)).mean())

    assert upright(steadied[-1]) > 0.6 * upright(alone[-1])
