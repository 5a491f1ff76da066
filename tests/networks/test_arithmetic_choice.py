"""Which arithmetic a run gets: the variable, the recipe, what was measured; kept, recorded, and never measured under a run."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from playground import load_preset
from playground.engine.run import Run
from playground.errors import PlaygroundError
from playground.networks import arithmetic, arithmetic_choice, arithmetic_timing
from playground.networks.arithmetic_choice import Measured, choose
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe
from playground.recipe.presets import presets
from playground.service import measuring
from playground.service.jobs import Jobs
from playground.service.measuring import measure_when_idle
from playground.service.tasks import Task


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, where nothing was measured, and no variable set."""
    monkeypatch.delenv(arithmetic_choice.VARIABLE)
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(arithmetic_choice, "_unkept", {})
    monkeypatch.setattr(arithmetic_timing, "SIDE", 32)
    monkeypatch.setattr(arithmetic_timing, "AGREEING", 0)  # tests run beside each other
    return tmp_path / "home"


def with_bfloat16(monkeypatch: pytest.MonkeyPatch, here: bool) -> None:
    monkeypatch.setattr(arithmetic, "processor_has_bfloat16", lambda: here)


def keep(direct: float, winograd: float, bfloat16: float | None = None) -> None:
    seconds: dict[arithmetic.Arithmetic, float] = {"direct": direct, "winograd": winograd}
    arithmetic_choice.keep_measured(Measured(seconds if bfloat16 is None else {**seconds, "bfloat16": bfloat16}))


