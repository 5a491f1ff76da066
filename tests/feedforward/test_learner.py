"""One step of a training: what is learnt from a batch, and from what nothing is."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from PIL import Image

from playground.errors import PlaygroundError
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
    losses, learned = training.learner.learn(white, training.recipe.learning_rate)
    assert math.isfinite(float(losses.total.detach()))
    assert not learned
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


@pytest.mark.parametrize(("factor", "learns"), [(5e18, True), (1e26, False)])
def test_a_steep_slope_is_learnt_from_as_long_as_adam_can_square_it(
    network: Vgg, style: Image.Image, photos: Photos, factor: float, learns: bool
) -> None:
    """The source's fifth experiment weighs style with 1e21: the whole gradient's square is no number, each value's is."""
    training = Training(style, photos, tiny(style_weight=3.0, batch_size=2), network)
    slopes = [
        parameter.register_hook(lambda slope: slope * factor / slope.abs().max().clamp_min(1e-30))
        for parameter in training.learner.network.parameters()
    ]
    before = weights_of(training)
    _, learned = training.learner.learn(training.samples[:2], 1e-3)
    assert learned == learns
    assert same(weights_of(training), before) == (not learns)
    assert len(slopes) > 10


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
