"""L-BFGS against a two-loop recursion written apart, on curved valleys, and going on to the same bits."""

from __future__ import annotations

import copy
import itertools
import os
import subprocess
import sys
from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from playground.engine.lbfgs import FIRST_STEP, GROWTH, Lbfgs
from playground.engine.optimisers import OPTIMISERS, Adam
from playground.networks.read import Weights
from playground.recipe.model import Recipe


def step(optimizer: Lbfgs) -> None:
    """One step of an optimiser that has no use for the loss."""
    optimizer.step(torch.tensor([]), rest=False)


def valley(parameters: list[Tensor]) -> Tensor:
    """Rosenbrock's function, coordinate by coordinate, over all parameters in a row."""
    x = torch.cat([parameter.flatten() for parameter in parameters])
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def start() -> list[Tensor]:
    generator = torch.Generator().manual_seed(3)
    shapes = [(1, 3, 4, 2), (5,)]
    return [(torch.randn(shape, generator=generator) * 0.3).requires_grad_(True) for shape in shapes]


def look(parameters: list[Tensor], factor: float = 1.0) -> float:
    loss = factor * valley(parameters)
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        parameter.grad = gradient
    return float(loss.detach())


def descend(parameters: list[Tensor], optimizer: Lbfgs, steps: int, factor: float = 1.0) -> list[float]:
    losses = []
    for _ in range(steps):
        losses.append(look(parameters, factor))
        step(optimizer)
    return losses


def by_two_loops(steps: int, rate: float, history: int, unit: float) -> list[float]:
    """The textbook's algorithm, in double precision and vectors all the way."""
    x = np.concatenate([parameter.detach().double().numpy().ravel() for parameter in start()])
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    losses, before, length = [], None, 0.0
    for _ in range(steps):
        inner = x[1:] - x[:-1] ** 2
        losses.append(float((100 * inner**2 + (1 - x[:-1]) ** 2).sum()))
        g = np.zeros_like(x)
        g[1:] += 200 * inner
        g[:-1] += -400 * inner * x[:-1] - 2 * (1 - x[:-1])
        if before is None:
            d = -g * FIRST_STEP * unit * len(x) / np.abs(g).sum()
        else:
            s, y = x - before[0], g - before[1]
            if s @ y > 0:
                pairs = [*pairs, (s, y)][-history:]
            q, alphas = g.copy(), []
            for s, y in reversed(pairs):
                alphas.append((s @ q) / (s @ y))
                q -= alphas[-1] * y
            s, y = pairs[-1]
            q *= (s @ y) / (y @ y)
            for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
                q += s * (alpha - (y @ q) / (s @ y))
            d = -q
        step = rate * d
        if before is not None:
            step *= min(1.0, max(GROWTH * length, FIRST_STEP * unit * len(x) ** 0.5) / np.linalg.norm(step))
        before, length = (x.copy(), g), float(np.linalg.norm(step))
        x = x + step
    return losses


@pytest.mark.parametrize(("history", "unit"), [(1, 1.0), (4, 1.0), (30, 255.0)])
def test_it_is_the_textbook_s_two_loops(history: int, unit: float) -> None:
    parameters = start()
    found = descend(parameters, Lbfgs(parameters, 0.5, history, unit), 12)
    assert found == pytest.approx(by_two_loops(12, 0.5, history, unit), rel=1e-3)


def test_it_reaches_the_bottom_of_the_valley() -> None:
    parameters = start()
    losses = descend(parameters, Lbfgs(parameters, 0.5, 10), 400)
    assert losses[0] > 30
    assert min(losses) < 1e-3


def test_it_is_blind_to_the_scale_of_the_loss() -> None:
    found = []
    for factor in (1.0, 1e-6, 1e6, 1e-30, 1e30):
        parameters = start()
        losses = descend(parameters, Lbfgs(parameters, 0.5, 6), 10, factor)
        found.append([loss / factor for loss in losses])
    for losses in found[1:]:
        assert losses == pytest.approx(found[0], rel=1e-3)


def test_the_first_step_is_as_long_as_it_says() -> None:
    parameters = start()
    before = [parameter.detach().clone() for parameter in parameters]
    descend(parameters, Lbfgs(parameters, 2.0, 5, unit=255.0), 1)
    moved = torch.cat([(a - b).abs().flatten() for a, b in zip(parameters, before, strict=True)])
    assert float(moved.detach().mean()) == pytest.approx(2.0 * FIRST_STEP * 255.0, rel=1e-5)


