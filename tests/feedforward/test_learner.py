"""One step of a training: what is learnt from a batch, and from what nothing is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from playground.errors import PlaygroundError
from playground.feedforward import learner
from playground.feedforward.learner import MAX_SLOPE
from playground.feedforward.photos import Photos
from playground.feedforward.training import Training
from playground.networks.read import Weights
from playground.networks.vgg import Vgg
from playground.recipe.presets import load_training_preset
from tests.helpers.networks import as_with_bfloat16
from tests.helpers.training import same, tiny, weights_of


def test_a_batchs_loss_is_the_mean_over_its_pictures(network: Vgg, style: Image.Image, photos: Photos) -> None:
    training = Training(style, photos, tiny(), network)
    batch = training.samples[:2]

    def losses(photos: torch.Tensor) -> torch.Tensor:
        training.learner.objective.set_content(photos, training.recipe)
        with torch.no_grad():
            painted = training.learner.convention.of(training.learner.network(training.learner.convention.to(photos)))
            return training.learner.objective(painted).stacked()

    each = torch.stack([losses(photo) for photo in batch.split(1)])
    assert torch.allclose(losses(batch), each.mean(0), rtol=1e-4)


def test_photographs_whose_gradient_is_no_number_spoil_nothing(
    network: Vgg, style: Image.Image, photos: Photos
) -> None:
    """A white picture has a finite loss, but behind every instance normalisation a gradient 300 times as large."""
    training = Training(style, photos, load_training_preset().changed({"image_size": 64, "batch_size": 1}), network)
    white = torch.ones((1, 3, 64, 64))
    with torch.no_grad():
        for name, parameter in training.learner.network.named_parameters():
            if name.endswith("bias"):  # a network at its start answers white with exact zeros
                parameter.normal_(generator=torch.Generator().manual_seed(1))
    before = weights_of(training)
    losses, wrong = training.learner.learn(white, training.recipe.learning_rate)
    assert math.isfinite(float(losses.total.detach()))
    assert wrong
    assert same(weights_of(training), before)


def test_it_can_start_from_a_trained_model(network: Vgg, style: Image.Image, photos: Photos, tmp_path: Path) -> None:
    path = tmp_path / "first.safetensors"
    first = Training(style, photos, tiny(steps=2), network, path)
    list(first.frames())
    onward = Training(style, photos, tiny(start_from=str(path), seed=9), network)
    assert same(weights_of(onward), weights_of(first))
    assert onward.progress.step == 0
    before = weights_of(onward)
    list(onward.frames())
    assert not same(weights_of(onward), before)
    with pytest.raises(PlaygroundError, match="4 channels wide"):
        Training(style, photos, tiny(start_from=str(path), width=8), network)


@pytest.mark.parametrize(
    ("factor", "said"), [(5e18, ""), (1e26, "so large that its square"), (1e39, "was no finite number")]
)
def test_a_steep_slope_is_learnt_from_as_long_as_adam_can_square_it(
    network: Vgg, style: Image.Image, photos: Photos, factor: float, said: str
) -> None:
    """The whole gradient's square may be no number, as long as each value's is."""
    training = Training(style, photos, tiny(style_weight=3.0, batch_size=2), network)
    slopes = [
        parameter.register_hook(lambda slope: slope * factor / slope.abs().max().clamp_min(1e-30))
        for parameter in training.learner.network.parameters()
    ]
    before = weights_of(training)
    _, wrong = training.learner.learn(training.samples[:2], 1e-3)
    assert said in wrong
    assert bool(said) == bool(wrong)
    assert same(weights_of(training), before) == bool(said)
    assert len(slopes) > 10


def test_style_alone_is_learnt_at_every_step(network: Vgg, style: Image.Image, photos: Photos) -> None:
    """The source's fifth experiment weighs style with 1e21: slopes are beyond what has a square in single precision."""
    recipe = tiny(steps=4, style_loss="volume", content_loss="mean", style_weight=1e16)
    training = Training(style, photos, recipe, network)
    before, frames = weights_of(training), []
    for frame in training.frames():
        frames.append(frame)
        if frame.losses and frame.result is None:
            assert not same(weights_of(training), before)
            before = weights_of(training)
    assert min(frame.losses["style"] for frame in frames if frame.losses) > MAX_SLOPE
    assert not [frame.note for frame in frames if frame.note and "nothing learned" in frame.note]
    assert training.learner.scale < 1


def test_the_loss_s_scale_changes_no_bit_and_is_gone_on_with(
    network: Vgg, style: Image.Image, photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An epsilon so large that it would be noticed, and a scale that is lowered again on the way."""
    settings: dict[str, Any] = {"epsilon": 0.01, "learning_rate": 0.01}

    def learnt(large: float, output: str, stops: tuple[int, ...]) -> Training:
        monkeypatch.setattr(learner, "LARGE_LOSS", large)
        monkeypatch.setattr(learner, "SCALED_LOSS", large / 16)
        for stop in stops:
            training = Training(
                style, photos, tiny(steps=stop, **settings), network, tmp_path / output, resume=stop != stops[0]
            )
            list(training.frames())
        return training

    plain = learnt(2.0**50, "plain.safetensors", (4,))
    assert plain.learner.scale == 1
    for stops in ((4,), (2, 4)):
        scaled = learnt(2.0**-4, f"scaled-{len(stops)}.safetensors", stops)
        assert scaled.learner.scale < 2.0**-4
        assert same(weights_of(scaled), weights_of(plain))
    before = scaled.learner.scale
    for training, large in ((plain, 2.0**50), (scaled, 2.0**-14)):
        monkeypatch.setattr(learner, "LARGE_LOSS", large)
        monkeypatch.setattr(learner, "SCALED_LOSS", large / 16)
        training.learner.set_recipe(training.recipe)
        training.learner.learn(training.samples[:1], 0.01)
    assert scaled.learner.scale < before / 16
    assert same(weights_of(scaled), weights_of(plain))


def test_single_precision_by_choice_where_the_device_has_less(
    hed: Weights, network: Vgg, style: Image.Image, photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    coarse = as_with_bfloat16(hed, monkeypatch)

    def learnt(vgg: Vgg, precision: str) -> dict[str, torch.Tensor]:
        training = Training(style, photos, tiny(steps=2, precision=precision), vgg)
        list(training.frames())
        return weights_of(training)

    expected = learnt(network, "float32")
    assert same(learnt(coarse, "float32"), expected)
    assert not same(learnt(coarse, "auto"), expected)
