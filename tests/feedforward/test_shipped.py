"""The styles that come with the playground: small, ready, and with a model card each."""

from __future__ import annotations

import torch
from safetensors.torch import load_file

from playground.feedforward.model import load_model, shipped_styles


def test_every_shipped_style_loads_is_small_and_has_its_model_card() -> None:
    styles = shipped_styles()
    assert len(styles) >= 3
    for name, path in styles.items():
        model = load_model(name)
        assert path.stat().st_size < 4e6
        assert model.card.thumbnail is not None
        assert model.card.steps > 0
        assert model.card.curve[-1]["total"] < model.card.curve[0]["total"]
        assert model.card.recipe["network"] == "vgg16-hed"
        assert name in model.card.command
        assert load_file(path)["down1.conv.weight"].dtype == torch.float16
