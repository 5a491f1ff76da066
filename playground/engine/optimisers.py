"""How the parameters of a canvas are moved downhill: Adam, and L-BFGS for pictures; a new optimiser is an entry more here.

Made and stepped by painting.py, and told nothing but gradients: no optimiser knows what a picture is judged by.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from playground.engine.canvas import Canvas
from playground.recipe.model import Recipe

LBFGS_BYTES = 192 * 2**20  # beyond about a megapixel the memory of L-BFGS is cut short to fit into this
MIN_HISTORY = 4
FIRST_STEP = 1e-3  # of a value's range: how far the first step goes on average
MIN_CURVATURE = 1e-7  # of the slope before a step: how much of it must have changed for the step to be remembered
GROWTH = 10.0  # how many times as long as the last one a step may be: where little has changed, curvature says too much


class Optimiser(Protocol):
    """What painting asks of an optimiser.

    Attributes:
        keeps_memory: it learns the landscape from step to step, which goes stale when the objective changes, may lead
            astray, and can be begun anew at any time.
        rate: the learning rate of the last step.
    """

    keeps_memory: bool

    @property
    def rate(self) -> float: ...

    def set_rates(self, recipe: Recipe, rate: float) -> None:
        """Take over the recipe's live settings, with `rate` in place of its learning rate, before a step."""
        ...

    def step(self) -> None:
        """One step along the gradients that the parameters have now."""
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
    """Adam (Kingma and Ba 2015) as torch has it, with its moments carried over from size to size."""

    keeps_memory = False

    def __init__(self, parameters: Sequence[Tensor], rate: float) -> None:
        self.parameters = list(parameters)
        self._adam = torch.optim.Adam(self.parameters, lr=rate)

    @property
    def rate(self) -> float:
        """The learning rate of the last step."""
        return float(self._adam.param_groups[0]["lr"])

    def set_rates(self, recipe: Recipe, rate: float) -> None:
        settings = {"lr": rate, "betas": (recipe.beta1, recipe.beta2), "eps": recipe.epsilon}
        self._adam.param_groups[0].update(settings)

    def step(self) -> None:
        self._adam.step()

    def carry_over(self, smaller: Optimiser, canvas: Canvas) -> None:
        if not isinstance(smaller, Adam) or len(smaller.parameters) != len(self.parameters):
            return
        for index, (old, new) in enumerate(zip(smaller.parameters, self.parameters, strict=True)):
            moments = smaller._adam.state.get(old)
            if moments:
                self._adam.state[new] = {
                    "step": moments["step"].clone(),
                    "exp_avg": canvas.resize_like_parameter(index, moments["exp_avg"]),
                    "exp_avg_sq": canvas.resize_like_parameter(index, moments["exp_avg_sq"]).clamp_(min=0),
                }

    def state_dict(self) -> dict[str, Any]:
        return self._adam.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        # A copy, since torch would take over the tensors themselves and write into them.
        self._adam.load_state_dict(copy.deepcopy(dict(state)))
        for parameter in self.parameters:
            for key in ("exp_avg", "exp_avg_sq"):
                value = self._adam.state[parameter].get(key)
                if value is not None and value.shape != parameter.shape:  # would only fail in the middle of a step
                    raise ValueError("Adam's moments are of another canvas")


