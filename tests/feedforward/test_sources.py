"""A training's steps against the source's, written apart in double precision (recipe 4)."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from PIL import Image

from playground.feedforward.learner import Learner
from playground.feedforward.processes import Processes
from playground.images.convert import resize_picture, to_tensor
from playground.networks.read import Weights
from playground.networks.transformer import new_network
from playground.networks.vgg import Vgg
from playground.recipe.presets import load_training_preset
from tests.helpers import reference, reference_networks


@pytest.mark.parametrize(
    ("preset", "pool", "style_weight", "content_weight"),
    [("fast-1", "max", 1e10, 1e5), ("fast-4", "average", 1e11, 1e6)],
)
def test_three_steps_of_a_training_follow_the_source(
    hed: Weights, pictures: tuple[Image.Image, Image.Image], preset: str, pool: str, style_weight: float,
    content_weight: float,
) -> None:  # fmt: skip
    weights = replace(hed, network=replace(hed.network, convention="torch"))
    recipe = load_training_preset(preset)
    assert recipe.style_size == 448
    recipe = recipe.changed({"image_size": 64, "style_size": 96, "batch_size": 2})
    photo = to_tensor(resize_picture(pictures[0], 160))
    batches = [torch.cat([photo[..., k : k + 64, k : k + 64], photo[..., 9:73, 70 - k : 134 - k]]) for k in (0, 20, 40)]
    network = new_network(32, 5, seed=3)
    first = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    learner = Learner(network, Vgg(weights), pictures[1], batches[0][:1], recipe, Processes())
    learnt = [learner.learn(batch, 1e-3)[0] for batch in batches]

    def see(unit: torch.Tensor) -> dict[str, torch.Tensor]:
        return reference.forward(hed.tensors, reference.torch_input(unit), "max" if pool == "max" else "average")

    painting = see(to_tensor(resize_picture(pictures[1], 96)))
    terms_of = reference_networks.training_terms(content_weight, style_weight)
    seen = list[dict[str, float]]()

    def loss_of(tensors: dict[str, torch.Tensor], step: int) -> torch.Tensor:
        terms = terms_of(see(reference_networks.transformer(tensors, batches[step])), see(batches[step]), painting)
        seen.append({name: float(term.detach()) for name, term in terms.items()})
        return torch.stack(list(terms.values())).sum()

    expected = reference_networks.train(first, loss_of, [1e-3] * 3)
    assert min(expected[1:]) < 0.9 * expected[0]
    assert [float(losses.total.detach()) for losses in learnt] == pytest.approx(expected, rel=2e-3)
    for losses, terms in zip(learnt, seen, strict=True):
        assert {name: float(term.detach()) for name, term in losses.terms.items()} == pytest.approx(terms, rel=1e-2)
