"""Fixtures of the command line's tests: a folder with a pair of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from playground.feedforward.model import ModelCard, save_model
from tests.feedforward.test_model import lively


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a photo (80×60) and a painting (60×72), both of smooth noise."""
    rng = np.random.default_rng(5)
    for name, (width, height) in {"photo.png": (80, 60), "painting.png": (60, 72)}.items():
        small = Image.fromarray(rng.integers(0, 256, (height // 6, width // 6, 3), dtype=np.uint8))
        small.resize((width, height), Image.Resampling.BICUBIC).save(tmp_path / name)
    return tmp_path


@pytest.fixture
def pair(folder: Path) -> list[str]:
    return [str(folder / "photo.png"), str(folder / "painting.png")]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    from skimage import data

    path = tmp_path / "photo.png"
    Image.fromarray(data.coffee()[:97, :130]).save(path)
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save_model(lively(), ModelCard("my style"), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"