@pytest.mark.parametrize("steps", [0, 1, 3, 9])
def test_it_goes_on_to_the_same_bits(steps: int) -> None:
    parameters = start()
    optimizer = Lbfgs(parameters, 0.5, 4)
    descend(parameters, optimizer, steps)
    kept = copy.deepcopy((parameters, optimizer.state_dict()))
    whole = descend(parameters, optimizer, 5)
    others, state = kept
    again = Lbfgs(others, 0.5, 4)
    again.load_state_dict(state)
    assert descend(others, again, 5) == whole
    assert all(torch.equal(a, b) for a, b in zip(parameters, others, strict=True))
    written = state["vectors"]
    assert (0 if written is None else len(written)) == (2 * min(steps, 5) + 1 if steps else 0)


def test_what_is_level_stays_where_it_is() -> None:
    parameter = torch.ones(4, requires_grad=True)
    parameter.grad = torch.zeros(4)
    optimizer = Lbfgs([parameter], 1.0, 3)
    step(optimizer)
    step(optimizer)
    assert parameter.tolist() == [1.0] * 4


def test_what_is_no_number_shows_in_the_parameters() -> None:
    """The loop must see it, in the next loss at the latest."""
    for steps in (0, 3):
        parameters = start()
        optimizer = Lbfgs(parameters, 0.5, 3)
        descend(parameters, optimizer, steps)
        look(parameters)
        assert parameters[1].grad is not None
        parameters[1].grad[0] = float("nan")
        step(optimizer)
        assert any(not torch.isfinite(parameter).all() for parameter in parameters)


@pytest.mark.parametrize("factor", [1.0, 1e-9, 1e9])
def test_a_step_that_learns_nothing_is_not_remembered(factor: float) -> None:
    """Down a straight slope the gradient stays the same; then a bowl comes."""
    parameter = torch.tensor([8.0, 8.0], requires_grad=True)
    optimizer = Lbfgs([parameter], 1.0, 3)
    for _ in range(3):
        before = parameter.detach().clone()
        parameter.grad = torch.full((2,), factor)
        step(optimizer)
        assert (before - parameter).tolist() == pytest.approx([FIRST_STEP] * 2, rel=1e-3)
    assert optimizer.state_dict()["order"] == []
    for _ in range(40):
        parameter.grad = factor * 2 * parameter.detach()
        step(optimizer)
    assert float(parameter.detach().abs().max()) < 1e-3


def test_no_step_is_much_longer_than_the_last() -> None:
    """Little curvature promises a bottom far away; a bowl's is reached all the same."""
    parameter = torch.tensor([50.0, -30.0, 20.0], requires_grad=True)
    optimizer, lengths = Lbfgs([parameter], 1.0, 3), []
    for _ in range(12):
        before = parameter.detach().clone()
        parameter.grad = parameter.detach() * torch.tensor([1.0, 2.0, 1.0])
        step(optimizer)
        lengths.append(float((parameter.detach() - before).norm()))
    assert lengths[1] == pytest.approx(GROWTH * lengths[0], rel=0.01)
    for last, now in itertools.pairwise(lengths):
        assert now <= max(GROWTH * last, FIRST_STEP * 3**0.5) * 1.01
    assert float(parameter.detach().abs().max()) < 1e-2


def test_uphill_it_forgets_and_starts_anew() -> None:
    parameters = start()
    optimizer = Lbfgs(parameters, 0.5, 3)
    descend(parameters, optimizer, 4)
    look(parameters)
    before = [parameter.detach().clone() for parameter in parameters]
    optimizer._direction = lambda: np.eye(1, optimizer._rows)[0]  # type: ignore[method-assign]  # along the gradient
    step(optimizer)
    assert optimizer.state_dict()["order"] == []
    for parameter, old in zip(parameters, before, strict=True):
        assert parameter.grad is not None
        assert float(((parameter - old) * parameter.grad).detach().sum()) < 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: state.update(vectors=state["vectors"][:, :3]),
        lambda state: state.update(vectors=state["vectors"][:2]),
        lambda state: state.update(vectors=None),
        lambda state: state.update(products=state["products"][:3, :3]),
        lambda state: state.update(order=[9]),
    ],
)
def test_a_memory_of_something_else_is_refused(spoil) -> None:  # type: ignore[no-untyped-def]
    parameters = start()
    optimizer = Lbfgs(parameters, 0.5, 4)
    descend(parameters, optimizer, 3)
    state = copy.deepcopy(optimizer.state_dict())
    spoil(state)
    with pytest.raises(ValueError, match="memory of L-BFGS"):
        Lbfgs(start(), 0.5, 4).load_state_dict(state)


