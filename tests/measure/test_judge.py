"""The judge against the published network's own answers, and what it says of photo, painting and something between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from playground.images.convert import to_tensor
from playground.measure.judge import JUDGED_CONTENT, JUDGED_STYLE, judged, load_judge
from tests.helpers.painting import Pictures

pytestmark = pytest.mark.usefixtures("judge")


@pytest.mark.parametrize(("name", "classes"), [("chelsea", {281, 282, 285}), ("coffee", {967, 968, 504})])
def test_it_knows_the_cat_from_the_cup(name: str, classes: set[int]) -> None:
    """Tabby, tiger or Egyptian cat; espresso, cup or mug: a wrong graph knows neither."""
    picture = Image.fromarray(getattr(data, name)()).resize((224, 224))
    assert set(load_judge().classes(to_tensor(picture)).topk(2).indices.tolist()) <= classes


def by_loops(maps: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Covariances and means, position by position, in double precision."""
    rows = maps[0].double().flatten(1).T.numpy()
    mean = np.mean(list(rows), 0)
    return np.mean([np.outer(row - mean, row - mean) for row in rows], 0), mean


def centred(rows: np.ndarray) -> np.ndarray:
    return rows - rows.mean(1, keepdims=True)


def test_gain_and_kept_are_those_of_slow_loops(pictures: Pictures) -> None:
    content_image, style_image = pictures[0].resize((48, 32)), pictures[1].resize((48, 40))
    result = Image.blend(content_image, style_image.resize(content_image.size), 0.5)
    found, judge = judged(content_image, style_image, result), load_judge()
    of_content, of_style, of_result = (judge(to_tensor(one)) for one in (content_image, style_image, result))
    gains = []
    for block in JUDGED_STYLE:
        wanted = by_loops(of_style[block])
        apart = []
        for one in (of_result[block], of_content[block]):
            pairs = zip(by_loops(one), wanted, strict=True)
            apart.append(sum(float(((a - b) ** 2).sum() / (b**2).sum()) for a, b in pairs))
        gains.append(1 - (apart[0] / apart[1]) ** 0.5)
    assert found["gain"] == pytest.approx(np.mean(gains), abs=1e-3)
    cosines = []
    for block in JUDGED_CONTENT:
        ours, theirs = (centred(maps[block][0].double().flatten(1).numpy()) for maps in (of_result, of_content))
        cosines.append(np.mean((ours * theirs).sum(0) / np.linalg.norm(ours, axis=0) / np.linalg.norm(theirs, axis=0)))
    assert found["kept"] == pytest.approx(np.mean(cosines), abs=1e-3)


def test_the_photo_itself_has_gained_nothing_and_kept_all(pictures: Pictures) -> None:
    content_image, style_image = (one.resize((64, 48)) for one in pictures)
    assert judged(content_image, style_image, content_image) == pytest.approx({"gain": 0.0, "kept": 1.0}, abs=1e-4)
    of_style = judged(content_image, style_image, style_image)
    assert of_style["gain"] > 0.99
    assert of_style["kept"] < 0.5


def test_a_machine_without_it_judges_nothing(
    pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path))
    load_judge.cache_clear()
    assert judged(pictures[0], pictures[1], pictures[0]) == {}
