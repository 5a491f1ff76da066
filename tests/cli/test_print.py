"""`print`: a result is painted on, larger, with its recipe and its dots per inch; what cannot be is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from playground.cli.app import main
from playground.cli.print import for_print, in_words, pixels_for
from playground.engine import painting, schedule, tiles
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
    recipe = Recipe(size=64, plan=(Stage(size=64, iterations=4, evaluations=4),), iterations=4)
    found = for_print(recipe, 6000, 8)
    assert found.plan == (*recipe.plan, Stage(size=6000, iterations=8))  # type: ignore[misc]
    assert (found.size, found.iterations) == (6000, 12)
    for size in (64, 20_000):
        with pytest.raises(PlaygroundError, match="must be larger than the 64 px"):
            for_print(recipe, size, 8)
    with pytest.raises(PlaygroundError, match="not of a finished picture"):
        for_print(Recipe(), 6000, 8)


@pytest.mark.usefixtures("hed")
def test_a_result_is_painted_on(
    pair: list[str], folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large, again = folder / "small.png", folder / "large.png", folder / "again.png"
    paint(capsys, *pair, "-o", str(small), *QUICK)
    for module in (painting, schedule):
        monkeypatch.setattr(module, "TILED_ABOVE", 100)  # so that 128 px is one for print
    monkeypatch.setattr(tiles, "CORE", 64)
    arguments = ["print", str(small), *pair, "--size", "128", "--iterations", "2", "--dpi", "150", "--device", "cpu"]
    assert main([*arguments, "-o", str(large)]) == 0
    said = capsys.readouterr()
    assert "128 px, 2 cm at 150 dpi: about" in said.err
    picture = opened(large)
    assert max(picture.size) == 128
    assert tuple(round(value) for value in picture.info["dpi"]) == (150, 150)
    recipe = parse_recipe(read_recipe_text(large) or "")
    assert [(stage.size, stage.iterations) for stage in recipe.plan or ()] == [(64, 4), (128, 2)]
    assert main([*arguments, "-o", str(again)]) == 0
    assert pixels(again) == pixels(large)
    capsys.readouterr()
    assert "must be larger than" in refusal(capsys, *arguments[:-6], "--size", "64")
    assert "no recipe inside" in refusal(capsys, "print", pair[0], *pair)
