"""How the parameters of a canvas are moved downhill: Adam, and L-BFGS for pictures.

A new one is an entry more here, and a word in recipe/model.py. Made and stepped by painting.py, and told nothing but
gradients: no optimiser knows what a picture is judged by.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim.adam import adam

from playground.engine.canvas import Canvas
from playground.engine.lbfgs import Lbfgs, SearchingLbfgs
from playground.engine.schedule import Standing
from playground.recipe.model import Recipe

LBFGS_BYTES = 192 * 2**20  # beyond about a megapixel the memory of L-BFGS is cut short to fit into this
MIN_HISTORY = 4
FINISHING_RATE = 0.01  # of a value's range: a step of Adam at a size for print


class Optimiser(Protocol):
    """What painting asks of an optimiser.

    Attributes:
        title: what people call it.
        keeps_memory: it learns the landscape from step to step, which goes stale when the objective changes, may lead
            astray, and can be begun anew at any time.
        searches: it looks at several pictures for one step, and finds back by itself from one that is much worse.
        rate: the learning rate of the last step.
        found: how far the last line search went, in steps of Newton's length; None without one.
    """

    title: str
    keeps_memory: bool
    searches: bool
    found: float | None

    @property
    def rate(self) -> float: ...

    def set_rates(self, recipe: Recipe, rate: float) -> None:
        """Take over the recipe's live settings, with `rate` in place of its learning rate, before a step."""
        ...

    def step(self, losses: Tensor, rest: bool) -> Standing:
        """One step along the gradients that the parameters have now.

        Args:
            losses: the weighted losses of the picture as it is, on the device; their sum is what is to become less.
            rest: the iteration has had its evaluations, so that it ends with this one where the picture is at rest.
        """
        ...

    def starts_anew(self, recipe: Recipe) -> bool:
        """Whether what it has learnt ends with each iteration."""
        ...

    def carry_over(self, smaller: Optimiser, canvas: Canvas) -> None:
        """Go on with what an optimiser of the same kind learnt on a smaller canvas, enlarged to `canvas`, where that helps."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything that is remembered, as plain data and tensors."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from another's `state_dict`, which stays as it is.

        Raises:
            ValueError: it is of another canvas.
        """
        ...


