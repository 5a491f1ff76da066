"""Films and checkpoints on the real network: what a run leaves on its way, and going on from there to the same bits."""

from __future__ import annotations

import pickle
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from playground.engine import checkpoints as history
from playground.engine.checkpoints import MAX_CHECKPOINTS, CheckpointError, Checkpoints, branched
from playground.engine.control import MemoryControl
from playground.engine.frames import Result
from playground.engine.previews import Previews
from playground.engine.run import Run
from playground.errors import PlaygroundError
from playground.networks.vgg import Vgg
from playground.recipe.base import RecipeError
from playground.recipe.model import Recipe

PLENTY = 10**9
ADAM = Recipe(size=64, smallest=48, iterations=8, average=0.8, scales=1)
LBFGS = Recipe(
    size=96, smallest=48, scales=2, scale_factor=2.0, iterations=10, canvas="pyramid", optimizer="lbfgs",
    learning_rate=1.0, lbfgs_history=4, lbfgs_evaluations=1, lbfgs_restart=False,
)  # fmt: skip
RECIPES = pytest.mark.parametrize("recipe", [ADAM, LBFGS], ids=["adam", "lbfgs"])


@pytest.fixture
def make(network: Vgg, pictures: tuple[Image.Image, Image.Image]) -> Callable[..., Run]:
    def made(recipe: Recipe, changes: dict[str, Any] | None = None, snapshot: dict[str, Any] | None = None) -> Run:
        control = MemoryControl()
        control.change(changes or {})
        return Run(*pictures, recipe, network, control, snapshot)

    return made


def painted(run: Run, checkpoints: Checkpoints | None = None) -> Result:
    """The run's result; with `checkpoints`, one is saved at every frame."""
    for frame in run.frames():
        if checkpoints and frame.result is None:
            assert checkpoints.save(run) is None
    assert frame.result is not None
    return frame.result


def same(first: Result, second: Result) -> bool:
    return np.array_equal(np.asarray(first.picture), np.asarray(second.picture))


# ---------------------------------------------------------------- going on from a moment


@RECIPES
def test_a_moment_goes_on_to_the_same_bits(make: Callable[..., Run], tmp_path: Path, recipe: Recipe) -> None:
    checkpoints = Checkpoints(tmp_path, PLENTY)
    whole = painted(make(recipe), checkpoints)
    steps = 1 + (8 if recipe is ADAM else 10)
    assert checkpoints.evaluations == list(range(steps))
    for at in (0, 3, 5, 6, steps - 1):  # L-BFGS: at the last of the small size, and at the first of the full one
        rest = painted(make(recipe, snapshot=Checkpoints(tmp_path, PLENTY).load(at)))
        assert same(rest, whole)
        assert [point["total"] for point in rest.curve] == [point["total"] for point in whole.curve]
        assert rest.recipe.journal == ()


@pytest.mark.parametrize("changes", [{"style_weight": 50.0}, {"average": 0.5}, {"pool": "average", "iterations": 12}])
@pytest.mark.parametrize(
    ("recipe", "memory"), [(ADAM, True), (LBFGS, True), (LBFGS, False)], ids=["adam", "lbfgs", "lbfgs without memory"]
)
def test_a_branch_re_runs_to_the_same_bits_from_its_recipe(
    make: Callable[..., Run], tmp_path: Path, recipe: Recipe, changes: dict[str, Any], memory: bool
) -> None:
    checkpoints = Checkpoints(tmp_path, PLENTY)
    whole = painted(make(recipe), checkpoints)
    snapshot = checkpoints.load(5)
    if not memory:
        snapshot["optimizer"] = None
    branch = painted(make(recipe, changes, snapshot))
    assert not same(branch, whole)
    assert {change.key for change in branch.recipe.journal} - {"learning_rate"} == changes.keys() - {"iterations"}
    again = painted(make(Recipe.model_validate_json(branch.recipe.to_json())))
    assert same(again, branch)
    assert again.recipe.journal == branch.recipe.journal
    assert [point["total"] for point in again.curve] == [point["total"] for point in branch.curve]


