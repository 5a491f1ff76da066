"""The desk of regions without a browser: strokes drawn by hand survive whatever completes them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from playground.images.regions import decode_labels, encode_labels
from playground.images.scribbles import UNKNOWN
from playground.recipe.model import Recipe
from playground.web.components import brush
from playground.web.studio import regions
from playground.web.studio.paintings import Paintings
from playground.web.studio.regions import RegionDesk, own_strokes
from playground.web.studio.session import Session
from playground.web.words import say
from tests.helpers.page import Names

SIZE = (120, 90)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> RegionDesk:
    """One that sees a contour down the middle of every photo."""

    def middle(picture: torch.Tensor, device: str) -> torch.Tensor:
        edges = torch.zeros(picture.shape[-2:])
        edges[:, picture.shape[-1] // 2] = 0.9
        return edges

    monkeypatch.setattr(regions, "contours", middle)
    monkeypatch.setattr(brush, "value", lambda photo, labels, place: labels)
    jobs: Any = SimpleNamespace(turn=lambda: SimpleNamespace(do=lambda act: act()), here="cpu")
    return RegionDesk(Names(), Paintings(Names()), jobs)


@pytest.fixture
def photo(tmp_path: Path) -> str:
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(90, 110, (*SIZE[::-1], 3)).astype(np.uint8)).save(path)
    return str(path)


def painted(monkeypatch: pytest.MonkeyPatch, strokes: np.ndarray) -> dict[str, str]:
    monkeypatch.setattr(brush, "strokes_of", lambda given: strokes)
    return {}


def test_strokes_stay_as_drawn_along_contours(desk: RegionDesk, photo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    page, strokes = Session(Recipe()), np.full(SIZE[::-1], UNKNOWN)
    page.more = [Image.new("RGB", (40, 30))]
    strokes[10:70, 20], strokes[10:70, 100], strokes[80:84, 30:90] = 1, 2, 0
    desk.take("complete", page, photo, painted(monkeypatch, strokes))
    completed = decode_labels(page.base.regions)
    desk.take("snap", page, photo, painted(monkeypatch, completed.astype(int)))  # as the canvas shows it now
    found = decode_labels(page.base.regions)
    drawn = strokes != UNKNOWN
    assert (found[drawn] == strokes[drawn]).all()
    assert not np.array_equal(found, completed)
    assert len(np.unique(found[:60, :50])) == len(np.unique(found[:60, 70:])) == 1  # the rest is whole patches
    more = found.astype(int)
    more[5:9, 90:110] = 1  # drawn over the map
    desk.take("snap", page, photo, painted(monkeypatch, more))
    again = decode_labels(page.base.regions)
    assert (again[5:9, 90:110] == 1).all()
    assert (again[drawn] == strokes[drawn]).all()


def test_a_loaded_map_is_not_a_stroke() -> None:
    labels = np.ones(SIZE[::-1], np.uint8)
    labels[:, 60:] = 2
    page = Session(Recipe(regions=encode_labels(labels)))
    assert (own_strokes(page, labels.astype(int)) == UNKNOWN).all()


def test_a_map_that_is_all_black_says_so_at_once(desk: RegionDesk, photo: str, tmp_path: Path) -> None:
    page, path = Session(Recipe()), tmp_path / "map.png"
    Image.new("RGB", SIZE).save(path)
    updates: Any = desk.load(page, photo, str(path))
    assert say("regions.all_black") in updates["paintings-message"]
