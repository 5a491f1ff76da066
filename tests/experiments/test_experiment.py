"""What an experiment is made of: axes, cells, labels, and what is refused."""

from __future__ import annotations

import pytest

from playground.errors import PlaygroundError
from playground.experiments.experiment import MAX_CELLS, Axis, label, of_cells, on_axes, parse_axis
from playground.experiments.lessons import base_recipe, find_lesson, lessons
from playground.recipe.model import Recipe


def test_two_axes_make_every_combination_in_reading_order() -> None:
    found = on_axes(Recipe(), [Axis("style_weight", (1, 10)), Axis("init", ("content", "noise", "grey"))])
    assert (found.rows, found.columns) == (2, 3)
    assert [(cell.recipe.style_weight, cell.recipe.init) for cell in found.cells] == [
        (weight, init) for weight in (1, 10) for init in ("content", "noise", "grey")
    ]
    assert found.cells[3].labels == ("style weight 10", "start content")
    assert found.cells[3].settings == {"style_weight": 10, "init": "content"}


def test_a_cell_starts_from_nothing_recorded_and_has_no_clock() -> None:
    base = Recipe(seconds=5, iterations=7)
    cell = on_axes(base, [Axis("style_layers.conv1_1", (0, 2.5))]).cells[1]
    assert (cell.recipe.seconds, cell.recipe.plan, cell.recipe.journal) == (None, None, ())
    assert cell.recipe.style_layers["conv1_1"] == 2.5
    assert cell.recipe.style_layers["conv2_1"] == 1
    assert cell.labels == ("style layers conv1_1 2.5",)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("style_weight=0.1,1,1e3", (0.1, 1, 1000.0)),
        ("init=content, noise", ("content", "noise")),
        ('style_layers=[{"conv1_1": 1}, {"conv4_1": 2}]', ({"conv1_1": 1}, {"conv4_1": 2})),
        ("clip=true,false", (True, False)),
    ],
)
def test_an_axis_is_read_from_text(text: str, values: tuple[object, ...]) -> None:
    assert parse_axis(text).values == values


@pytest.mark.parametrize("text", ["style_weight", "=1,2", 'style_layers=[{"conv1_1"'])
def test_what_is_no_axis_is_said(text: str) -> None:
    with pytest.raises(PlaygroundError):
        parse_axis(text)


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ([], "one or two axes"),
        ([Axis("seed", (1,))] * 3, "one or two axes"),
        ([Axis("seed", ())], "has no values"),
        ([Axis("seed", (1, 2)), Axis("seed", (3,))], "both axes are seed"),
        ([Axis("seed", tuple(range(MAX_CELLS + 1)))], f"1 to {MAX_CELLS} cells, not 13"),
        ([Axis("sead", (1,))], "no setting called 'sead'"),
        ([Axis("style_weight", (-1,))], "style_weight"),
        ([Axis("seconds", (1,))], "cannot be compared"),
    ],
)
def test_what_cannot_be_an_experiment_is_said(axes: list[Axis], words: str) -> None:
    with pytest.raises(PlaygroundError, match=words):
        on_axes(Recipe(), axes)


def test_cells_of_overrides_have_their_own_names() -> None:
    found = of_cells(Recipe(), [("as noise", {"init": "noise"}), ("", {"seed": 3}), ("", {})])
    assert [cell.labels for cell in found.cells] == [("as noise",), ("seed 3",), ("as it is",)]
    with pytest.raises(PlaygroundError, match="not 0"):
        of_cells(Recipe(), [])


def test_a_label_names_layers_that_count() -> None:
    assert label("content_layers", {"conv1_2": 1.0, "conv4_2": 0.0}) == "content layers conv1_2"
    assert label("clip", False) == "clip off"


def test_every_lesson_can_be_run_and_says_what_it_shows() -> None:
    found = lessons()
    assert [lesson.number for lesson in found.values()] == list(range(1, 9))
    for lesson in found.values():
        assert lesson.saw
        assert lesson.limits
        if lesson.kind == "grid":
            cells = lesson.experiment().cells
            assert 2 <= len(cells) <= MAX_CELLS
            assert all(cell.recipe.size == 128 and cell.recipe.scales == 1 for cell in cells)
            assert all(cell.recipe.style_loss == "moments" for cell in cells)  # the frozen base's
        else:
            assert lesson.edits
    assert base_recipe().preset is None
    assert find_lesson("3") is found["strokes"]
    with pytest.raises(PlaygroundError, match="1 tiles"):
        find_lesson("nothing")
