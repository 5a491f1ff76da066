"""`apply` as a person or a script uses it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from playground.cli.app import main
from playground.recipe.presets import PRESET_FOLDER
from tests.helpers.cli import answer, complaint, opened


def test_apply_names_its_results_freely_and_replaces_only_what_it_was_told_to(
    photo: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (answer(capsys, "apply", model, photo)["outputs"][0] for _ in range(2))
    assert [Path(first).name, Path(second).name] == ["photo-my_style.png", "photo-my_style-2.png"]
    chosen = tmp_path / "out.jpg"
    chosen.write_bytes(b"old")
    assert answer(capsys, "apply", model, photo, "-o", chosen)["outputs"] == [str(chosen)]
    assert opened(chosen).format == "JPEG"


def test_apply_paints_a_folder_and_skips_what_is_broken(
    photo: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, results = tmp_path / "in", tmp_path / "results"
    folder.mkdir()
    results.mkdir()
    picture = opened(photo)
    picture.save(folder / "a.png")
    picture.convert("RGBA").resize((40, 33)).save(folder / "b.webp")
    picture.save(folder / "c.gif", save_all=True, append_images=[picture.rotate(90)])
    (folder / "d.jpg").write_bytes(b"broken")
    (folder / "notes.txt").write_text("none")
    said = answer(capsys, "apply", model, folder, "-o", results)
    names = [Path(path).name for path in said["outputs"]]
    assert names == ["a-my_style.png", "b-my_style.png", "c-my_style.gif"]
    assert said["skipped"] == [str(folder / "d.jpg")]
    assert opened(results / "b-my_style.png").size == (40, 33)
    with Image.open(results / "c-my_style.gif") as film:
        assert getattr(film, "n_frames", 1) == 2


def test_strength_and_colours_reach_the_picture(
    photo: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    answer(capsys, "apply", model, photo, "-o", out, "--strength", 0)
    assert np.array_equal(np.asarray(opened(out)), np.asarray(opened(photo)))
    answer(capsys, "apply", model, photo, "-o", out)
    full = np.asarray(opened(out)).astype(int)
    answer(capsys, "apply", model, photo, "-o", out, "--original-colours")
    assert np.abs(np.asarray(opened(out)).astype(int) - full).max() > 20


def test_what_apply_refuses(photo: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for strength in ("-0.1", "1.5", "nan"):
        assert "strength" in complaint(capsys, "apply", model, photo, f"--strength={strength}")
    assert "0.5 to 3 times" in complaint(capsys, "apply", model, photo, "--strokes", 9)
    assert "there is no model" in complaint(capsys, "apply", "nothing", photo)
    assert "does not exist" in complaint(capsys, "apply", model, tmp_path / "none.png")
    assert "must be a folder" in complaint(capsys, "apply", model, photo, photo, "-o", tmp_path / "one.png")
    assert "does not exist" in complaint(capsys, "apply", model, photo, "-o", tmp_path / "missing" / "x.png")
    assert "suffix" in complaint(capsys, "apply", model, photo, "-o", tmp_path / "x.bmp")
    assert "PICTURE" in complaint(capsys, "apply", model)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no picture" in complaint(capsys, "apply", model, empty)


def test_the_size_of_strokes_reaches_the_picture(photo: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, broad = (
        opened(answer(capsys, "apply", model, photo, "--strokes", strokes)["outputs"][0]) for strokes in (1, 2)
    )
    assert plain.size == broad.size
    assert np.abs(np.asarray(plain, float) - np.asarray(broad, float)).mean() > 1


def test_a_size_for_print_reaches_the_picture_and_its_file(
    photo: Path, model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.cli.apply.SAID_FROM", 200)
    first, second = (
        opened(answer(capsys, "apply", model, photo, *asked)["outputs"][0])
        for asked in (["--size", 64], ["--cm", 5, "--dpi", 150])
    )
    assert (first.size, "dpi" in first.info) == ((64, 48), False)
    assert max(second.size) == round(5 / 2.54 * 150)
    assert second.info["dpi"] == pytest.approx((150, 150), abs=0.1)
    assert main(["apply", str(model), str(photo), "--size", "300"]) == 0
    assert "300×224 px, 3 cm at 300 dpi: about" in capsys.readouterr().err


def test_what_is_no_size_is_one_line(
    photo: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "not both" in complaint(capsys, "apply", model, photo, "--size", 300, "--cm", 30)
    assert "64 to 16384 px, not 20000" in complaint(capsys, "apply", model, photo, "--size", 20000)
    assert "64 to 16384 px, not 12" in complaint(capsys, "apply", model, photo, "--cm", 0.1)
    for cm in ("nan", "inf"):
        assert "length on paper" in complaint(capsys, "apply", model, photo, "--cm", cm)
    film = tmp_path / "film.gif"
    opened(photo).save(film, save_all=True, append_images=[opened(photo).rotate(90)])
    assert "'film.gif' is a film" in complaint(capsys, "apply", model, film, "--size", 100)
    assert "apply --cm 30" in complaint(capsys, "print", photo, photo, photo)


@pytest.mark.usefixtures("any_painting")
def test_any_painting_is_a_model_and_paintings_blend(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    styles = [PRESET_FOLDER / "styles" / name for name in ("swirls.jpg", "woodcut_wave.jpg")]
    one = answer(capsys, "apply", f"any:{styles[0]}", photo)["outputs"][0]
    assert Path(one).name == "photo-swirls.png"
    assert opened(one).size == opened(photo).size
    both = answer(capsys, "apply", f"any:{styles[0]}", "--style", f"{styles[1]}:3", photo)["outputs"][0]
    assert Path(both).name == "photo-swirls-woodcut_wave.png"
    alone = answer(capsys, "apply", f"any:{styles[0]}", "--style", f"{styles[1]}:0", photo, "-o", tmp_path / "a.png")
    first, blend, same = (np.asarray(opened(path), float) for path in (one, both, alone["outputs"][0]))
    assert np.array_equal(first, same)
    assert np.abs(first - blend).mean() > 3


def test_trained_networks_blend(photo: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def painted(*arguments: object) -> np.ndarray:
        return np.asarray(opened(answer(capsys, "apply", *arguments, photo)["outputs"][0]), float)

    swirls, own = painted("swirls"), painted(model)
    assert np.array_equal(painted("swirls", "--style", f"{model}:0"), swirls)
    assert np.array_equal(painted("swirls:0", "--style", f"{model}:0.2"), own)
    both = answer(capsys, "apply", "swirls:3", "--style", model, photo)["outputs"][0]
    assert Path(both).name.startswith("photo-swirls-my_style")
    blend = np.asarray(opened(both), float)
    assert 3 < np.abs(blend - swirls).mean() < np.abs(blend - own).mean()


@pytest.mark.usefixtures("any_painting")
def test_a_trained_network_blends_with_any_painting(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    painting = PRESET_FOLDER / "styles" / "pointillism.jpg"
    found = [
        answer(capsys, "apply", first, "--style", second, photo)["outputs"][0]
        for first, second in (("swirls", painting), (f"any:{painting}", "swirls"))
    ]
    assert [Path(path).name for path in found] == ["photo-swirls-pointillism.png", "photo-pointillism-swirls.png"]
    one, other = (np.asarray(opened(path), float) for path in found)
    assert np.abs(one - other).max() <= 1


@pytest.mark.parametrize(
    ("model", "more", "words"),
    [
        ("swirls", ["--style", "x.jpg"], "x.jpg"),
        ("swirls", ["--style", "nothing"], "there is no model 'nothing'; give a file, or one of mosaic"),
        ("swirls:-1", ["--style", "mosaic"], "weight of 'swirls' must be a number of 0 or more, not -1"),
        ("swirls", ["--style", "mosaic:nan"], "weight of 'mosaic'"),
        ("swirls:0", ["--style", "mosaic:0"], "at least one style needs a weight above 0"),
        ("swirls", ["--style", "mosaic"] * 4, "one to 4 styles, not 5"),
        ("any:nothing.jpg", [], "nothing.jpg"),
        ("any:x.jpg", ["--style", "y.jpg:-1"], "weight of 'y.jpg'"),
        ("any:x.jpg", ["--style", "y.jpg:inf"], "weight of 'y.jpg'"),
    ],
)
def test_what_cannot_be_blended_is_one_line(
    photo: Path, capsys: pytest.CaptureFixture[str], model: str, more: list[str], words: str
) -> None:
    assert words in complaint(capsys, "apply", model, photo, *more)
