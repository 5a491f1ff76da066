"""The grid of layers: for every convolution of the network, how much content, style and neighbours it carries.

One `gr.HTML` of sliders and numbers (layers.js); its value is {"content": {layer: weight}, "style": {...}, "layers": [...],
"preset": {"content": {...}, "style": {...}}}, with "neighbours" beside them in the Studio, which compares places too, and what
the Studio adds comes back as it was. Called by the Studio and the training tab; quick picks are plain functions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.networks import catalogue, read
from playground.recipe.base import STYLE_BLOCKS, BaseRecipe
from playground.recipe.model import Recipe
from playground.web.words import say

SCRIPT = (Path(__file__).parent.parent / "assets" / "layers.js").read_text("utf-8")

KINDS = ("content", "style", "neighbours")

PICKS = ("recipe", "paper", "first", "all", "shallow", "deep")
"""Quick picks of style layers."""


def layer_names(network: str) -> tuple[str, ...]:
    """The convolutions of a network; VGG16's where the file cannot be read."""
    try:
        return catalogue.LAYERS[read.describe(network).architecture]
    except (PlaygroundError, KeyError):
        return catalogue.LAYERS["vgg16"]


def grid_value(recipe: BaseRecipe, preset: BaseRecipe | None = None) -> dict[str, Any]:
    """What the grid shows for a recipe whose sliders stand around the weights of `preset`, by default its own."""
    return {**weights(recipe), "layers": list(layer_names(recipe.network)), "preset": weights(preset or recipe)}


def weights(recipe: BaseRecipe) -> dict[str, dict[str, float]]:
    """A recipe's weights by kind and layer; a training has no neighbours."""
    return {kind: dict(found) for kind in KINDS if (found := getattr(recipe, f"{kind}_layers", None)) is not None}


def pick(name: str, network: str, preset: Recipe) -> tuple[dict[str, float], dict[str, float]]:
    """Content and style layers of a quick pick; the paper's are conv4_2 for content and conv1_1 to conv5_1 for style.

    A layer that the preset has keeps its weight, another gets one between those of its neighbours.
    """
    layers = layer_names(network)
    content = dict(preset.content_layers)
    if name == "recipe":
        return content, dict(preset.style_layers)
    if name in ("paper", "first"):
        chosen: tuple[str, ...] = STYLE_BLOCKS
        content = {"conv4_2": _weight_among(content, "conv4_2")} if name == "paper" else content
    elif name == "shallow":
        chosen = tuple(layer for layer in layers if layer[4] in "12")
    elif name == "deep":
        chosen = tuple(layer for layer in layers if layer[4] in "45")
    else:
        chosen = layers
    return content, {layer: _weight_among(preset.style_layers, layer) for layer in chosen}


def _weight_among(weights: Mapping[str, float], layer: str) -> float:
    """A layer's weight, or the geometric mean of its nearest neighbours', since weights run over powers of ten."""
    heavy = {name: weight for name, weight in sorted(weights.items()) if weight > 0}
    below = [weight for name, weight in heavy.items() if name <= layer]
    above = [weight for name, weight in heavy.items() if name >= layer]
    near = [*below[-1:], *above[:1]]
    return float(f"{math.prod(near) ** (1 / len(near)):.3g}") if near else 1.0


def judged(value: Any) -> dict[str, Any]:
    """A grid's value that is one: whatever else a request brings counts as no layers."""
    value = value if isinstance(value, dict) else {}
    known = value.get("layers") if isinstance(value.get("layers"), list) else []
    kept = {kind: layers for kind in KINDS if isinstance(layers := value.get(kind), dict)}
    weighed = {
        kind: {name: weight for name, weight in layers.items() if isinstance(weight, (int, float))}
        for kind, layers in kept.items()
    }
    return {"content": {}, "style": {}, **weighed, "layers": [name for name in known or () if isinstance(name, str)]}


def described(value: Mapping[str, Any]) -> str:
    """The chosen layers in a sentence, for the panel's heading and for screen readers."""
    parts = []
    for kind in ("content", "style"):
        chosen = [layer for layer, weight in (value.get(kind) or {}).items() if weight > 0]
        parts.append(f"{say(f'term.{kind}')}: {', '.join(chosen) if chosen else say('value.none')}")
    return " · ".join(parts)


def grid(recipe: BaseRecipe, elem_id: str = "layers") -> gr.HTML:
    """The grid for a recipe that is a preset; fires `input` when a person has changed one of its weights."""
    return gr.HTML(
        grid_value(recipe), html_template='<div class="layer-grid"></div>', js_on_load=SCRIPT, elem_id=elem_id,
        apply_default_css=False,
    )  # fmt: skip
