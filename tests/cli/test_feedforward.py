"""`train`, `apply`, `export` and `compare` as a person or a script uses them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from playground.cli import app as cli
from playground.images.load import load_picture
from playground.measure.compare import compare as through_all
from playground.measure.compare import matching_model, sheet
from playground.networks.transformer import ModelCard, load_model, save_model
from playground.networks.weights import Weights
from tests.feedforward.test_model import lively

STYLES = Path(__file__).resolve().parent.parent / "presets" / "styles"
STYLE = STYLES / "swirls.jpg"
TINY = [
    "--set",
    "image_size=64",
    "--set",
    "batch_size=1",
    "--set",
    "width=4",
    "--set",
    "blocks=1",
    "--set",
    "style_size=64",
]


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


def answer(capsys: pytest.CaptureFixture[str], *args: object) -> dict[str, Any]:
    """The JSON that a command prints, and nothing else, on stdout."""
    capsys.readouterr()
    assert cli.main([str(arg) for arg in args] + ["--json"]) == 0
    return json.loads(capsys.readouterr().out)


def complaint(capsys: pytest.CaptureFixture[str], *args: object) -> str:
    """The one line of a command that fails."""
    capsys.readouterr()
    assert cli.main([str(arg) for arg in args]) == 2
    out, error = capsys.readouterr()
    lines = error.strip().splitlines()
    assert out == ""
    assert lines[-1].startswith("error: ")
    assert sum(line.startswith("error: ") for line in lines) == 1
    return lines[-1]


# ---- train ----------------------------------------------------------------------------------------------------------


def test_train_resume_and_apply(hed: Weights, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = tmp_path / "photos"
    (photos / "nested").mkdir(parents=True)
    picture = Image.open(photo)
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
    assert Image.open(painted["outputs"][0]).size == (130, 97)
    assert painted["seconds"] > 0
    assert painted["device"] == "cpu"


def test_what_train_refuses(hed: Weights, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    output = tmp_path / "m.safetensors"
    start = ("train", STYLE, "--photos", photos, "-o")
    assert "holds no photograph" in complaint(capsys, *start, output)
    Image.open(photo).save(photos / "a.png")
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


# ---- apply ----------------------------------------------------------------------------------------------------------


def test_apply_names_its_results_freely_and_replaces_only_what_it_was_told_to(
    photo: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (answer(capsys, "apply", model, photo)["outputs"][0] for _ in range(2))
    assert [Path(first).name, Path(second).name] == ["photo-my_style.png", "photo-my_style-2.png"]
    chosen = tmp_path / "out.jpg"
    chosen.write_bytes(b"old")
    assert answer(capsys, "apply", model, photo, "-o", chosen)["outputs"] == [str(chosen)]
    assert Image.open(chosen).format == "JPEG"


def test_apply_paints_a_folder_and_skips_what_is_broken(
    photo: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, results = tmp_path / "in", tmp_path / "results"
    folder.mkdir()
    results.mkdir()
    picture = Image.open(photo)
    picture.save(folder / "a.png")
    picture.convert("RGBA").resize((40, 33)).save(folder / "b.webp")
    picture.save(folder / "c.gif", save_all=True, append_images=[picture.rotate(90)])
    (folder / "d.jpg").write_bytes(b"broken")
    (folder / "notes.txt").write_text("none")
    said = answer(capsys, "apply", model, folder, "-o", results)
    names = [Path(path).name for path in said["outputs"]]
    assert names == ["a-my_style.png", "b-my_style.png", "c-my_style.gif"]
    assert said["skipped"] == [str(folder / "d.jpg")]
    assert Image.open(results / "b-my_style.png").size == (40, 33)
    assert Image.open(results / "c-my_style.gif").n_frames == 2


def test_strength_and_colours_reach_the_picture(
    photo: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    answer(capsys, "apply", model, photo, "-o", out, "--strength", 0)
    assert np.array_equal(np.asarray(Image.open(out)), np.asarray(Image.open(photo)))
    answer(capsys, "apply", model, photo, "-o", out)
    full = np.asarray(Image.open(out)).astype(int)
    answer(capsys, "apply", model, photo, "-o", out, "--original-colours")
    assert np.abs(np.asarray(Image.open(out)).astype(int) - full).max() > 20


def test_what_apply_refuses(photo: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for strength in ("-0.1", "1.5", "nan"):
        assert "strength" in complaint(capsys, "apply", model, photo, f"--strength={strength}")
    assert "there is no model" in complaint(capsys, "apply", "nothing", photo)
    assert "does not exist" in complaint(capsys, "apply", model, tmp_path / "none.png")
    assert "must be a folder" in complaint(capsys, "apply", model, photo, photo, "-o", tmp_path / "one.png")
    assert "does not exist" in complaint(capsys, "apply", model, photo, "-o", tmp_path / "missing" / "x.png")
    assert "suffix" in complaint(capsys, "apply", model, photo, "-o", tmp_path / "x.bmp")
    assert "PICTURE" in complaint(capsys, "apply", model)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no picture" in complaint(capsys, "apply", model, empty)


# ---- export, compare ------------------------------------------------------------------------------------------------


def test_export_writes_beside_the_model(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = answer(capsys, "export", model)
    assert said["output"] == str(tmp_path / "model.onnx")
    assert said["megabytes"] == pytest.approx((tmp_path / "model.onnx").stat().st_size / 1e6)
    assert ".onnx" in complaint(capsys, "export", model, "-o", tmp_path / "x.pt")


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
    board = Image.open(tmp_path / "sheet.png")
    assert board.width > 5 * 64
    assert board.height > 64
    assert complaint(capsys, "compare", photo, STYLE, "-o", tmp_path / "none" / "x.png")


def test_without_a_model_of_the_painting_the_instant_column_is_left_out(hed: Weights, photo: Path) -> None:
    picture = load_picture(photo)
    assert matching_model(picture) is None
    entries = list(through_all(picture, picture, 64, 0.2))
    assert [entry.method for entry in entries] == ["pixels", "network"]
    assert sheet(picture, picture, entries).width > 4 * 64
