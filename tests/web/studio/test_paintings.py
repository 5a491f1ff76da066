"""The strip of paintings without a browser: what is kept when paintings come and go, and what a page may send."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground.engine.control import MemoryControl
from playground.images.pictures import Pictures
from playground.images.regions import encode_labels, encode_soft
from playground.recipe.model import Recipe
from playground.web.components import blend
from playground.web.components.messages import NOTHING
from playground.web.studio.paintings import SLIDERS, STRIP, Paintings
from playground.web.studio.session import Session
from playground.web.words import say


@pytest.fixture
def paintings() -> Paintings:
    return Paintings({name: name for name in (*STRIP, "content-message")})


def session(count: int, **settings: Any) -> Session:
    made = Session(Recipe(**settings))
    made.more = [Image.new("RGB", (40, 30), (50 * number, 0, 0)) for number in range(count - 1)]
    return made


def running(count: int, **settings: Any) -> tuple[Session, MemoryControl]:
    """A session whose run goes on with all of its paintings, and what steers that run."""
    page, control = session(count, **settings), MemoryControl()
    pictures = Pictures(None, (Image.new("RGB", (40, 30)), *page.more))
    job: Any = SimpleNamespace(pictures=pictures, recipe=page.base, control=control, ended=False)
    page.job = job
    return page, control


def steered(control: MemoryControl) -> Any:
    return control.read().settings.get("style_weights")


def shown(updates: Any, what: str) -> list[tuple[float, bool]]:
    return [(updates[f"{what}-{number}"].value, updates[f"{what}-{number}"].visible) for number in range(1, 5)]


def test_scales_and_weights_go_with_their_paintings(paintings: Paintings) -> None:
    page = session(3, style_weights=(1.0, 0.5, 2.0), style_scales=(1.0, 0.5, 3.0))
    updates = paintings.remove(2, page)
    assert (page.base.style_weights, page.base.style_scales) == ((1.0, 2.0), (1.0, 3.0))
    assert shown(updates, "scale")[:3] == [(1.0, True), (3.0, True), (1.0, False)]
    paintings.remove(2, page)
    assert (page.base.style_weights, page.base.style_scales) == ((), ())
    assert not shown(paintings.shown(page), "scale")[0][1]  # alone it has the style scale among the settings


def test_sliders_reach_the_recipe_and_the_dot(paintings: Paintings) -> None:
    page = session(3)
    updates: Any = paintings.weigh_paintings(page, 1.0, 0.5, 0.0, 1.0)
    assert page.base.style_weights == (1.0, 0.5, 0.0)
    assert updates["blend"] == {"weights": [1.0, 0.5, 0.0]}
    assert paintings.weigh("style_scales", page, 1.0, 0.5, None, 1.0) == ""
    assert page.base.style_scales == (1.0, 0.5, SLIDERS["scale"][1])


def test_the_dot_reaches_the_recipe_and_the_sliders(paintings: Paintings) -> None:
    page = session(3)
    updates: Any = paintings.mix(page, {"weights": [0.2, 1, 7]})
    assert page.base.style_weights == (0.2, 1.0, 1.0)
    assert [updates[f"weight-{number}"] for number in (1, 2, 3)] == [0.2, 1.0, 1.0]


def test_weights_of_which_none_counts_are_refused_and_the_sliders_go_back(paintings: Paintings) -> None:
    page, control = running(2, style_weights=(1.0, 1.0))
    assert "weight-1" not in paintings.weigh_paintings(page, 1.0, 0.0, 1.0, 1.0)
    updates: Any = paintings.weigh_paintings(page, 0.0, 0.0, 1.0, 1.0)
    assert [updates["weight-1"], updates["weight-2"]] == [1.0, 0.0] == steered(control)
    assert 'role="alert"' in updates["paintings-message"]
    assert page.base.style_weights == (1.0, 0.0)


def test_a_painting_that_is_added_waits_and_the_runs_own_go_on_steering(paintings: Paintings, tmp_path: Path) -> None:
    page, control = running(2, style_weights=(1.0, 1.0))
    path = tmp_path / "third.png"
    Image.new("RGB", (40, 30), (0, 90, 0)).save(path)
    wait = say("paintings.added_wait", number=3)
    assert wait in paintings.add(page, str(path))["paintings-message"]
    updates: Any = paintings.mix(page, {"weights": [0.25, 1, 0.5]})
    assert (steered(control), page.base.style_weights) == ([0.25, 1.0], (0.25, 1.0, 0.5))
    assert wait in updates["paintings-message"]
    updates = paintings.mix(page, {"weights": [0, 0, 1]})  # nothing of what the run has
    assert (steered(control), page.base.style_weights) == ([0.25, 1.0], (0.0, 0.0, 1.0))
    assert 'role="alert"' in updates["paintings-message"]
    updates = paintings.remove(3, page)  # as many as the run has, which follows what the sliders show
    assert steered(control) == [1.0, 1.0]
    assert shown(updates, "weight")[:2] == [(1.0, True), (1.0, True)]
    assert updates["paintings-message"] == ""


def test_a_run_is_not_steered_by_the_weights_of_other_paintings(paintings: Paintings, tmp_path: Path) -> None:
    page, control = running(3, style_weights=(1.0, 1.0, 1.0))
    path = tmp_path / "other.png"
    Image.new("RGB", (40, 30), (0, 90, 0)).save(path)
    paintings.remove(2, page)
    paintings.add(page, str(path))  # as many again
    assert say("paintings.next_run") in paintings.weigh("style_weights", page, 1.0, 0.5, 0.25)
    assert steered(control) is None
    alone, control = running(1)
    assert say("paintings.next_run") in paintings.add(alone, str(path))["paintings-message"]
    assert say("paintings.next_run") in paintings.weigh("style_weights", alone, 1.0, 0.5)
    assert steered(control) is None


@pytest.mark.parametrize("sent", [None, 3, {}, {"weights": "abc"}, {"weights": [1, 1]}, {"weights": [0, 0, 0]},
                                  {"weights": [float("nan"), -1, "x"]}])  # fmt: skip
def test_what_is_no_mix_changes_nothing(paintings: Paintings, sent: Any) -> None:
    page = session(3, style_weights=(1.0, 0.5, 2.0))
    paintings.mix(page, sent)
    assert page.base.style_weights == (1.0, 0.5, 2.0)


def test_there_is_a_field_between_three_and_none_with_a_map(paintings: Paintings) -> None:
    assert [paintings.shown(session(count))["blend"].visible for count in (1, 2, 3, 4)] == [False, False, True, True]
    assert blend.weights_of({"weights": [1, 0.25]}, 2) == [1.0, 0.25]


@pytest.mark.parametrize(
    ("regions", "kept", "size", "left", "key"),
    [
        (True, False, (80, 60), (True, False), ""),  # a map of the same shape
        (True, False, (60, 60), (False, False), "paintings.map_gone"),
        (False, True, (80, 60), (False, False), "paintings.faces_gone"),
        (True, True, (80, 60), (True, False), "paintings.faces_gone"),
        (True, True, (60, 80), (False, False), "paintings.both_gone"),
    ],
)
def test_another_photo_takes_what_was_of_the_former(
    paintings: Paintings,
    tmp_path: Path,
    regions: bool,
    kept: bool,
    size: tuple[int, int],
    left: tuple[bool, bool],
    key: str,
) -> None:
    labels, faces = np.ones((45, 60), np.uint8), np.ones((45, 60), np.float32)
    page = session(
        2, regions=encode_labels(labels) if regions else "", kept=encode_soft(faces) if kept else "",
        region_content_weights=(2.0, 1.0) if regions else (),
    )  # fmt: skip
    path = tmp_path / "other.png"
    Image.new("RGB", size, (9, 90, 9)).save(path)
    updates: Any = paintings.another_photo(page, str(path))
    assert (bool(page.base.regions), bool(page.base.kept)) == left
    assert bool(page.base.region_content_weights) == left[0]
    if key:
        assert say(key) in updates["paintings-message"]
        assert say(key) in updates["content-message"]
    else:
        assert updates is NOTHING
