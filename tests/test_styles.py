"""The style pictures: what a style statistic needs is in the files, their captions match them, the script repaints them."""

from __future__ import annotations

import importlib
import itertools
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

STYLES = Path(__file__).parent.parent / "presets" / "styles"
FILES = sorted(STYLES.glob("*.jpg"))
# The weakest band of the eight pictures measures 4.7 grey levels; white noise 0.9, stripes 1.1, a smooth ramp 0.1.
MIN_BAND = 4.0


@pytest.fixture
def paint(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(STYLES))
    return importlib.import_module("paint")


def band_energies(grey: NDArray[np.float64]) -> list[float]:
    """Deviation, in grey levels, of the picture's details between 1 and 2, 2 and 4, ... 16 and 32 pixels, and below 1."""
    blurred = [ndimage.gaussian_filter(grey, sigma) for sigma in (0, 1, 2, 4, 8, 16, 32)]
    return [float((fine - coarse).std()) for fine, coarse in itertools.pairwise(blurred)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_picture_has_texture_at_every_scale(file: Path) -> None:
    with Image.open(file) as picture:
        assert max(picture.size) >= 512
        assert file.stat().st_size < 250_000
        grey = np.asarray(picture.convert("L"), float)
        colour = np.asarray(picture.convert("YCbCr"), float)[..., 1:]
    assert min(band_energies(grey)) > MIN_BAND
    assert colour.std((0, 1)).min() > 5  # measured: 10.7 and more; a grey picture has 0


def test_single_scale_pictures_would_fail() -> None:
    x = np.arange(640)
    stripes = np.tile(127 + 120 * np.sin(0.4 * x), (480, 1))
    noise = np.random.default_rng(0).uniform(0, 255, (480, 640))
    ramp = np.tile(x / 640 * 255, (480, 1))
    for single in (stripes, noise, ramp):
        assert min(band_energies(single)) < MIN_BAND / 2


def test_captions_scripts_and_files_agree(paint: ModuleType) -> None:
    captions = json.loads((STYLES / "styles.json").read_text(encoding="utf-8"))
    assert [caption["file"] for caption in captions] == [f"{name}.jpg" for name in paint.PICTURES]
    assert {caption["file"] for caption in captions} == {file.name for file in FILES}
    readme = (STYLES / "README.md").read_text(encoding="utf-8")
    for caption in captions:
        assert f"| `{caption['file']}` | {caption['title']} |" in readme
        assert caption["description"].endswith(".")


@pytest.mark.slow  # half a minute, for scripts that change once a year
@pytest.mark.parametrize("name", ["stained_glass", "cubist"])
def test_repainting_gives_the_same_bytes(paint: ModuleType, name: str) -> None:
    first = paint.paint(name, 96)
    assert max(first.size) == 96
    assert first.tobytes() == paint.paint(name, 96).tobytes()


@pytest.mark.slow  # as above
def test_small_repaint_looks_like_the_shipped_file(paint: ModuleType) -> None:
    small = np.asarray(paint.paint("ink_wash", 128), float)
    with Image.open(STYLES / "ink_wash.jpg") as picture:
        shipped = np.asarray(picture.resize(small.shape[1::-1], Image.Resampling.LANCZOS), float)
    assert np.corrcoef(small.ravel(), shipped.ravel())[0, 1] > 0.8
