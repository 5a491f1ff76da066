"""A training's checkpoint: nothing is lost at any moment, and it goes on to the same bits."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from playground.errors import PlaygroundError
from playground.feedforward.checkpoint import Paths, saved_recipe
from playground.feedforward.model import load_model, read_tensors, write_tensors
from playground.feedforward.photos import BUNDLED, Photos
from playground.feedforward.training import Training
from playground.networks.read import Weights
from playground.networks.vgg import Vgg
from playground.recipe.parse import stored_training
from tests.helpers import version_0_1
from tests.helpers.training import STYLE, TINY, same, tiny, weights_of
from tests.helpers.waiting import until


def test_going_on_from_a_checkpoint_gives_the_bits_of_an_uninterrupted_training(
    network: Vgg, style: Image.Image, photos: Photos, tmp_path: Path
) -> None:
    whole = Training(style, photos, tiny(steps=6, batch_size=2), network)
    curve = list(whole.frames())[-1].result.curve  # type: ignore[union-attr]
    path = tmp_path / "model.safetensors"
    list(Training(style, photos, tiny(steps=2, batch_size=2), network, path).frames())
    for steps in (3, 6):
        part = Training(style, photos, saved_recipe(path).changed({"steps": steps}), network, path, resume=True)
        assert part.progress.step < steps
        torch.manual_seed(steps)  # nothing may hang on the global generator
        frames = list(part.frames())
    assert same(weights_of(part), weights_of(whole))
    assert [point["total"] for point in frames[-1].result.curve] == [point["total"] for point in curve]  # type: ignore[union-attr]
    assert frames[-1].result.seconds >= frames[0].seconds > 0  # type: ignore[union-attr]
    model = load_model(path)
    assert (model.card.steps, model.card.photos, model.card.recipe["steps"]) == (6, len(photos), 6)
    assert same(model.network.state_dict(), weights_of(whole))
    with Image.open(Paths(path).grid) as grid:
        assert grid.size == (256, 128)


def test_checkpoints_are_made_by_steps_and_by_the_clock(
    network: Vgg, style: Image.Image, photos: Photos, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    saved = []
    for frame in Training(style, photos, tiny(steps=5, checkpoint_steps=2), network, path).frames():
        if path.exists():
            saved.append((frame.step, read_tensors(Paths(path).state)[1]["step"], frame.picture is not None))
    assert saved == [(2, 2, True), (3, 2, False), (4, 4, True), (5, 4, False), (5, 5, True)]
    path.unlink()
    recipe = tiny(steps=2).model_copy(update={"checkpoint_seconds": 0.0})
    for frame in Training(style, photos, recipe, network, path).frames():
        if frame.step == 1:
            assert path.exists()


def test_the_settings_in_a_checkpoint_of_an_earlier_version(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    state = {
        "step": 1,
        "seconds": 1.0,
        "rate_scale": 1.0,
        "recoveries": 0,
        "curve": [],
        "style_sha256": "",
        "photos": 1,
    }
    recipe = json.loads(version_0_1.TRAINING)
    write_tensors(Paths(path).state, {}, {**state, "recipe": recipe})
    assert saved_recipe(path) == stored_training(recipe)


def test_a_checkpoint_of_something_else_is_refused(
    network: Vgg, style: Image.Image, photos: Photos, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"

    def refused(sentence: str, style: Image.Image = style, photos: Photos = photos, **settings: int) -> None:
        with pytest.raises(PlaygroundError, match=sentence):
            Training(style, photos, tiny(**settings), network, path, resume=True)

    refused("no checkpoint")
    list(Training(style, photos, tiny(steps=1), network, path).frames())
    refused("another style picture", style=style.resize((64, 64)))
    fewer = Photos(BUNDLED)
    fewer.sources.pop()
    refused("photographs", photos=fewer)
    refused("width 4, which cannot change", width=8)
    Paths(path).state.write_bytes(path.read_bytes())
    refused("no checkpoint of a training")
    Paths(path).state.write_bytes(path.read_bytes()[:1000])
    refused("damaged")


@pytest.mark.slow  # sixteen seconds of starts; a kill is also tried in tests/service/test_recovery.py
def test_a_kill_at_any_moment_leaves_the_last_good_checkpoint(tmp_path: Path, hed: Weights) -> None:
    path = tmp_path / "model.safetensors"
    command = [
        sys.executable, "-m", "playground", "train", str(STYLE), "--photos", BUNDLED, "-o", str(path), "--set",
        "checkpoint_steps=1", *(part for key, value in TINY.items() if key != "steps" for part in ("--set", f"{key}={value}")),
    ]  # fmt: skip
    training = subprocess.Popen([*command, "--steps", "100000"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        until(Paths(path).state.exists, 120)
        # With a checkpoint every step a good part of the time is spent writing; wait for one that is going on.
        until(lambda: list(tmp_path.glob(".*.tmp*")), every=0)
    finally:
        training.send_signal(signal.SIGKILL)
        training.wait()
    tensors, state = read_tensors(Paths(path).state)
    assert state["step"] >= 1
    assert all(torch.isfinite(value).all() for value in tensors.values())
    load_model(path)
    done = subprocess.run(
        [*command, "--steps", str(state["step"] + 2), "--resume"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert f"done after {state['step'] + 2} steps" in done.stdout
    assert not list(tmp_path.glob(".*.tmp*"))


def test_going_on_does_not_ask_for_the_model_it_started_from(
    network: Vgg, style: Image.Image, photos: Photos, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    list(Training(style, photos, tiny(steps=1), network, first).frames())
    begun = Training(style, photos, tiny(start_from=str(first), steps=1), network, second)
    list(begun.frames())
    first.unlink()
    resumed = Training(style, photos, saved_recipe(second), network, second, resume=True)
    assert same(weights_of(resumed), weights_of(begun))


def test_a_training_that_is_taken_up_again_saves_after_its_first_step(
    network: Vgg, style: Image.Image, photos: Photos, tmp_path: Path
) -> None:
    """A server that was killed three times sooner than its trainings saved by themselves set them aside as its undoing."""
    path = tmp_path / "model.safetensors"
    list(Training(style, photos, tiny(steps=2), network, path).frames())
    recipe = saved_recipe(path).changed({"steps": 1000, "checkpoint_steps": 1000})
    for step in (3, 4):
        for frame in (frames := Training(style, photos, recipe, network, path, resume=True).frames()):
            if frame.step == step:
                break
        frames.close()  # type: ignore[attr-defined]
        assert read_tensors(Paths(path).state)[1]["step"] == step