@pytest.mark.parametrize(
    ("seconds", "best", "single"),
    [
        ((0.245, 0.363, 0.097), "bfloat16", "direct"),  # Sapphire Rapids
        ((0.245, 0.160, None), "winograd", "winograd"),  # AVX-512 without it
        ((0.245, 0.240, None), "direct", "direct"),  # too little to gain
        ((0.245, 0.200, 0.190), "winograd", "winograd"),  # less precise for too little
    ],
)
def test_the_fastest_by_more_than_a_little(
    seconds: tuple[float, float, float | None],
    best: arithmetic.Arithmetic,
    single: arithmetic.Arithmetic,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_bfloat16(monkeypatch, seconds[2] is not None)
    assert choose("auto").arithmetic == "direct"  # until it is measured
    keep(*seconds)
    assert choose("auto") == arithmetic_choice.Choice(best)
    assert choose("auto", "float32") == arithmetic_choice.Choice(single)


def test_the_variable_comes_before_the_recipe_and_that_before_what_was_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_bfloat16(monkeypatch, True)
    keep(1.0, 0.5, 0.1)
    assert choose("direct") == arithmetic_choice.Choice("direct")
    monkeypatch.setenv(arithmetic_choice.VARIABLE, "winograd")
    assert choose("direct") == choose("auto") == arithmetic_choice.Choice("winograd")
    monkeypatch.setenv(arithmetic_choice.VARIABLE, "")
    assert choose("direct").arithmetic == "direct"
    monkeypatch.setenv(arithmetic_choice.VARIABLE, "float16")
    with pytest.raises(PlaygroundError, match="PLAYGROUND_ARITHMETIC is 'float16': it must be one of auto, direct"):
        choose("direct")


def test_what_is_not_to_be_had_here_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with_bfloat16(monkeypatch, False)
    keep(1.0, 0.5)
    found = choose("bfloat16")
    assert found.arithmetic == "winograd"
    assert found.note is not None
    assert "the recipe was painted with maps in bfloat16, which this processor does not have" in found.note
    monkeypatch.setenv(arithmetic_choice.VARIABLE, "bfloat16")
    found = choose("direct")
    assert found.arithmetic == "direct"
    assert "PLAYGROUND_ARITHMETIC asks for maps in bfloat16" in (found.note or "")
    with_bfloat16(monkeypatch, True)
    found = choose("auto", "float32")
    assert found.arithmetic == "direct"  # what was measured holds for a processor without it
    assert "which float32 precision leaves out" in (found.note or "")


def test_measured_once_and_kept_for_this_machine_alone(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert arithmetic_choice.wants_measuring("auto")
    assert not arithmetic_choice.wants_measuring("direct")
    found = arithmetic_choice.measure()
    assert found is not None
    assert set(found.seconds) == set(arithmetic.available())
    assert not arithmetic_choice.wants_measuring("auto")
    monkeypatch.setattr(arithmetic_choice, "timed", lambda *_: pytest.fail("measured twice"))
    assert arithmetic_choice.measure() == arithmetic_choice.kept() == found
    (kept_under,) = json.loads((own_home / arithmetic_choice.FILE).read_text())
    assert f"torch {torch.__version__}, {torch.get_num_threads()} threads" in kept_under
    monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    assert arithmetic_choice.kept() is None
    keep(1.0, 2.0, 3.0 if "bfloat16" in arithmetic.available() else None)
    assert len(json.loads((own_home / arithmetic_choice.FILE).read_text())) == 2
    here, seconds = arithmetic_choice.machine(), dict.fromkeys(arithmetic.available(), 0.5)
    entries = [
        {"direct": -1.0},
        [],
        *({"seconds": seconds, **wrong} for wrong in ({"agreed": 3}, {"measurements": "1"})),
    ]
    broken_files = ["", "[]", "[" * 100_000, '{"x": 3}', *(json.dumps({here: entry}) for entry in entries)]
    for broken in broken_files:
        (own_home / arithmetic_choice.FILE).write_text(broken)
        assert arithmetic_choice.kept() is None


def test_seconds_kept_by_an_earlier_version_count_until_they_are_measured_again(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_bfloat16(monkeypatch, False)
    own_home.mkdir()
    earlier = {arithmetic_choice.machine(): {"direct": 1.0, "winograd": 0.5}, "another": {"direct": 2.0}}
    (own_home / arithmetic_choice.FILE).write_text(json.dumps(earlier))
    assert choose("auto").arithmetic == "winograd"
    assert arithmetic_choice.wants_measuring("auto")
    monkeypatch.setattr(arithmetic_choice, "timed", lambda _, before: Measured({"direct": 0.5, **before.seconds}, 2))
    assert arithmetic_choice.measure() == arithmetic_choice.kept() == Measured({"direct": 1.0, "winograd": 0.5}, 2)
    assert not arithmetic_choice.wants_measuring("auto")
    assert json.loads((own_home / arithmetic_choice.FILE).read_text())["another"] == {"direct": 2.0}


def test_a_home_that_cannot_be_written_only_forgets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "file" / "home"))
    assert arithmetic_choice.measure() == arithmetic_choice.kept()
    assert not arithmetic_choice.wants_measuring("auto")


def test_a_measurement_gives_way(own_home: Path) -> None:
    asked: list[None] = []
    assert arithmetic_choice.measure(lambda: len(asked) == 2 or bool(asked.append(None))) is None
    assert len(asked) == 2
    assert not own_home.exists()


def test_a_server_measures_while_nobody_paints(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "AGAIN_AFTER", 0.1)
    jobs = Jobs("cpu")
    with jobs.turn():
        assert jobs.busy()
        thread = measure_when_idle(jobs)
        assert thread is not None
        thread.join(0.3)
        assert thread.is_alive()
        assert not own_home.exists()
    thread.join(60)
    assert not thread.is_alive()
    assert arithmetic_choice.is_known()
    assert measure_when_idle(jobs) is None
    jobs.close()


def test_a_server_measures_again_where_it_was_disturbed(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Measured | None] = []

    def timed(interrupted: Callable[[], bool], before: Measured | None) -> Measured:
        assert not interrupted()
        given.append(before)
        return Measured(dict.fromkeys(arithmetic.available(), 1.0 / len(given)), len(given), agreed=len(given) == 3)

    monkeypatch.setattr(arithmetic_choice, "timed", timed)
    monkeypatch.setattr(measuring, "AGAIN_AFTER", 0.1)
    jobs = Jobs("cpu")
    thread = measuring.measure_when_idle(jobs)
    assert thread is not None
    thread.join(30)
    assert not thread.is_alive()
    assert [before and before.measurements for before in given] == [None, 1, 2]
    assert arithmetic_choice.is_known()
    jobs.close()


def test_somebody_at_work_counts() -> None:
    jobs, go = Jobs("cpu"), threading.Event()
    assert not jobs.busy()

    def work(_: Task) -> None:
        go.wait()

    task = jobs.task("a", work)
    assert jobs.busy()
    go.set()
    task.over.wait(10)
    jobs.close()


def test_a_result_says_what_it_was_painted_in(network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> None:
    keep(1.0, 0.5, 0.1 if "bfloat16" in arithmetic.available() else None)
    best = choose("auto").arithmetic
    small = {"size": 96, "iterations": 2, "scales": 1, "first_light": False}

    def painted(recipe: Recipe) -> tuple[Recipe, Image.Image, list[str]]:
        frames = list(Run(*pictures, recipe, network).frames())
        result = frames[-1].result
        assert result is not None
        return result.recipe, result.picture, [frame.note for frame in frames if frame.note]

    recipe, picture, notes = painted(load_preset().changed(small))
    assert recipe.arithmetic == best != "auto"
    assert not notes
    assert painted(recipe)[1].tobytes() == picture.tobytes()
    assert painted(Recipe.model_validate_json(recipe.to_json()).changed({"arithmetic": "direct"}))[0].arithmetic == (
        "direct"
    )
    if best == "bfloat16":
        assert painted(recipe.changed({"arithmetic": "direct"}))[1].tobytes() != picture.tobytes()


def test_a_recorded_arithmetic_that_is_not_here_is_told_in_the_run(
    network: Vgg, pictures: tuple[Image.Image, Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_bfloat16(monkeypatch, False)
    recipe = Recipe(size=64, iterations=1, arithmetic="bfloat16")
    frames = list(Run(*pictures, recipe, network).frames())
    assert "which this processor does not have" in (frames[0].note or "")
    assert frames[-1].result is not None
    assert frames[-1].result.recipe.arithmetic == "direct"


def test_presets_leave_it_to_the_machine_and_older_recipes_to_their_rule() -> None:
    assert Recipe().arithmetic == "winograd"
    assert all(load_preset(name).arithmetic == "auto" for name, preset in presets().items() if preset.kind == "stylize")
