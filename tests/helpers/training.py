"""Trainings so small that a test can wait for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from playground.feedforward.training import Training
from playground.recipe.presets import load_training_preset
from playground.recipe.training import TrainingRecipe

STYLE = Path(__file__).resolve().parents[2] / "presets" / "styles" / "swirls.jpg"

TINY: dict[str, Any] = {"image_size": 64, "batch_size": 1, "width": 4, "blocks": 1, "style_size": 64, "steps": 4}


def tiny(**settings: Any) -> TrainingRecipe:
    return load_training_preset().changed({**TINY, **settings})


def weights_of(training: Training) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in training.learner.network.state_dict().items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)
