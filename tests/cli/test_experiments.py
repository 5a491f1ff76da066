"""The source's five trainings as one grid, from one command."""

from __future__ import annotations

import itertools
import shlex
from pathlib import Path

import numpy as np
import pytest

from playground.cli.app import main
from playground.cli.experiments import EXPERIMENTS, what_varies
from playground.recipe.parse import parse_setting, training_on_preset
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
    for one in about["experiments"]:
        assert (one["numbers"], "adapted to vgg16-hed" in one["varies"]) == ("adapted", True)
        words = shlex.split(one["command"])  # the real one: as long as the preset's, on the same network
        assert words[:4] == ["python", "-m", "playground", "train"]
        assert words[words.index("--preset") + 1] == one["preset"]
        asked = [word for before, word in itertools.pairwise(words) if before == "--set"]
        assert asked == ["network=vgg16-hed", *(text for text in TINY if text != "--set")]
        real = training_on_preset(one["preset"], dict(map(parse_setting, asked)))
        assert (real.steps, real.network, real.image_size) == (None, "vgg16-hed", 64)
        assert one["trains"] == ", ".join([*what_varies(real), f"{real.epochs} epochs"])


def test_experiments_are_told_apart_by_what_they_were_trained_with() -> None:
    assert what_varies(load_training_preset("fast-4")) == [
        "batches of 8", "style 1e+11", "content 1e+06", "the source's numbers, average pools",
    ]  # fmt: skip
    assert load_training_preset("fast-4").steps is None  # as its epochs ask
    recipe = load_training_preset("fast-5", "vgg16-hed").changed({"batch_size": 1})
    assert what_varies(recipe) == [
        "batches of 1", "style 9.1e+13", "content 2.9", "adapted to vgg16-hed, max pools",
    ]  # fmt: skip
    said = [what_varies(load_training_preset(name, network)) for name in EXPERIMENTS for network in (None, "vgg16-hed")]
    assert len({tuple(words) for words in said}) == len(said)


@pytest.mark.usefixtures("hed")
def test_what_was_set_is_said_and_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--steps", "1", "--samples", "1", "--device", "cpu", *TINY, "--set", 'style_layers={"conv1_1": 2}']
    assert main(["experiments", str(STYLE), "-o", str(tmp_path / "grid.png"), *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    for line in lines[1:6]:
        assert 'style_layers={"conv1_1": 2}' in shlex.split(line, comments=True)
        assert "adapted to vgg16-hed" in line.partition("#")[2]
    assert lines[6] == "Exactly the source's numbers are for vgg16-imagenet: `--set network=vgg16-imagenet`."


def test_no_folder_is_made_and_no_photograph_guessed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "create it first" in complaint(capsys, "experiments", STYLE, "-o", tmp_path / "nowhere" / "grid.png")
    assert "no folder" in complaint(
        capsys, "experiments", STYLE, "-o", tmp_path / "grid.png", "--photos", tmp_path / "none"
    )
    assert list(tmp_path.iterdir()) == []