@pytest.mark.parametrize("form", ["torch", "tensorflow"])
def test_adam_adds_its_epsilon_where_the_recipe_says(form: str) -> None:
    recipe = Recipe(adam_form=form, beta1=0.99, epsilon=0.1)
    parameter = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    optimiser = Adam([parameter], 0.02)
    x, m, v = parameter.detach().numpy().copy(), np.zeros(3), np.zeros(3)
    for t in range(1, 8):
        g = 0.01 * (x - 3) ** 3
        parameter.grad = 0.01 * (parameter.detach() - 3) ** 3
        optimiser.set_rates(recipe, 0.02)
        assert optimiser.step(torch.tensor([]), rest=True) == "at rest"
        m, v = 0.99 * m + 0.01 * g, 0.999 * v + 0.001 * g * g
        young1, young2 = 1 - 0.99**t, 1 - 0.999**t
        root = np.sqrt(v) / np.sqrt(young2) + 0.1 if form == "torch" else (np.sqrt(v) + 0.1) / np.sqrt(young2)
        x = x - 0.02 * m / young1 / root
        assert parameter.detach().numpy() == pytest.approx(x, rel=1e-9)
        kept = copy.deepcopy(optimiser.state_dict())  # also where it is taken up again
        optimiser = Adam([parameter], 0.02)
        optimiser.load_state_dict(kept)


def test_adam_steps_as_torchs_own_does_and_goes_on_from_its_state() -> None:
    recipe = Recipe(beta1=0.8, beta2=0.99, epsilon=1e-3)
    ours, theirs = start(), start()
    optimiser = Adam(ours, 0.1)
    own = torch.optim.Adam(theirs, lr=0.05, betas=(0.8, 0.99), eps=1e-3)
    optimiser.set_rates(recipe, 0.05)
    for number in range(6):
        for parameters in (ours, theirs):
            look(parameters)
        if number == 1:
            ours[1].grad = theirs[1].grad = None  # it has no part in this step
        optimiser.step(torch.tensor([]), rest=True)
        own.step()
        assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
        if number == 3:  # a checkpoint of torch's, with more in it than is needed
            optimiser = Adam(ours, 0.3)
            optimiser.load_state_dict(own.state_dict())
            assert optimiser.rate == 0.05
    state = optimiser.state_dict()
    assert state["state"][1]["step"] == 5
    with pytest.raises(ValueError, match="another canvas"):
        Adam(ours[:1], 0.1).load_state_dict(state)
    untouched = copy.deepcopy(state)
    taken_up = Adam(ours, 0.1)
    taken_up.load_state_dict(state)
    look(ours)
    taken_up.step(torch.tensor([]), rest=True)
    assert all(
        torch.equal(state["state"][place][key], value)
        for place, moments in untouched["state"].items()
        for key, value in moments.items()
    )


def test_a_run_does_not_bring_torchs_compiler_along(hed: Weights) -> None:
    """Which takes a second of the first run and a hundred megabytes of every server."""
    code = (
        "import sys; from PIL import Image; from playground import load_preset; from playground.engine.run import Run\n"
        "from playground.networks.vgg import load_network\n"
        "pictures = [Image.effect_noise((64, 64), 60).convert('RGB') for _ in range(2)]\n"
        f"network = load_network({hed.network.name!r})\n"
        "for preset in ('default', 'neighbours'):\n"
        "    settings = {'size': 64, 'iterations': 2, 'scales': 1, 'first_light': False}\n"
        "    list(Run(*pictures, load_preset(preset).changed(settings), network).frames())\n"
        "print('torch._dynamo' in sys.modules)"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert child.stdout == "False\n", child.stderr


def test_every_optimiser_that_a_recipe_names_has_its_entry() -> None:
    assert set(get_args(Recipe.model_fields["optimizer"].annotation)) == set(OPTIMISERS)


@pytest.mark.parametrize("restart", [True, False])
def test_the_memory_of_lbfgs_ends_with_an_iteration_where_the_recipe_says_so(restart: bool) -> None:
    recipe = Recipe(lbfgs_restart=restart)
    assert Lbfgs(start(), 1.0, 4).starts_anew(recipe) is restart
    assert not Adam(start(), 0.1).starts_anew(recipe)
