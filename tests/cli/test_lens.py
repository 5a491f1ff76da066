"""`lens`: a sheet and numbers for each thing to show, and one line for whatever cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.helpers.cli import STYLE, answer, complaint, opened

pytestmark = pytest.mark.usefixtures("hed")


@pytest.fixture
def photo(tmp_path: Path, pictures: tuple[Image.Image, Image.Image]) -> Path:
    path = tmp_path / "photo.png"
    pictures[0].save(path)
    return path


@pytest.mark.parametrize("show", ["channels", "statistics", "pulls", "similar"])
def test_every_lens_writes_a_sheet_and_says_what_it_found(
    photo: Path, show: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answer(capsys, "lens", photo, STYLE, "--show", show, "--size", 64, "--layer", "conv2_1", "--device", "cpu")
    assert (found["show"], found["size"]) == (show, 64)
    assert Path(found["sheet"]) == photo.with_name(f"photo-{show}.png")
    assert opened(found["sheet"]).width > 400
    assert found["said"].endswith(".")
    if show == "channels":
        assert len(found["channels"]) == 12
        assert found["matrices"]["photo"] == found["matrices"]["result"] != found["matrices"]["painting"]
    if show == "pulls":  # from the photo content does not pull yet
        assert found["shares"]["content"] < 1e-3
        assert found["left_over"] > 0.9
    if show == "similar":
        assert found["most"]["photo"] == pytest.approx(1)
        assert found["field"] == 10
        assert found["said"].endswith("of the start.")  # which no result is
    if show == "statistics":
        assert found["said"].startswith("The start is furthest from the painting")
        assert sum(layer["share"] for layer in found["layers"].values()) == pytest.approx(1)


def test_a_result_is_looked_at_in_place_of_the_start(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = ("--show", "statistics", "--size", 64, "--device", "cpu")
    found = answer(capsys, "lens", photo, STYLE, STYLE, *shown)
    assert found["said"].startswith("The result is furthest")
    assert all(layer["gram"] == pytest.approx(0, abs=1e-9) for layer in found["layers"].values())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--at", "here"), "is no place"),
        (("--at", "5000,1"), "lies outside the photo"),
        (("--layer", "conv9_9", "--device", "cpu"), "no layer called 'conv9_9'"),
        (("--show", "everything"), "error: Invalid value for '--show': 'everything' is not one of"),
        (("--show", "Value error, it"), "error: Invalid value for '--show': 'Value error, it' is not one of"),
        (("-o", "missing/sheet.png"), "does not exist"),
    ],
)
def test_what_cannot_be_shown_is_one_line(
    photo: Path, more: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in complaint(capsys, "lens", photo, STYLE, *more)
