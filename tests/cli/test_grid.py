"""`grid` and `lessons`: one sheet, one JSON object, cells that re-run to the same bits, and one line for what cannot be."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from playground.cli.app import main
from playground.experiments import run_here, sheet
from playground.experiments.run_here import CellWork
from playground.networks import catalogue
from tests.helpers.cli import LIGHT, STYLE, answer, complaint, opened, pixels

QUICK = [
    "--set",
    "size=64",
    "--set",
    "iterations=4",
    "--set",
    "optimizer=adam",
    "--set",
    "scales=1",
    *LIGHT,
    "--device",
    "cpu",
]


@pytest.fixture
def photo(tmp_path: Path, pictures: tuple[Image.Image, Image.Image]) -> Path:
    path = tmp_path / "photo.png"
    pictures[0].save(path)
    return path


@pytest.fixture(autouse=True)
def cells_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hed: object) -> None:
    """Cells are kept in a home of their own, which has the real one's networks."""
    home, real = tmp_path / "home", catalogue.home()
    home.mkdir()
    for file in real.iterdir():
        if file.is_file():
            (home / file.name).symlink_to(file)
    monkeypatch.setenv("PLAYGROUND_HOME", str(home))


def test_a_grid_says_what_each_cell_is_and_its_file_re_runs_to_the_same_bits(
    photo: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = ["grid", photo, STYLE, "--axis", "style_weight=1,100", "--axis", "seed=0,1", *QUICK]
    found = answer(capsys, *asked)
    assert found["sheet"] == str(photo.with_name("photo-grid.png"))
    assert opened(found["sheet"]).height > 300
    assert [cell["settings"] for cell in found["cells"]] == [
        {"style_weight": weight, "seed": seed} for weight in (1, 100) for seed in (0, 1)
    ]
    for cell in found["cells"]:
        assert {"settings", "losses", "distances", "seconds", "cached", "where", "picture"} <= cell.keys()
        assert (cell["cached"], cell["where"]) == (False, "here")
        assert Path(cell["picture"]).is_absolute()
    last = Path(found["cells"][3]["picture"])
    again = tmp_path / "again.png"
    answer(capsys, "stylize", photo, STYLE, "--recipe", last, "-o", again, "--device", "cpu")
    assert pixels(again) == pixels(last)
    second = answer(capsys, *asked, "-o", tmp_path / "second.png")
    assert all(cell["cached"] for cell in second["cells"])
    assert pixels(Path(second["cells"][3]["picture"])) == pixels(last)
    assert not any(cell["cached"] for cell in answer(capsys, *asked, "--fresh")["cells"])


@pytest.mark.parametrize(("axis", "alike"), [("style_weight=1,100", False), ("seed=0,1", True)])
def test_only_losses_that_can_be_compared_stand_beneath_cells(
    photo: Path, axis: str, alike: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    plain = sheet.draw_sheet

    def noted(*given: Any, **named: Any) -> Image.Image:
        notes.extend(given[-1].values())
        return plain(*given, **named)

    monkeypatch.setattr(sheet, "draw_sheet", noted)
    assert main(["grid", str(photo), str(STYLE), "--axis", axis, *QUICK]) == 0
    said = capsys.readouterr().out
    assert len(notes) == 2
    assert all(note.startswith("loss " if alike else "from the painting ") for note in notes)
    assert ("losses cannot be compared" in said) != alike


def drawn_sheets(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each sheet is asked to show besides its cells."""
    plain, asked = sheet.draw_sheet, list[dict[str, Any]]()

    def noted(*given: Any, **named: Any) -> Image.Image:
        asked.append(named)
        return plain(*given, **named)

    monkeypatch.setattr(sheet, "draw_sheet", noted)
    return asked


def test_a_grid_that_is_broken_off_keeps_what_is_done_and_goes_on_from_there(
    photo: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["grid", photo, STYLE, "--axis", "seed=0,1,2", *QUICK, "--set", "iterations=12"]
    plain = run_here._take_turn

    def broken_off(work: CellWork, *given: Any) -> None:
        if work.index == 1:
            signal.raise_signal(signal.SIGINT)
        plain(work, *given)

    monkeypatch.setattr(run_here, "_take_turn", broken_off)
    first = answer(capsys, *asked)
    assert [cell["settings"]["seed"] for cell in first["cells"]] == [0]
    assert Path(first["sheet"]).exists()
    monkeypatch.undo()
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    again = answer(capsys, *asked, "-o", tmp_path / "again.png")
    assert [cell["cached"] for cell in again["cells"]] == [True, False, False]


def test_a_cells_figures_are_named(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grid", str(photo), str(STYLE), "--axis", "seed=0", *QUICK]) == 0
    cell, meaning, path = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"seed 0: loss \S+, from the photo \S+, from the painting \S+, structure kept \S+, edges kept \S+, like the photo \S+, "
        r"green to red a \S+, blue to yellow b \S+, seconds \S+, here",
        cell,
    )
    assert "CIE Lab" in meaning
    assert path.endswith("photo-grid.png")


def test_cells_from_a_file_and_a_folder_of_photos(
    photo: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = tmp_path / "cells.json"
    listed.write_text(json.dumps({"cells": [{"label": "cold", "set": {"seed": 4}}, {"style_weight": 5}]}))
    found = answer(capsys, "grid", photo, STYLE, "--cells", listed, *QUICK)
    assert [cell["labels"] for cell in found["cells"]] == [["cold"], ["style weight 5"]]
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a", "b"):
        opened(photo).rotate(90 * (name == "b"), expand=True).save(folder / f"{name}.png")
    drawn = drawn_sheets(monkeypatch)
    many = answer(capsys, "grid", folder, STYLE, *QUICK, "-o", tmp_path / "many.png")
    assert [name for name, _ in drawn[-1]["photos"]] == ["a", "b"]
    assert [cell["labels"] for cell in many["cells"]] == [["a"], ["b"]]
    assert opened(many["cells"][1]["picture"]).size[0] < opened(many["cells"][0]["picture"]).size[0]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ((), "what varies?"),
        (("--axis", "style_weight"), "is no axis"),
        (("--axis", "seed=1", "--axis", "size=64", "--axis", "pool=max"), "one or two axes"),
        (("--axis", "style_weight=1,-2"), "style_weight"),
        (("--axis", "seed=" + ",".join(map(str, range(13)))), "1 to 12 cells"),
        (("--axis", "seed=1", "-o", "missing/sheet.png"), "does not exist"),
        (("--axis", "seed=1", "--on", "moon"), "moon"),
    ],
)
def test_what_cannot_be_a_grid_is_one_line(
    photo: Path, more: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in complaint(capsys, "grid", photo, STYLE, *more)


def test_lessons_are_listed_and_one_that_listens_runs_at_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    listed = answer(capsys, "lessons")
    assert [lesson["number"] for lesson in listed] == list(range(1, 9))
    path = tmp_path / "sheet.png"
    found = answer(capsys, "lessons", "1", "-o", path, "--device", "cpu")
    assert found["answer"] == "content only"
    cut = found["edits"][0]
    assert cut["content"] > 0.8 > 0.1 > cut["style"]
    assert opened(path).width > 600
    assert "there are 1 tiles" in complaint(capsys, "lessons", "nothing")
