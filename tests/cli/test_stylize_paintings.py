"""Several paintings, a map of regions and whose colours, on the command line; replayed from the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.cli import QUICK, having, paint, pixels, refusal


@pytest.fixture
def region_map(folder: Path, pair: list[str]) -> Path:
    with Image.open(pair[0]) as photo:
        size = photo.size
    colours = np.zeros((size[1], size[0], 3), np.uint8)
    colours[:, : size[0] // 2, 0], colours[:, size[0] // 2 :, 1] = 255, 255
    Image.fromarray(colours).save(folder / "map.png")
    return folder / "map.png"


@pytest.mark.usefixtures("hed")
def test_paintings_and_regions_are_replayed(
    pair: list[str], folder: Path, region_map: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = pair[0]
    first, again = folder / "first.png", folder / "again.png"
    more = ["--style", f"{photo}:0.5", "--colours", "content"]
    about = paint(capsys, *pair, "-o", str(first), *QUICK, *more, "--regions", str(region_map))
    assert about["recipe"]["style_weights"] == [1.0, 0.5]
    assert about["recipe"]["colours"] == "content"
    paint(capsys, *pair, "-o", str(again), "--recipe", str(first), "--style", photo)
    assert pixels(first) == pixels(again)
    for third in (photo, f"{photo}:0.3"):  # with a weight or without
        said = refusal(capsys, "stylize", *pair, "--recipe", str(first), "--style", photo, "--style", third)
        assert "for 2 paintings and 3 are given" in said
    said = refusal(capsys, "stylize", *pair, "--recipe", str(first))
    assert "for 2 paintings and 1 is given: give the others too" in said


@pytest.mark.usefixtures("hed")
def test_what_cannot_be_used_is_one_line(
    pair: list[str], folder: Path, region_map: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for options, words in (
        (["--style", pair[1]] * 4, "at most 4 paintings"),
        (["--style", f"{pair[1]}:0.5", "--set", "style_weights=[1,1]"], "by --style MORE:WEIGHT or by style_weights"),
        (["--style", f"{pair[1]}:-1"], f"the weight of {pair[1]!r} must be a number of 0 or more, not -1"),
        (["--style", f"{pair[1]}:nan"], "must be a number of 0 or more, not nan"),
        (["--style", f"{pair[1]}:0,5"], "is no number ('0,5')"),
        (["--style", f"{pair[1]}:"], "is no number ('')"),
        (having("style_scales=[1,2]"), "style scales for 2 paintings and 1 is given"),
        (["--style", "gone.png"], "does not exist"),
        (["--regions", str(region_map)], "green in places, for painting 2, and only 1 is given"),
        (["--regions", pair[1]], "photo"),
        (["--colours", "mine"], "colours"),
        (having("style_weights=[0,0]"), "above zero"),
    ):
        assert words in refusal(capsys, "stylize", *pair, *QUICK, *options)