def test_a_changed_weight_makes_the_memory_of_lbfgs_needless(make: Callable[..., Run], tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, PLENTY)
    painted(make(LBFGS), checkpoints)
    with_memory, without = checkpoints.load(7), checkpoints.load(7)
    without["optimizer"] = None
    assert same(
        painted(make(LBFGS, {"style_weight": 3.0}, with_memory)), painted(make(LBFGS, {"style_weight": 3.0}, without))
    )


def test_a_branch_of_a_branch_goes_back_to_an_earlier_value(make: Callable[..., Run], tmp_path: Path) -> None:
    """What was wished for before the moment does not stand in the way of wishing the same again."""
    first = Checkpoints(tmp_path / "first", PLENTY)
    painted(make(ADAM), first)
    second = Checkpoints(tmp_path / "second", PLENTY)
    painted(make(ADAM, {"style_weight": 9.0}, first.load(2)), second)
    third = painted(make(ADAM, {"style_weight": 1.0}, second.load(4)))
    assert [(change.evaluation, change.value) for change in third.recipe.journal] == [(2, 9.0), (4, 1.0)]
    assert same(painted(make(third.recipe)), third)


def test_a_branch_has_its_first_moment_and_the_beginning_of_the_film(make: Callable[..., Run], tmp_path: Path) -> None:
    """It can be taken up after a restart, and its parent's end leaves it alone."""
    parent, previews = Checkpoints(tmp_path / "parent", PLENTY), Previews()
    whole = painted(make(LBFGS), parent)
    for evaluation in range(9):
        previews.add(np.full((24, 32, 3), evaluation, np.uint8), evaluation, 0.0)
    assert parent.branch(4, tmp_path / "child") == 4
    shutil.rmtree(parent.folder)
    child = Checkpoints(tmp_path / "child", PLENTY)
    assert child.evaluations == [4]
    assert not child.due(make(LBFGS))
    assert same(painted(make(LBFGS, snapshot=child.newest()), child), whole)
    assert child.evaluations == [4, 5, 6, 7, 8, 9, 10]
    assert [frame.evaluation for frame in previews.branch(4, tmp_path / "film").frames] == [0, 1, 2, 3, 4]
    assert len(Previews(tmp_path / "film").frames) == 5
    with pytest.raises(CheckpointError, match="none to go back to"):
        Checkpoints(tmp_path / "parent", PLENTY).branch(4, tmp_path / "other")


def test_one_snapshot_serves_several_branches(make: Callable[..., Run], tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, PLENTY)
    whole = painted(make(ADAM), checkpoints)
    snapshot = checkpoints.load(4)
    for _ in range(2):
        assert same(painted(make(ADAM, snapshot=snapshot)), whole)


def test_only_live_settings_can_branch_and_only_to_values_that_fit(make: Callable[..., Run]) -> None:
    snapshot = make(ADAM).snapshot()
    assert branched(snapshot, {"style_weight": 7.0}).style_weight == 7.0
    for changes, words in (({"size": 96}, "size is settled"), ({"style_weight": -1.0}, "greater than or equal to 0")):
        with pytest.raises(RecipeError, match=words):
            branched(snapshot, changes)


# ---------------------------------------------------------------- bounds


def test_moments_are_few_and_spread_evenly(make: Callable[..., Run], tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, PLENTY)
    run = make(ADAM)
    for run.painting.evaluations in range(300):
        checkpoints.save(run)
        assert len(checkpoints.evaluations) <= MAX_CHECKPOINTS
    kept = checkpoints.evaluations
    assert (kept[0], kept[-1], len(kept)) == (0, 299, MAX_CHECKPOINTS)
    gaps = np.diff(kept[:-1])
    assert gaps.max() <= 2 * gaps.min()
    assert Checkpoints(tmp_path, PLENTY).evaluations == kept
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == checkpoints.bytes


