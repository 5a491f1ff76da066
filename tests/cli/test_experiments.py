"""The source's five trainings as one grid, from one command."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest

from playground.cli.experiments import EXPERIMENTS, what_varies
from playground.recipe.presets import load_training_preset
from tests.helpers.cli import STYLE, TINY, answer, complaint, opened


@pytest.mark.usefixtures("hed")
def test_the_five_trainings_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "grid.png"
    about = answer(capsys, "experiments", STYLE, "-o", sheet, "--steps", 12, "--samples", 2, "--device", "cpu", *TINY)
    assert [one["preset"] for one in about["experiments"]] == ["fast-1", "fast-2", "fast-3", "fast-4", "fast-5"]
    assert (about["steps"], about["photos"], about["sheet"]) == (12, 5, str(sheet))
    assert all(one["losses"]["total"] > 0 and one["seconds"] > 0 for one in about["experiments"])
    pixels = np.asarray(opened(sheet)).astype(int)
    row = pixels.shape[0] // 6  # the photographs, and five rows of the same height
    first = [pixels[k * row + 16 : k * row + 272, 16:272] for k in range(6)]
    assert all((a != b).any() for k, a in enumerate(first) for b in first[:k])
    for one in about["experiments"]:  # the real one: with the whole of the preset
        words = shlex.split(one["command"])
        assert words[:4] == ["python", "-m", "playground", "train"]
        assert words[words.index("--preset") + 1] == one["preset"]
        assert "--steps" not in words


def test_experiments_are_told_apart_by_what_they_vary() -> None:
    said = [what_varies(name) for name in EXPERIMENTS]
    assert said == [
        "batches of 4, 10 epochs, style 1e+10, content 1e+05, max pools",
        "batches of 4, 4 epochs, style 1e+11, content 1e+04, max pools",
        "batches of 4, 2 epochs, style 1e+11, content 1e+06, max pools",
        "batches of 8, 20 epochs, style 1e+11, content 1e+06, average pools",
        "batches of 4, 2 epochs, style 1e+21, content 1e+04, max pools",
    ]
    assert load_training_preset("fast-4").steps is None  # as its epochs ask


def test_no_folder_is_made_and_no_photograph_guessed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "create it first" in complaint(capsys, "experiments", STYLE, "-o", tmp_path / "nowhere" / "grid.png")
    assert "no folder" in complaint(
        capsys, "experiments", STYLE, "-o", tmp_path / "grid.png", "--photos", tmp_path / "none"
    )
    assert list(tmp_path.iterdir()) == []