class Lbfgs:
    """Limited-memory BFGS (Nocedal and Wright 2006, algorithms 7.4 and 7.5), blind to the scale of the loss.

    The two-loop recursion only ever needs inner products of the gradient g, the remembered steps s and the gradient's
    changes y; its direction is a weighted sum of these vectors (Chen et al. 2014, "Large-scale L-BFGS using MapReduce").
    So the vectors are the rows of one matrix: one product with it gives the inner products, which are worked on in
    double precision, and another gives the direction. In place of a line search no step is longer than `GROWTH` times
    the one before.

    Args:
        parameters: what is optimised, in float32.
        rate: length of a step; 1 is Newton's. May be set between steps.
        history: how many steps are remembered, at least one.
        unit: a value's range. The first step, which knows no curvature, moves a value by `FIRST_STEP` of it on average.
    """

    keeps_memory = True

    def __init__(self, parameters: Sequence[Tensor], rate: float, history: int, unit: float = 1.0) -> None:
        self.parameters, self.rate, self.history, self.unit = list(parameters), rate, history, unit
        self.size = sum(parameter.numel() for parameter in parameters)
        # Row 0 is the gradient. The step in place k is row 2k + 1, its change of the gradient row 2k + 2; one place
        # more than is remembered, since a step may turn out to be of no use.
        self._rows = 2 * (history + 1) + 1
        self._vectors: Tensor | None = None
        self._scale: float | None = None  # of all gradients: the first has an L1 norm of 1, and no product overflows
        self._forget()

    def _forget(self) -> None:
        self._order: list[int] = []  # places of the remembered steps, the oldest first
        self._place: int | None = None  # of the last step, whose change of the gradient is still to be seen
        self._length: Tensor | None = None  # of the last step, on the device
        self._products = np.zeros((self._rows, self._rows))  # inner products of the rows, as far as they are needed

    def set_rates(self, recipe: Recipe, rate: float) -> None:
        self.rate = rate

    def carry_over(self, smaller: Optimiser, canvas: Canvas) -> None:
        """Nothing: curvature learnt at another size is of other pixels."""

    @torch.no_grad()
    def step(self) -> None:
        """One step along the gradients that the parameters have now."""
        gradient = torch.cat([parameter.grad.flatten() for parameter in self.parameters if parameter.grad is not None])
        if self._scale is None:
            total = float(gradient.abs().sum())
            if total == 0:
                return
            self._scale = 1 / total  # what is no number makes the picture none: the loop notices it in the loss
        gradient *= self._scale
        if self._vectors is None:
            self._vectors = gradient.new_empty(self._rows, self.size)
        if self._place is not None:
            torch.sub(gradient, self._vectors[0], out=self._vectors[2 * self._place + 2])
        self._vectors[0] = gradient
        if self._place is not None:
            self._learn(self._vectors, self._place)
            weights = self._direction()
            if self._order and not self._products[0] @ weights > 0:
                return self._move(self._vectors, weights)
            self._forget()  # nothing could be learnt, or rounding has led uphill
        total = float(gradient.abs().sum())
        if total != 0:
            weights = np.zeros(self._rows)
            weights[0] = -FIRST_STEP * self.unit * self.size / total
            self._move(self._vectors, weights)

    def _learn(self, vectors: Tensor, place: int) -> None:
        """Inner products with the new gradient and its change, and whether the last step is worth remembering."""
        step, change = 2 * place + 1, 2 * place + 2
        used = self._used()
        found = (vectors[:used] @ torch.stack([vectors[0], vectors[change]]).T).tolist()
        for row, values in zip((0, change), zip(*found, strict=True), strict=True):
            self._products[row, :used] = self._products[:used, row] = values
        slope_before = self._products[0, step] - self._products[change, step]
        if self._products[step, change] > MIN_CURVATURE * abs(slope_before):
            self._order = [*self._order, place][-self.history :]

    def _used(self) -> int:
        """Rows that have been written so far; places are taken from the first on."""
        places = self._order if self._place is None else [*self._order, self._place]
        return 2 * (max(places, default=-1) + 1) + 1

    def _direction(self) -> np.ndarray:
        """Weights of the rows whose sum is −H·g, H the inverse Hessian as the remembered steps have it."""
        products, order = self._products, [(2 * place + 1, 2 * place + 2) for place in self._order]
        weights = np.zeros(self._rows)
        weights[0] = 1.0
        alphas: list[float] = []
        for step, change in reversed(order):
            alphas.append(products[step] @ weights / products[step, change])
            weights[change] -= alphas[-1]
        for step, change in order[-1:]:
            weights *= products[step, change] / products[change, change]
        for step, change in order:
            weights[step] += alphas.pop() - products[change] @ weights / products[step, change]
        return -weights

    def _move(self, vectors: Tensor, weights: np.ndarray) -> None:
        """Add the rows' weighted sum to the parameters, and keep it as the last step."""
        used = self._used()
        weights = weights[:used] * self.rate
        self._place = next(place for place in range(self.history + 1) if place not in self._order)
        step = torch.as_tensor(weights, dtype=vectors.dtype).to(vectors.device) @ vectors[:used]
        length = step.norm()
        if self._length is not None:
            least = FIRST_STEP * self.unit * math.sqrt(self.size)  # however short the last one was
            limit = torch.clamp(GROWTH * self._length, min=least)
            step *= torch.clamp(limit / length, max=1.0)
            length = torch.minimum(length, limit)
        self._length = length
        vectors[2 * self._place + 1] = step
        parts = step.split([parameter.numel() for parameter in self.parameters])
        for parameter, part in zip(self.parameters, parts, strict=True):
            parameter.add_(part.view_as(parameter))

    def state_dict(self) -> dict[str, Any]:
        """Everything that is remembered, as plain data and one tensor; shared with this memory where it is full."""
        vectors, used = self._vectors, self._used()
        if vectors is not None and used < self._rows:
            vectors = vectors[:used].clone()  # a part of a tensor would be saved as the whole
        return {
            "vectors": vectors,
            "order": list(self._order),
            "place": self._place,
            "scale": self._scale,
            "length": None if self._length is None else float(self._length),
            "products": torch.tensor(self._products),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from another's `state_dict`, which stays as it is.

        Raises:
            ValueError: it is of other parameters, or of another history.
        """
        vectors, order, place = state["vectors"], list(state["order"]), state["place"]
        products = torch.as_tensor(state["products"], dtype=torch.float64, device="cpu").numpy().copy()
        self._forget()
        if products.shape != self._products.shape or not {*order, 0 if place is None else place} <= set(
            range(self.history + 1)
        ):
            raise ValueError("the memory of L-BFGS is of another length")
        self._order, self._place, self._products, self._scale = order, place, products, state["scale"]
        if state["length"] is not None:
            self._length = self.parameters[0].detach().new_tensor(state["length"])
        if vectors is None:
            if place is not None or order:
                raise ValueError("the memory of L-BFGS has lost its vectors")
            return
        if vectors.shape[1:] != (self.size,) or not self._used() <= len(vectors) <= self._rows:
            raise ValueError("the memory of L-BFGS is of another canvas")
        self._vectors = self.parameters[0].detach().new_empty(self._rows, self.size)
        self._vectors[: len(vectors)] = vectors


def _lbfgs(recipe: Recipe, parameters: Sequence[Tensor], unit: float) -> Lbfgs:
    pair = 2 * sum(parameter.nbytes for parameter in parameters)
    return Lbfgs(parameters, recipe.learning_rate, lbfgs_history(recipe.lbfgs_history, pair), unit)


OPTIMISERS: dict[str, Callable[[Recipe, Sequence[Tensor], float], Optimiser]] = {
    "adam": lambda recipe, parameters, unit: Adam(parameters, recipe.learning_rate),
    "lbfgs": _lbfgs,
}
"""By the recipe's `optimizer`: from the recipe, the parameters, and a value's range in the recipe's pixel space."""


def make_optimiser(recipe: Recipe, parameters: Sequence[Tensor], unit: float) -> Optimiser:
    """The recipe's optimiser, which has seen nothing yet."""
    return OPTIMISERS[recipe.optimizer](recipe, parameters, unit)