def test_bytes_are_bounded_and_memories_go_first(make: Callable[..., Run], tmp_path: Path) -> None:
    painted(make(LBFGS), full := Checkpoints(tmp_path / "full", PLENTY))
    newest = full.folder / f"{full.evaluations[-1]:09d}.memory"
    limit = 5 * newest.stat().st_size
    checkpoints = Checkpoints(tmp_path / "bounded", limit)
    for frame in (run := make(LBFGS)).frames():
        if frame.result is None:
            checkpoints.save(run)
            assert checkpoints.bytes <= limit
            assert checkpoints.load(run.evaluations)["optimizer"] is not None
    assert checkpoints.evaluations == full.evaluations
    assert checkpoints.load(1)["optimizer"] is None
    assert checkpoints.load(checkpoints.evaluations[-1])["parameters"][0].equal(
        run.painting.canvas.parameters[0].detach()
    )
    tighter = Checkpoints(checkpoints.folder, limit // 12)  # as after a restart with less room
    run.painting.evaluations = 11
    tighter.save(run)
    assert (tighter.evaluations[0], tighter.evaluations[-1]) == (0, 11)
    assert 2 <= len(tighter.evaluations) < len(full.evaluations)
    assert tighter.bytes <= limit // 12 or len(tighter.evaluations) == 2


def test_a_memory_that_is_larger_than_the_bound_is_left_out(make: Callable[..., Run], tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, 700_000)
    painted(make(LBFGS), checkpoints)
    assert checkpoints.bytes <= 700_000
    assert checkpoints.load(10)["optimizer"] is None


def test_saving_waits_by_its_own_cost(make: Callable[..., Run], tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, PLENTY, save_every=0.2)
    run = make(ADAM)
    assert checkpoints.due(run)
    checkpoints.maybe_save(run)
    run.painting.evaluations = 1
    assert not checkpoints.due(run)
    checkpoints.cost, checkpoints.saved_at = 0.0, checkpoints.saved_at - 0.21
    assert checkpoints.due(run)
    checkpoints.cost = 1.0
    assert not checkpoints.due(run)
    checkpoints.saved_at -= 30
    assert checkpoints.due(run)


def test_many_runs_share_one_pace_but_each_is_saved_in_time(
    make: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = history._SavingRate()
    monkeypatch.setattr(history, "_saving", pace)
    monkeypatch.setattr(history, "MIN_SECONDS", 0.05)
    run = make(LBFGS)
    for _frame in zip(range(4), run.frames(), strict=False):
        pass
    first, second = (Checkpoints(tmp_path / name, PLENTY, save_every=1.0) for name in ("first", "second"))
    first.maybe_save(run)
    second.maybe_save(run)  # the first of a run at once, but with nothing that would take the others' time
    assert (first.load(3)["optimizer"] is None, second.load(3)["optimizer"] is None) == (False, True)
    assert not pace.free
    run.painting.evaluations = 4
    first.cost, first.saved_at = 0.0, first.saved_at - 0.5
    assert not first.due(run)
    first.saved_at -= 0.5
    first.maybe_save(run)
    assert first.evaluations == [3, 4]
    assert first.load(4)["optimizer"] is None
    first.save(run)  # as when it pauses there
    assert first.load(4)["optimizer"] is not None
    pace.free_at = 0.0
    run.painting.evaluations = 5
    first.cost, first.saved_at = 0.0, first.saved_at - 0.5
    first.maybe_save(run)
    assert first.load(5)["optimizer"] is not None


# ---------------------------------------------------------------- when the disk or a file is no good


def test_a_full_disk_is_said_once_and_stops_nothing(make: Callable[..., Run], tmp_path: Path) -> None:
    checkpoints, notes, states, run = Checkpoints(tmp_path / "moments", PLENTY), [], [], make(ADAM)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for frame in run.frames():
        if run.evaluations == 2:  # no file of this process may grow any more, which fails as a full disk does
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        try:
            notes.append(checkpoints.save(run))
            states.append(frame.state)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [note for note in notes if note] == [notes[2]]
    assert "full or read-only" in str(notes[2])
    assert states[-1] == "done"
    assert checkpoints.evaluations == [0, 1]
    assert not list(tmp_path.rglob("*.tmp"))
    assert not checkpoints.due(run)


@pytest.mark.parametrize("folder", ["/proc/moments", "file/moments"])
def test_a_disk_that_takes_nothing_is_said_once(make: Callable[..., Run], tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("no folder")
    checkpoints = Checkpoints(tmp_path / folder, PLENTY)
    run = make(ADAM)
    assert "read-only" in str(checkpoints.save(run))
    assert checkpoints.save(run) is None
    previews = Previews(tmp_path / folder)
    previews.add(np.zeros((8, 8, 3), np.uint8), 0, 0.0)
    assert len(previews.frames) == 1


class Hostile:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (Path("was-run"),)


def test_a_hostile_or_damaged_file_is_refused_in_words_and_never_run(
    make: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoints = Checkpoints(tmp_path, PLENTY)
    run = make(ADAM)
    for run.painting.evaluations in range(6):
        checkpoints.save(run)
    whole = (tmp_path / "000000005.moment").read_bytes()
    torch.save({"recipe": Hostile()}, tmp_path / "000000001.moment")
    (tmp_path / "000000002.moment").write_bytes(pickle.dumps(Hostile()))
    (tmp_path / "000000003.moment").write_bytes(b"")
    (tmp_path / "000000004.moment").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "000000005.moment").write_bytes(whole[:9000] + bytes(9000) + whole[18000:])
    torch.save([1, 2], tmp_path / "000000006.moment")
    checkpoints = Checkpoints(tmp_path, PLENTY)
    for evaluation in range(1, 7):
        with pytest.raises(CheckpointError, match="go back to another moment"):
            checkpoints.load(evaluation)
    assert not Path("was-run").exists()
    newest = checkpoints.newest()
    assert newest is not None
    assert newest["numbers"]["evaluations"] == 0
    assert checkpoints.evaluations == [0]
    (tmp_path / "000000000.moment").write_bytes(b"")
    assert checkpoints.newest() is None
    assert list(tmp_path.glob("*.moment")) == []
    with pytest.raises(CheckpointError, match="none to go back to"):
        checkpoints.load(3)


def spoil_memory(memory: dict[str, Any]) -> None:
    """Adam's or L-BFGS's, as if of another canvas."""
    if "state" in memory:
        memory["state"][0]["exp_avg"] = torch.zeros(3)
    else:
        memory["vectors"] = memory["vectors"][:, :3]


@RECIPES
@pytest.mark.parametrize(
    "spoil",
    [
        lambda snapshot: snapshot.pop("curve"),
        lambda snapshot: snapshot.update(recipe="{}x"),
        lambda snapshot: snapshot["numbers"].update(stage=7),
        lambda snapshot: snapshot["numbers"].update(seconds="soon"),
        lambda snapshot: snapshot.update(parameters=[torch.zeros(1)]),
        lambda snapshot: spoil_memory(snapshot["optimizer"]),
        lambda snapshot: snapshot.update(optimizer={"state": {}, "param_groups": []}),
    ],
)  # fmt: skip
def test_a_snapshot_that_does_not_fit_is_refused_in_words(
    make: Callable[..., Run], recipe: Recipe, spoil: Callable[[dict[str, Any]], object]
) -> None:
    run = make(recipe)
    for frame in run.frames():
        if frame.evaluations == 2:
            break
    snapshot = run.snapshot()
    spoil(snapshot)
    with pytest.raises(PlaygroundError, match="go back to another one"):
        make(recipe, snapshot=snapshot)
