"""L-BFGS with a line search: evaluation by evaluation as scipy's, paused and taken up between any two, and where it ends."""

from __future__ import annotations

import io
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.optimize import fmin_l_bfgs_b
from torch import Tensor

from playground.engine.lbfgs import SearchingLbfgs
from playground.engine.line_search import DECREASE, FLATNESS, MAX_LOOKS, LineSearch

Function = Callable[[Tensor], Tensor]

FUNCTIONS: dict[str, Function] = {
    "a curved valley": lambda x: (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(),
    "a bowl far away": lambda x: ((x - 300) ** 2 * torch.arange(1, 9)).sum(),
    "steep walls": lambda x: (torch.exp(3 * x) + torch.exp(-4 * x)).sum(),
    "ripples": lambda x: (x**2 / 50 + torch.cos(3 * x)).sum(),
    "a quartic": lambda x: ((x - 2) ** 4).sum() + (x[:-1] * x[1:]).sum() ** 2,
    "a plain without a floor": lambda x: -torch.log1p(x**2).sum(),
    "a kink": lambda x: (x - 0.3).abs().sum() + 0.01 * (x**2).sum(),
}


def start() -> Tensor:
    return torch.randn(8, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def scipy_losses(function: Function, evaluations: int, history: int) -> list[float]:
    losses = list[float]()

    def value(at: np.ndarray) -> tuple[float, np.ndarray]:
        x = torch.tensor(at).requires_grad_(True)
        loss = function(x)
        losses.append(float(loss.detach()))
        return losses[-1], torch.autograd.grad(loss, x)[0].numpy()

    fmin_l_bfgs_b(value, start().numpy(), m=history, maxfun=evaluations, pgtol=0, factr=0)
    return losses


def look(x: Tensor, function: Function, optimiser: SearchingLbfgs, rest: bool = False) -> tuple[float, str]:
    """One evaluation and one step."""
    loss = function(x)
    (x.grad,) = torch.autograd.grad(loss, x)
    return float(loss.detach()), optimiser.step(loss.detach()[None], rest)


@pytest.mark.parametrize("history", [3, 10])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_looks_where_scipy_looks(name: str, history: int) -> None:
    x = start().requires_grad_(True)
    optimiser = SearchingLbfgs([x], 1.0, history, unit=255.0)
    expected = scipy_losses(FUNCTIONS[name], 25, history)
    settled = next((k for k in range(2, len(expected)) if abs(expected[k] - expected[k - 1]) < 1e-9), len(expected))
    assert settled > 6
    found = [look(x, FUNCTIONS[name], optimiser)[0] for _ in range(settled)]
    assert found == pytest.approx(expected[:settled], rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", ["a curved valley", "ripples", "steep walls"])
def test_it_goes_on_to_the_same_bits_from_between_any_two_looks(name: str) -> None:
    function = FUNCTIONS[name]
    whole = start().float().requires_grad_(True)
    optimiser = SearchingLbfgs([whole], 1.0, 4, unit=255.0)
    searching = 0
    for _ in range(25):
        written = io.BytesIO()
        torch.save({"x": whole.detach(), "optimiser": optimiser.state_dict()}, written)
        kept = torch.load(io.BytesIO(written.getvalue()), weights_only=True)
        other = kept["x"].requires_grad_(True)
        again = SearchingLbfgs([other], 1.0, 4, unit=255.0)
        again.load_state_dict(kept["optimiser"])
        standing = look(whole, function, optimiser)
        searching += standing[1] == "searching"
        assert look(other, function, again) == standing
        assert torch.equal(whole, other)
    assert searching >= 3


def test_at_rest_it_stands_on_the_picture_that_the_search_found() -> None:
    x = start().requires_grad_(True)
    optimiser = SearchingLbfgs([x], 1.0, 5, unit=255.0)
    losses = list[float]()
    for _ in range(3):
        standing = "searching"
        while standing == "searching":
            before = x.detach().clone()
            loss, standing = look(x, FUNCTIONS["a curved valley"], optimiser, rest=True)
            losses.append(loss)
        assert standing == "at rest"
        assert torch.equal(x, before)  # looked at already
    # What was learnt stays: the looks go on as they would have, with one more where it went on from.
    fresh, through = start().requires_grad_(True), list[float]()
    other = SearchingLbfgs([fresh], 1.0, 5, unit=255.0)
    while len(through) < len(losses) - 2:
        through.append(look(fresh, FUNCTIONS["a curved valley"], other)[0])
    repeated = [loss for loss, before in zip(losses[1:], losses, strict=False) if loss == before]
    assert len(repeated) == 2
    assert sorted(set(losses)) == pytest.approx(sorted(through), rel=1e-9)


def test_it_is_blind_to_the_scale_of_the_loss() -> None:
    found = []
    for factor in (1.0, 1e-20, 1e20):
        x = start().requires_grad_(True)
        optimiser = SearchingLbfgs([x], 1.0, 5, unit=255.0)
        losses = [look(x, lambda x: factor * FUNCTIONS["ripples"](x), optimiser)[0] for _ in range(12)]  # noqa: B023
        found.append([loss / factor for loss in losses])
    assert found[1] == pytest.approx(found[0], rel=1e-6)
    assert found[2] == pytest.approx(found[0], rel=1e-6)


def test_where_no_step_is_lower_it_goes_back_and_ends() -> None:
    """A gradient that lies: everything along it is higher."""
    x = torch.zeros(3, requires_grad=True)
    optimiser = SearchingLbfgs([x], 1.0, 4, unit=255.0)
    standing, looks = "searching", 0
    while standing == "searching":
        loss = 1 + x.detach().abs().sum()
        x.grad = torch.full((3,), -1.0)
        standing = optimiser.step(loss[None], rest=False)
        looks += 1
    assert (standing, looks) == ("stuck", MAX_LOOKS + 1)
    assert x.tolist() == [0.0] * 3


def test_what_has_been_learnt_is_forgotten_where_it_leads_nowhere() -> None:
    x = start().requires_grad_(True)
    optimiser = SearchingLbfgs([x], 1.0, 4, unit=255.0)
    for _ in range(12):
        look(x, FUNCTIONS["a curved valley"], optimiser)
    while look(x, FUNCTIONS["a curved valley"], optimiser, rest=True)[1] != "at rest":
        pass
    assert optimiser.state_dict()["order"]
    before = x.detach().clone()
    loss, standing = look(x, FUNCTIONS["a curved valley"], optimiser)
    while standing == "searching":  # from here on everything is higher, and the gradient says that it falls
        standing = optimiser.step((loss + (x.detach() - before).norm())[None], rest=True)
    assert standing == "at rest"
    assert optimiser.state_dict()["order"] == []
    assert torch.equal(x, before)


def test_what_is_level_ends_the_round() -> None:
    x = torch.ones(4, requires_grad=True)
    x.grad = torch.zeros(4)
    assert SearchingLbfgs([x], 1.0, 3).step(torch.tensor([1.0]), rest=False) == "stuck"
    assert x.tolist() == [1.0] * 4


@pytest.mark.parametrize("steps", [0, 1, 7])
def test_what_is_no_number_is_left_to_the_loop(steps: int) -> None:
    """It sees it in the loss itself; here nothing may break."""
    x = start().requires_grad_(True)
    optimiser = SearchingLbfgs([x], 1.0, 3, unit=255.0)
    for _ in range(steps):
        look(x, FUNCTIONS["ripples"], optimiser)
    for _ in range(30):
        x.grad = torch.full_like(x, math.nan)
        optimiser.step(torch.tensor([math.nan]), rest=False)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: state.update(start=state["start"][:3]),
        lambda state: state.update(start=None),
        lambda state: state["search"].pop("low"),
        lambda state: state["search"].update(step="far"),
        lambda state: state.update(place=None),
    ],
)
def test_a_search_that_is_not_whole_is_refused(spoil: Callable[[dict[str, object]], object]) -> None:
    x = start().requires_grad_(True)
    optimiser = SearchingLbfgs([x], 1.0, 4, unit=255.0)
    for _ in range(2):
        look(x, FUNCTIONS["a curved valley"], optimiser)
    state = optimiser.state_dict()
    assert state["search"] is not None
    spoil(state)
    with pytest.raises(ValueError, match=r"search|L-BFGS"):
        SearchingLbfgs([start().requires_grad_(True)], 1.0, 4, unit=255.0).load_state_dict(state)


# ---- the search along one line, on the functions of the paper's own tests ---------------------------------------------


def yanai(step: float, beta1: float, beta2: float) -> tuple[float, float]:
    def root(beta: float) -> float:
        return math.sqrt(1 + beta * beta) - beta

    a, b = math.sqrt((1 - step) ** 2 + beta2**2), math.sqrt(step**2 + beta1**2)
    value = root(beta1) * a + root(beta2) * b
    return value, root(beta1) * (step - 1) / a + root(beta2) * step / b


LINES: dict[str, Callable[[float], tuple[float, float]]] = {
    "concave, then convex": lambda t: (-t / (t * t + 2), (t * t - 2) / (t * t + 2) ** 2),
    "steep at the ends": lambda t: yanai(t, 0.001, 0.001),
    "steep at the near end": lambda t: yanai(t, 0.01, 0.001),
    "steep at the far end": lambda t: yanai(t, 0.001, 0.01),
}


@pytest.mark.parametrize("first", [1e-3, 1e-1, 1e1, 1e3])
@pytest.mark.parametrize("name", LINES)
def test_a_search_ends_where_the_conditions_hold(name: str, first: float) -> None:
    line = LINES[name]
    value, slope = line(0.0)
    search = LineSearch(value, slope, first)
    while not search.look(*line(search.step)):
        assert not search.failed
    found = line(search.step)
    assert found[0] <= value + DECREASE * search.step * slope
    assert abs(found[1]) <= FLATNESS * abs(slope)
