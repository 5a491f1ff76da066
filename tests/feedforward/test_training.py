"""Training: it learns, is steered, and recovers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from playground.engine.control import MemoryControl
from playground.engine.frames import Frame
from playground.feedforward.photos import Photos
from playground.feedforward.training import Training
from playground.networks.vgg import Vgg
from tests.helpers.training import tiny


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


def test_the_length_follows_from_the_epochs_or_is_given(network: Vgg, style: Image.Image, photos: Photos) -> None:
    count = len(photos)
    assert Training(style, photos, tiny(steps=None, epochs=3, batch_size=2), network).steps == math.ceil(3 * count / 2)
    assert Training(style, photos, tiny(steps=7), network).steps == 7


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
        rates.append(training.learner.optimizer.param_groups[0]["lr"])
    assert rates[1:4] == pytest.approx([1e-3, 5e-4, 2.5e-4])


def bias(training: Training) -> torch.Tensor:
    """The last layer's, whose gradient comes first."""
    found = training.learner.network.out.conv.bias
    assert found is not None
    return found


def test_a_loss_that_is_no_number_is_recovered_from(network: Vgg, style: Image.Image, photos: Photos) -> None:
    training = Training(style, photos, tiny(steps=4), network)
    frames = []
    for frame in training.frames():
        frames.append(frame)
        if frame.step == 2 and len(frames) == 3:
            with torch.no_grad():
                bias(training).fill_(math.nan)
    notes = [frame.note for frame in frames if frame.note and "no finite number" in frame.note]
    assert len(notes) == 1
    assert frames[-1].state == "recovered"
    assert frames[-1].step == 4
    assert all(torch.isfinite(value).all() for value in training.learner.network.state_dict().values())
    assert training.progress.learning_rate(training.recipe) == pytest.approx(5e-4)


def test_a_batch_that_teaches_nothing_is_told_and_passed(
    network: Vgg, style: Image.Image, photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = Training(style, photos, tiny(steps=4), network)
    original = training.learner.learn

    def second_is_none(batch: torch.Tensor, rate: float) -> Any:
        if training.progress.step != 1:
            return original(batch, rate)
        hook = bias(training).register_hook(lambda gradient: gradient * math.nan)
        found = original(batch, rate)
        hook.remove()
        return found

    monkeypatch.setattr(training.learner, "learn", second_is_none)
    frames = list(training.frames())
    assert [frame.step for frame in frames if frame.note and "nothing learned" in frame.note] == [2]
    assert frames[-1].state == "done"
    assert frames[-1].step == 4
    assert all(torch.isfinite(value).all() for value in training.learner.network.state_dict().values())
