"""`compare` as a person or a script uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from playground.images.load import load_picture
from playground.measure.compare import compare as through_all
from playground.measure.compare import matching_model
from playground.measure.sheet import sheet
from playground.networks.read import Weights
from tests.helpers.cli import STYLE, answer, complaint, opened


def test_compare_measures_every_method_alike(
    hed: Weights, photo: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = answer(
        capsys, "compare", photo, STYLE, "--model", model, "--size", 64, "--seconds", 0.3, "-o", tmp_path / "sheet.png"
    )
    assert [method["method"] for method in said["methods"]] == ["instant", "pixels", "network"]
    for method in said["methods"]:
        assert method["seconds"] > 0
        assert method["content"] >= 0
        assert method["style"] > 0
        assert -1 <= method["structure"] <= 1
    board = opened(tmp_path / "sheet.png")
    assert board.width > 5 * 64
    assert board.height > 64
    assert complaint(capsys, "compare", photo, STYLE, "-o", tmp_path / "none" / "x.png")


def test_without_a_model_of_the_painting_the_instant_column_is_left_out(hed: Weights, photo: Path) -> None:
    picture = load_picture(photo)
    assert matching_model(picture) is None
    entries = list(through_all(picture, picture, 64, 0.2))
    assert [entry.method for entry in entries] == ["pixels", "network"]
    assert sheet(picture, picture, entries).width > 4 * 64