def lbfgs_history(wanted: int, pair: int) -> int:
    """Pairs of steps that L-BFGS remembers: fewer than `wanted` where `pair`, the bytes of one, would take too much."""
    return min(wanted, max(MIN_HISTORY, LBFGS_BYTES // max(1, pair)))


class Adam:
    """Adam (Kingma and Ba 2015), stepped by torch's own function, with its moments carried over from size to size.

    `torch.optim.Adam` calls the same function, and brings torch's compiler along, which takes a second and 100 MB.
    """

    title = "Adam"
    keeps_memory = searches = False
    found: float | None = None

    def __init__(self, parameters: Sequence[Tensor], rate: float) -> None:
        self.parameters = list(parameters)
        self._settings: dict[str, Any] = {"lr": rate, "betas": (0.9, 0.999), "eps": 1e-8}
        self._moments: dict[int, dict[str, Tensor]] = {}  # by the parameter's place, none before its first step

    @property
    def rate(self) -> float:
        """The learning rate of the last step."""
        return float(self._settings["lr"])

    def set_rates(self, recipe: Recipe, rate: float) -> None:
        epsilon = recipe.epsilon
        if recipe.adam_form == "tensorflow":
            # α·√(1−β₂ᵗ)/(1−β₁ᵗ)·m/(√v + ε), the last form in section 2 of the paper, is torch's with ε/√(1−β₂ᵗ) for ε.
            epsilon /= math.sqrt(1 - recipe.beta2 ** (self._steps() + 1))
        self._settings = {"lr": rate, "betas": (recipe.beta1, recipe.beta2), "eps": epsilon}

    def _steps(self) -> int:
        """Steps so far."""
        return int(self._moments[0]["step"]) if 0 in self._moments else 0

    @torch.no_grad()
    def step(self, losses: Tensor, rest: bool) -> Standing:
        moved = [(place, one) for place, one in enumerate(self.parameters) if one.grad is not None]
        for place, parameter in moved:
            if place not in self._moments:
                first, second = torch.zeros_like(parameter), torch.zeros_like(parameter)
                self._moments[place] = {"step": torch.tensor(0.0), "exp_avg": first, "exp_avg_sq": second}
        moments = [self._moments[place] for place, _ in moved]
        beta1, beta2 = self._settings["betas"]
        adam(
            [parameter for _, parameter in moved],
            [parameter.grad for _, parameter in moved if parameter.grad is not None],
            [its["exp_avg"] for its in moments], [its["exp_avg_sq"] for its in moments], [],
            [its["step"] for its in moments],
            amsgrad=False, beta1=beta1, beta2=beta2, lr=self._settings["lr"], weight_decay=0.0, eps=self._settings["eps"],
            maximize=False,
        )  # fmt: skip
        return "at rest"

    def starts_anew(self, recipe: Recipe) -> bool:
        return False

    def carry_over(self, smaller: Optimiser, canvas: Canvas) -> None:
        if not isinstance(smaller, Adam) or len(smaller.parameters) != len(self.parameters):
            return
        for place, moments in smaller._moments.items():
            self._moments[place] = {
                "step": moments["step"].clone(),
                "exp_avg": canvas.resize_like_parameter(place, moments["exp_avg"]),
                "exp_avg_sq": canvas.resize_like_parameter(place, moments["exp_avg_sq"]).clamp_(min=0),
            }

    def state_dict(self) -> dict[str, Any]:
        """As torch's optimizer has it, so that checkpoints of any version load."""
        group = {**self._settings, "params": list(range(len(self.parameters)))}
        return {"state": {place: dict(moments) for place, moments in self._moments.items()}, "param_groups": [group]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        (group,) = state["param_groups"]
        if len(group["params"]) != len(self.parameters):
            raise ValueError("Adam's moments are of another canvas")
        found: dict[int, dict[str, Tensor]] = {}
        for place, moments in state["state"].items():
            parameter = self.parameters[place]
            for key in ("exp_avg", "exp_avg_sq"):
                if moments[key].shape != parameter.shape:  # would only fail in the middle of a step
                    raise ValueError("Adam's moments are of another canvas")
            found[place] = {"step": moments["step"].cpu().clone()} | {
                key: moments[key].to(parameter, copy=True) for key in ("exp_avg", "exp_avg_sq")
            }
        beta1, beta2 = (float(beta) for beta in group["betas"])
        self._settings = {"lr": float(group["lr"]), "betas": (beta1, beta2), "eps": float(group["eps"])}
        self._moments = found


class FinishingAdam(Adam):
    """Adam for a size for print, on plain pixels: at a rate of its own, since the recipe's may be meant for L-BFGS.

    Args:
        unit: a value's range in the recipe's pixel space.
    """

    def __init__(self, parameters: Sequence[Tensor], unit: float) -> None:
        super().__init__(parameters, FINISHING_RATE * unit)

    def set_rates(self, recipe: Recipe, rate: float) -> None:
        """Nothing: its rate is its own."""

    def step(self, losses: Tensor, rest: bool) -> Standing:
        standing = super().step(losses, rest)
        for parameter in self.parameters:
            parameter.grad = None  # of 300 MB at 6000 px, and wanted no more
        return standing

    def carry_over(self, smaller: Optimiser, canvas: Canvas) -> None:
        """Nothing: moments of a quarter of the pixels would be most of the memory that is left."""


def _lbfgs(recipe: Recipe, parameters: Sequence[Tensor], unit: float) -> Lbfgs:
    pair = 2 * sum(parameter.nbytes for parameter in parameters)
    kind = SearchingLbfgs if recipe.lbfgs_search == "wolfe" else Lbfgs
    return kind(parameters, recipe.learning_rate, lbfgs_history(recipe.lbfgs_history, pair), unit)


def _held_by_lbfgs(recipe: Recipe, nbytes: float, device: str) -> int:
    """Its memory and its own copies. The whole is asked for at once; a CPU takes a page when it is written to."""
    pairs = lbfgs_history(recipe.lbfgs_history, math.ceil(2 * nbytes))
    if device == "cpu":
        pairs = min(pairs, recipe.evaluations_per_iteration * (1 if recipe.lbfgs_restart else recipe.iterations))
    return 2 * pairs + 6 + (recipe.lbfgs_search != "none")  # a search remembers where it began


@dataclass(frozen=True)
class OptimiserKind:
    """One kind of optimiser, as a recipe names it.

    Attributes:
        make: from the recipe, the parameters, and a value's range in the recipe's pixel space.
        held: tensors of the canvas's size that it holds, from the recipe, the canvas's bytes and the device, by which
            measure/ foresees memory.
        units, seconds: by device, what an evaluation takes over one with Adam: its units of work times the one, and as
            many seconds more at any size, by which measure/ foresees time. Where a device is not named, as with Adam.
    """

    make: Callable[[Recipe, Sequence[Tensor], float], Optimiser]
    held: Callable[[Recipe, float, str], int]
    units: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


OPTIMISERS: dict[str, OptimiserKind] = {
    "adam": OptimiserKind(
        lambda recipe, parameters, unit: Adam(parameters, recipe.learning_rate),
        held=lambda recipe, nbytes, device: 2,  # its moments
    ),
    # A GPU computes so fast that what moves values counts for more; measured on one of the fastest.
    "lbfgs": OptimiserKind(_lbfgs, _held_by_lbfgs, units={"cuda": 1.6}, seconds={"cuda": 0.0013}),
}
"""By the recipe's `optimizer`."""


def make_optimiser(recipe: Recipe, parameters: Sequence[Tensor], unit: float) -> Optimiser:
    """The recipe's optimiser, which has seen nothing yet."""
    return OPTIMISERS[recipe.optimizer].make(recipe, parameters, unit)
