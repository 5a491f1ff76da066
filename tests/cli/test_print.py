"""`print`: a result is painted on, larger, with its recipe and its dots per inch; what cannot be is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from playground.cli.app import main
from playground.cli.print import for_print, in_words, pixels_for
from playground.engine import tiles
from playground.errors import PlaygroundError
from playground.images.load import read_recipe_text
from playground.recipe.model import Recipe, Stage
from playground.recipe.parse import parse_recipe
from tests.helpers.cli import QUICK, opened, paint, pixels, refusal


def test_sizes_on_paper() -> None:
    assert pixels_for(30, 300) == 3543
    assert pixels_for(50.8, 300) == 6000
    assert (in_words(80.2), in_words(600), in_words(9000)) == ("81 s", "10 min", "2.5 h")


def test_a_recipe_for_print_adds_a_size() -> None:
    """In steps of at most two, each for print; what was painted before stays as it was."""
    recipe = Recipe(
        size=64, plan=(Stage(size=64, iterations=4, evaluations=4),), iterations=4, first_light=True, init="content"
    )
    found = for_print(recipe, 500, 8)
    assert found.plan == (
        *recipe.plan,  # type: ignore[misc]
        *(Stage(size=size, iterations=16, tiled=True) for size in (125, 250)),
        Stage(size=500, iterations=8, tiled=True),
    )
    assert (found.size, found.iterations, found.first_light) == (500, 44, False)
    assert [stage.size for stage in for_print(recipe, 128, 8).plan or ()] == [64, 128]
    for size in (64, 20_000):
        with pytest.raises(PlaygroundError, match="must be larger than the 64 px"):
            for_print(recipe, size, 8)
    small = Recipe(size=512, work_size=96, colours="fitted", plan=(Stage(size=96, iterations=4),), iterations=4)
    fitted = for_print(small, 4000, 8)  # it is the photo that is large
    assert (fitted.size, fitted.work_size, fitted.plan) == (4000, 96, small.plan)
    with pytest.raises(PlaygroundError, match="larger than the 512 px"):
        for_print(small, 512, 8)
    with pytest.raises(PlaygroundError, match="not of a finished picture"):
        for_print(Recipe(), 6000, 8)


@pytest.mark.usefixtures("hed")
def test_a_result_is_painted_on(
    pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large, again = folder / "small.png", folder / "large.png", folder / "again.png"
    paint(capsys, *pair, "-o", str(small), *QUICK)
    monkeypatch.setattr(tiles, "CORE", 64)
    arguments = ["print", str(small), *pair, "--size", "128", "--iterations", "2", "--dpi", "150", "--device", "cpu"]
    assert main([*arguments, "-o", str(large)]) == 0
    said = capsys.readouterr()
    assert "128 px, 2 cm at 150 dpi: about" in said.err
    picture = opened(large)
    assert max(picture.size) == 128
    assert tuple(round(value) for value in picture.info["dpi"]) == (150, 150)
    recipe = parse_recipe(read_recipe_text(large) or "")
    stages = [(stage.size, stage.iterations, stage.tiled) for stage in recipe.plan or ()]
    assert stages == [(64, 4, False), (128, 2, True)]
    assert main([*arguments, "-o", str(again)]) == 0
    assert pixels(again) == pixels(large)
    capsys.readouterr()
    assert "must be larger than" in refusal(capsys, *arguments[:-6], "--size", "64")
    assert "no recipe inside" in refusal(capsys, "print", pair[0], *pair)
