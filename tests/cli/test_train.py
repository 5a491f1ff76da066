"""`train` as a person or a script uses it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from playground.feedforward.model import load_model
from playground.networks.read import Weights
from tests.helpers.cli import STYLE, TINY, answer, complaint, opened


def test_train_resume_and_apply(hed: Weights, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = tmp_path / "photos"
    (photos / "nested").mkdir(parents=True)
    picture = opened(photo)
    picture.save(photos / "a.jpg")
    picture.convert("L").save(photos / "nested" / "b.png")
    (photos / "broken.jpg").write_bytes((photos / "a.jpg").read_bytes()[:500])
    output = tmp_path / "swirls.safetensors"
    first = answer(capsys, "train", STYLE, "--photos", photos, "-o", output, "--steps", 2, *TINY)
    assert {"output", "steps", "seconds", "losses", "curve", "photos", "recipe"} <= first.keys()
    assert (first["output"], first["steps"], first["photos"], first["broken"]) == (str(output), 2, 2, ["broken.jpg"])
    assert first["losses"].keys() == {"content", "style", "variation", "total"}
    assert first["recipe"]["preset"] == "fast-default"
    assert first["seconds"] > 0
    then = answer(capsys, "train", STYLE, "--photos", photos, "-o", output, "--steps", 5, "--resume", "--half")
    assert then["steps"] == 5
    assert [point["step"] for point in then["curve"]] == [1, 2, 3, 4, 5]
    assert then["curve"][:2] == first["curve"]
    assert then["seconds"] > first["seconds"]
    assert then["recipe"]["width"] == 4
    about = load_model(output).card
    assert (about.title, about.steps, about.photos) == ("swirls", 5, 2)
    assert load_file(output)["out.conv.weight"].dtype == torch.float16
    painted = answer(capsys, "apply", output, photo)
    assert painted["outputs"] == [str(tmp_path / "photo-swirls.png")]
    assert opened(painted["outputs"][0]).size == (130, 97)
    assert painted["seconds"] > 0
    assert painted["device"] == "cpu"


def test_what_train_refuses(hed: Weights, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    output = tmp_path / "m.safetensors"
    start = ("train", STYLE, "--photos", photos, "-o")
    assert "holds no photograph" in complaint(capsys, *start, output)
    opened(photo).save(photos / "a.png")
    assert "must end in .safetensors" in complaint(capsys, *start, tmp_path / "m.pth")
    assert "does not exist" in complaint(capsys, *start, tmp_path / "missing" / "m.safetensors")
    assert "no train preset" in complaint(capsys, *start, output, "--preset", "default")
    assert "batch_size" in complaint(capsys, *start, output, "--set", "batch_size=0")
    assert "steps" in complaint(capsys, *start, output, "--steps", "0")
    assert "style_weight" in complaint(capsys, *start, output, "--set", "style_weight=NaN")
    assert "there is no setting called" in complaint(capsys, *start, output, "--set", "batches=2")
    assert "of painting" in complaint(capsys, *start, output, "--set", "canvas=hrnet")
    assert "no checkpoint" in complaint(capsys, *start, output, "--resume", *TINY)
    assert "the style picture" in complaint(capsys, "train", "none.png", "--photos", photos, "-o", output).lower()
    assert "no folder" in complaint(capsys, "train", STYLE, "--photos", tmp_path / "none", "-o", output)
    assert "--photos" in complaint(capsys, "train", STYLE, "-o", output)
    assert "vgg16-imagenet" in complaint(capsys, *start, output, "--preset", "fast-1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.png", "photos"]


def test_a_source_preset_runs_on_the_default_network(
    hed: Weights, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "m.safetensors"
    said = answer(
        capsys, "train", STYLE, "--photos", "scikit-image", "-o", output, "--preset", "fast-4", "--set",
        "network=vgg16-hed", "--steps", 1, *TINY,
    )  # fmt: skip
    assert (said["recipe"]["numbers"], said["recipe"]["pool"]) == ("adapted", "average")
