"""Training: it learns, is steered, is saved so that nothing is lost, goes on to the same bits, and is shared."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from playground.engine.control import MemoryControl
from playground.engine.frames import Frame
from playground.errors import PlaygroundError
from playground.feedforward.model import load_model, read_tensors
from playground.feedforward.photos import BUNDLED, Photos
from playground.feedforward.training import Paths, Training, saved_recipe
from playground.images.load import load_picture
from playground.networks.read import Weights
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe, RecipeError
from playground.recipe.presets import load_preset, presets
from playground.recipe.training import PAINTING_ONLY, TrainingRecipe, load_training_preset

STYLE = Path(__file__).resolve().parents[2] / "presets" / "styles" / "swirls.jpg"
TINY: dict[str, Any] = {"image_size": 64, "batch_size": 1, "width": 4, "blocks": 1, "style_size": 64, "steps": 4}


@pytest.fixture(scope="module")
def style() -> Image.Image:
    return load_picture(STYLE)


@pytest.fixture(scope="module")
def photos() -> Photos:
    return Photos(BUNDLED)


def tiny(**settings: Any) -> TrainingRecipe:
    return load_training_preset().changed({**TINY, **settings})


def weights_of(training: Training) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in training.network.state_dict().items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


# ---- presets and settings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "batch", "epochs", "style_weight", "content_weight", "pool"),
    [("fast-1", 4, 10, 1e10, 1e5, "max"), ("fast-2", 4, 4, 1e11, 1e4, "max"), ("fast-3", 4, 2, 1e11, 1e6, "max"),
     ("fast-4", 8, 20, 1e11, 1e6, "average"), ("fast-5", 4, 2, 1e21, 1e4, "max")],
)  # fmt: skip
def test_the_sources_experiments(
    name: str, batch: int, epochs: int, style_weight: float, content_weight: float, pool: str
) -> None:
    recipe = load_training_preset(name)
    assert (recipe.batch_size, recipe.epochs, recipe.pool) == (batch, epochs, pool)
    assert (recipe.style_weight, recipe.content_weight) == (style_weight, content_weight)
    assert (recipe.image_size, recipe.style_size, recipe.learning_rate) == (256, 448, 1e-3)
    assert recipe.content_layers == {"conv2_2": 1.0}
    assert recipe.style_layers == dict.fromkeys(("conv1_2", "conv2_2", "conv3_3", "conv4_3"), 1.0)
    assert (recipe.content_loss, recipe.style_loss, recipe.variation_weight) == ("mean", "volume", 0)
    assert (recipe.network, recipe.numbers, recipe.width, recipe.blocks) == ("vgg16-imagenet", "source", 32, 5)
    adapted = load_training_preset(name, "vgg16-hed")
    assert adapted.numbers == "adapted"
    changed = {"network", "numbers", "style_weight", "content_weight"}
    assert adapted.model_dump(exclude=changed) == recipe.model_dump(exclude=changed)
    # The source's balance is kept, corrected by how much larger this network's features are.
    assert 1e-4 < (adapted.style_weight / adapted.content_weight) / (style_weight / content_weight) < 1e-3


def test_training_and_painting_presets_are_told_apart() -> None:
    assert {name for name, preset in presets().items() if preset.kind == "train"} == {
        "fast-default", "fast-1", "fast-2", "fast-3", "fast-4", "fast-5",
    }  # fmt: skip
    assert load_training_preset().learning_rate == 1e-3
    with pytest.raises(RecipeError, match="no train preset"):
        load_training_preset("default")
    with pytest.raises(RecipeError, match="no stylize preset"):
        load_preset("fast-1")


def test_settings_are_checked_like_a_recipes() -> None:
    for key, value in {
        "image_size": 8,
        "batch_size": 0,
        "steps": 0,
        "style_weight": -1,
        "learning_rate": math.nan,
    }.items():
        with pytest.raises(RecipeError, match=key):
            tiny(**{key: value})
    with pytest.raises(RecipeError, match="did you mean 'batch_size'"):
        tiny(batchsize=2)
    assert set(Recipe.model_fields) >= PAINTING_ONLY
    for key in PAINTING_ONLY - {"plan"}:
        with pytest.raises(RecipeError, match="of painting, not of training"):
            tiny(**{key: getattr(Recipe(), key)})


# ---- learning -------------------------------------------------------------------------------------------------------


def test_thirty_steps_lower_the_loss(network: Vgg, style: Image.Image, photos: Photos) -> None:
    frames = list(Training(style, photos, tiny(steps=30, width=8, learning_rate=3e-3), network).frames())
    totals = [frame.losses["total"] for frame in frames if frame.losses][:-1]
    assert len(totals) == 30
    assert np.mean(totals[-5:]) < 0.8 * np.mean(totals[:5])
    assert [frame.step for frame in frames] == [*range(31), 30]
    last = frames[-1]
    assert last.result is not None
    assert (last.state, last.result.ended, last.result.steps) == ("done", "done", 30)
    assert [point["step"] for point in last.result.curve] == list(range(1, 31))
    assert frames[0].picture is not None
    assert last.picture is not None
    assert last.picture.shape == (128, 256, 3)
    assert np.array_equal(frames[0].picture[:64], last.picture[:64])  # the photos above stay
    assert not np.array_equal(frames[0].picture[64:], last.picture[64:])
    assert "photographs are few" in (frames[0].note or "")


def test_a_batchs_loss_is_the_mean_over_its_pictures(network: Vgg, style: Image.Image, photos: Photos) -> None:
    training = Training(style, photos, tiny(), network)
    batch = training.samples[:2]

    def losses(photos: torch.Tensor) -> torch.Tensor:
        training.objective.set_content(photos, training.recipe)
        with torch.no_grad():
            painted = training.convention.of(training.network(training.convention.to(photos)))
            return training.objective(painted).stacked()

    each = torch.stack([losses(photo) for photo in batch.split(1)])
    assert torch.allclose(losses(batch), each.mean(0), rtol=1e-4)


def test_the_length_follows_from_the_epochs_or_is_given(network: Vgg, style: Image.Image, photos: Photos) -> None:
    count = len(photos)
    assert Training(style, photos, tiny(steps=None, epochs=3, batch_size=2), network).steps == math.ceil(3 * count / 2)
    assert Training(style, photos, tiny(steps=7), network).steps == 7


# ---- steering -------------------------------------------------------------------------------------------------------


def test_it_stops_pauses_and_takes_changes(network: Vgg, style: Image.Image, photos: Photos) -> None:
    control = MemoryControl()
    training = Training(style, photos, tiny(steps=100), network, control=control)
    seen: list[Frame] = []
    for frame in training.frames():
        seen.append(frame)
        if frame.step == 2 and frame.state == "running":
            control.change({"learning_rate": 0.5, "batch_size": 2})
            control.pause()
        elif frame.state == "paused":
            control.change({"learning_rate": 0.25})
            control.resume()
        elif frame.step == 4:
            control.stop()
    assert "paused" in [frame.state for frame in seen]
    assert any("not changed: batch_size is settled" in (frame.note or "") for frame in seen)
    assert (seen[-1].step, seen[-1].state) == (4, "stopped")
    control = MemoryControl()
    control.change({"learning_rate": 0.25})
    training = Training(style, photos, tiny(steps=2), network, control=control)
    assert list(training.frames())[-1].learning_rate == 0.25


def test_a_time_budget_ends_it(network: Vgg, style: Image.Image, photos: Photos) -> None:
    last = list(Training(style, photos, tiny(steps=10_000, seconds=0.05), network).frames())[-1]
    assert last.state == "time"
    assert 1 <= last.step < 100


def test_the_rate_decays(network: Vgg, style: Image.Image, photos: Photos) -> None:
    training = Training(style, photos, tiny(steps=3, decay_steps=1, decay_factor=0.5), network)
    rates = []
    for _ in training.frames():
        rates.append(training.optimizer.param_groups[0]["lr"])
    assert rates[1:4] == pytest.approx([1e-3, 5e-4, 2.5e-4])


def test_a_loss_that_is_no_number_is_recovered_from(network: Vgg, style: Image.Image, photos: Photos) -> None:
    training = Training(style, photos, tiny(steps=4), network)
    frames = []
    for frame in training.frames():
        frames.append(frame)
        if frame.step == 2 and len(frames) == 3:
            with torch.no_grad():
                training.network.out.conv.bias.fill_(math.nan)
    notes = [frame.note for frame in frames if frame.note and "no finite number" in frame.note]
    assert len(notes) == 1
    assert frames[-1].state == "recovered"
    assert frames[-1].step == 4
    assert all(torch.isfinite(value).all() for value in training.network.state_dict().values())
    assert training.learning_rate == pytest.approx(5e-4)


def test_a_batch_that_teaches_nothing_is_told_and_passed(
    network: Vgg, style: Image.Image, photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = Training(style, photos, tiny(steps=4), network)
    original = training._train

    def second_is_none(batch: torch.Tensor) -> Any:
        if training.step != 1:
            return original(batch)
        hook = training.network.out.conv.bias.register_hook(lambda gradient: gradient * math.nan)
        found = original(batch)
        hook.remove()
        return found

    monkeypatch.setattr(training, "_train", second_is_none)
    frames = list(training.frames())
    assert [frame.step for frame in frames if frame.note and "nothing learned" in frame.note] == [2]
    assert frames[-1].state == "done"
    assert frames[-1].step == 4
    assert all(torch.isfinite(value).all() for value in training.network.state_dict().values())


def test_photographs_whose_gradient_is_no_number_spoil_nothing(
    network: Vgg, style: Image.Image, photos: Photos
) -> None:
    """A white picture has a finite loss, but behind every instance normalisation a gradient 300 times as large."""
    training = Training(style, photos, load_training_preset().changed({"image_size": 64, "batch_size": 1}), network)
    white = torch.ones((1, 3, 64, 64))
    with torch.no_grad():
        for name, parameter in training.network.named_parameters():
            if name.endswith("bias"):  # a network at its start answers white with exact zeros
                parameter.normal_(generator=torch.Generator().manual_seed(1))
    before = weights_of(training)
    losses, learned = training._train(white)
    assert math.isfinite(float(losses.total.detach()))
    assert not learned
    assert same(weights_of(training), before)


# ---- checkpoints ----------------------------------------------------------------------------------------------------


def test_going_on_from_a_checkpoint_gives_the_bits_of_an_uninterrupted_training(
    network: Vgg, style: Image.Image, photos: Photos, tmp_path: Path
) -> None:
    whole = Training(style, photos, tiny(steps=6, batch_size=2), network)
    curve = list(whole.frames())[-1].result.curve  # type: ignore[union-attr]
    path = tmp_path / "model.safetensors"
    list(Training(style, photos, tiny(steps=2, batch_size=2), network, path).frames())
    for steps in (3, 6):
        part = Training(style, photos, saved_recipe(path).changed({"steps": steps}), network, path, resume=True)
        assert part.step < steps
        torch.manual_seed(steps)  # nothing may hang on the global generator
        frames = list(part.frames())
    assert same(weights_of(part), weights_of(whole))
    assert [point["total"] for point in frames[-1].result.curve] == [point["total"] for point in curve]  # type: ignore[union-attr]
    assert frames[-1].result.seconds >= frames[0].seconds > 0  # type: ignore[union-attr]
    model = load_model(path)
    assert (model.card.steps, model.card.photos, model.card.recipe["steps"]) == (6, len(photos), 6)
    assert same(model.network.state_dict(), weights_of(whole))
    assert Image.open(Paths(path).grid).size == (256, 128)


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


def test_a_kill_at_any_moment_leaves_the_last_good_checkpoint(tmp_path: Path, hed: Weights) -> None:
    path = tmp_path / "model.safetensors"
    command = [
        sys.executable, "-m", "playground", "train", str(STYLE), "--photos", BUNDLED, "-o", str(path), "--set",
        "checkpoint_steps=1", *(part for key, value in TINY.items() if key != "steps" for part in ("--set", f"{key}={value}")),
    ]  # fmt: skip
    training = subprocess.Popen([*command, "--steps", "100000"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not Paths(path).state.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        # With a checkpoint every step a good part of the time is spent writing; wait for one that is going on.
        while not list(tmp_path.glob(".*.tmp*")) and time.monotonic() < deadline:
            pass
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


def test_it_can_start_from_a_trained_model(network: Vgg, style: Image.Image, photos: Photos, tmp_path: Path) -> None:
    path = tmp_path / "first.safetensors"
    first = Training(style, photos, tiny(steps=2), network, path)
    list(first.frames())
    onward = Training(style, photos, tiny(start_from=str(path), seed=9), network)
    assert same(weights_of(onward), weights_of(first))
    assert onward.step == 0
    before = weights_of(onward)
    list(onward.frames())
    assert not same(weights_of(onward), before)
    with pytest.raises(PlaygroundError, match="4 channels wide"):
        Training(style, photos, tiny(start_from=str(path), width=8), network)


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


# ---- several processes ----------------------------------------------------------------------------------------------


# So large an epsilon makes Adam's step proportional to the gradient; else every rounding would turn some ±rate round.
PLAIN_STEPS: dict[str, Any] = {"steps": 2, "epsilon": 1.0, "learning_rate": 0.02}


def _one_of_two(rank: int, port: int, folder: str) -> None:
    import torch.distributed as dist

    from playground.networks.vgg import load_network

    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    path = Path(folder) / "model.safetensors"
    training = Training(
        load_picture(STYLE), Photos(BUNDLED), tiny(**PLAIN_STEPS), load_network("vgg16-hed", "cpu"), path
    )
    last = list(training.frames())[-1]
    assert last.result is not None
    torch.save([weights_of(training), [point["total"] for point in last.result.curve]], Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_take_the_steps_of_one_with_the_doubled_batch(
    network: Vgg, style: Image.Image, photos: Photos, tmp_path: Path
) -> None:
    alone = Training(style, photos, tiny(**PLAIN_STEPS, batch_size=2), network)
    curve = [point["total"] for point in list(alone.frames())[-1].result.curve]  # type: ignore[union-attr]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_one_of_two, args=(rank, port, str(tmp_path))) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    (first, its_curve), (second, _) = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert same(first, second)
    assert its_curve == pytest.approx(curve, rel=1e-4)
    start = weights_of(Training(style, photos, tiny(), network))
    moved = {name: float((value - start[name]).abs().max()) for name, value in weights_of(alone).items()}
    assert all(moved[name] > 1e-4 for name in moved if name.endswith("norm.weight"))
    for name, value in weights_of(alone).items():
        if name.endswith("second.norm.bias") or (name.endswith("conv.bias") and not name.startswith("out")):
            continue  # a constant that a later normalisation takes out again: its gradient is rounding alone
        assert float((value - first[name]).abs().max()) < 0.02 * moved[name], name
    assert load_model(tmp_path / "model.safetensors").card.steps == 2
