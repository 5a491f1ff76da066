"""L-BFGS for pictures: without a line search, blind to the loss itself, and with one, as Gatys et al. and scipy have it.

Made by optimisers.py. It is told gradients and losses, and does not know what a picture is judged by.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from playground.engine.canvas import Canvas
from playground.engine.line_search import LineSearch
from playground.engine.schedule import Standing
from playground.recipe.model import Recipe

FIRST_STEP = 1e-3  # of a value's range: how far the first step goes on average
MIN_CURVATURE = 1e-7  # of the slope before a step: how much of it must have changed for the step to be remembered
GROWTH = 10.0  # how many times as long as the last one a step may be: where little has changed, curvature says too much
FIRST_LENGTH = 1 / 255  # of a value's range: the first step that a line search tries, all values together


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

    title = "L-BFGS"
    keeps_memory, searches = True, False
    found: float | None = None

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

    def starts_anew(self, recipe: Recipe) -> bool:
        return recipe.lbfgs_restart

    def carry_over(self, smaller: object, canvas: Canvas) -> None:
        """Nothing: curvature learnt at another size is of other pixels."""

    @torch.no_grad()
    def step(self, losses: Tensor, rest: bool) -> Standing:
        """One step along the gradients that the parameters have now; every place does to end an iteration."""
        found = self._gradient()
        if found is None:
            return "at rest"
        gradient, vectors = found
        if self._place is not None:
            self._learn(vectors, self._place, gradient)
            weights = self._direction()
            if self._order and not self._products[0] @ weights > 0:
                self._move(vectors, weights)
                return "at rest"
            self._forget()  # nothing could be learnt, or rounding has led uphill
        vectors[0] = gradient
        total = float(gradient.abs().sum())
        if total != 0:
            weights = np.zeros(self._rows)
            weights[0] = -FIRST_STEP * self.unit * self.size / total
            self._move(vectors, weights)
        return "at rest"

    def _gradient(self) -> tuple[Tensor, Tensor] | None:
        """The parameters' gradients as one scaled vector, and the matrix of vectors; None where all is level at once."""
        gradient = torch.cat([parameter.grad.flatten() for parameter in self.parameters if parameter.grad is not None])
        if self._scale is None:
            total = float(gradient.abs().sum())
            if total == 0:
                return None
            self._scale = 1 / total  # what is no number makes the picture none: the loop notices it in the loss
        gradient *= self._scale
        if self._vectors is None:
            self._vectors = gradient.new_empty(self._rows, self.size)
        return gradient, self._vectors

    def _learn(self, vectors: Tensor, place: int, gradient: Tensor) -> None:
        """Take the new gradient in: its change, inner products with both, whether the last step is worth remembering."""
        step, change = 2 * place + 1, 2 * place + 2
        torch.sub(gradient, vectors[0], out=vectors[change])
        vectors[0] = gradient
        self._multiply(vectors, (0, change))
        slope_before = self._products[0, step] - self._products[change, step]
        if self._products[step, change] > MIN_CURVATURE * abs(slope_before):
            self._order = [*self._order, place][-self.history :]

    def _multiply(self, vectors: Tensor, rows: tuple[int, ...]) -> None:
        """Inner products of some rows with all."""
        used = self._used()
        found = (vectors[:used] @ torch.stack([vectors[row] for row in rows]).T).tolist()
        for row, values in zip(rows, zip(*found, strict=True), strict=True):
            self._products[row, :used] = self._products[:used, row] = values

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
        self._place = self._free_place()
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

    def _free_place(self) -> int:
        """For the next step: one that no remembered step has."""
        return next(place for place in range(self.history + 1) if place not in self._order)

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


class SearchingLbfgs(Lbfgs):
    """L-BFGS with a line search (strong Wolfe conditions), as scipy's `fmin_l_bfgs_b` has it without bounds.

    A step may take several evaluations; an iteration can end only where a search has. In exact arithmetic it evaluates
    where scipy does (Zhu et al. 1997, algorithm 778). It differs in two things, both so that the scale of the loss does not
    matter: it never ends because the loss or the gradient has become small, and without a memory it always begins with a
    step of length `FIRST_LENGTH`, not only at first.

    Each evaluation's loss is read from the device, since the search needs it as a number.
    """

    searches = True

    def _forget(self) -> None:
        super()._forget()
        self._search: LineSearch | None = None
        self._start: Tensor | None = None  # where the search began, all parameters in a row

    @torch.no_grad()
    def step(self, losses: Tensor, rest: bool) -> Standing:
        """Take an evaluation in and move to the next place to look at, or stay where a search has ended, to `rest`."""
        found = self._gradient()
        if found is None:
            return "stuck"
        gradient, vectors = found
        value = sum(losses.tolist()) * (self._scale or 1.0)
        if self._search is None or self._place is None:  # a beginning, or the picture was changed since the last search
            vectors[0] = gradient
            self._multiply(vectors, (0,))
            return self._begin(vectors, value)
        direction = vectors[2 * self._place + 1]
        if not self._search.look(value, float(gradient @ direction)):
            return self._give_up(vectors, rest) if self._search.failed else self._go(vectors)
        self.found = self._search.step
        direction *= self.found
        self._learn(vectors, self._place, gradient)
        self._search = self._place = None
        if not rest:
            self._begin(vectors, value)
        return "at rest"

    def _begin(self, vectors: Tensor, value: float) -> Standing:
        """A new search from where the parameters are, whose gradient is known."""
        used, self._start = self._used(), torch.cat([parameter.flatten() for parameter in self.parameters])
        direction = -vectors[0]
        if self._order:
            weights = torch.as_tensor(self._direction()[:used], dtype=vectors.dtype).to(vectors.device)
            direction = weights @ vectors[:used]
        slope = float(vectors[0] @ direction)
        if not slope < 0 and self._order:  # rounding has led uphill
            return self._begin_anew(vectors, value)
        if not slope < 0:
            return "stuck"
        if not self._order:
            shorter = FIRST_LENGTH * self.unit / float(direction.norm())
            direction, slope = direction * shorter, slope * shorter
        self._place = self._free_place()
        vectors[2 * self._place + 1] = direction
        self._search = LineSearch(value, slope, self.rate)
        return self._go(vectors)

    def _begin_anew(self, vectors: Tensor, value: float) -> Standing:
        self._forget()
        return self._begin(vectors, value)

    def _go(self, vectors: Tensor) -> Standing:
        """To where the search looks next."""
        assert self._search is not None
        assert self._place is not None
        assert self._start is not None
        self._set(torch.add(self._start, vectors[2 * self._place + 1], alpha=self._search.step))
        return "searching"

    def _give_up(self, vectors: Tensor, rest: bool) -> Standing:
        """Back to where the search began: nothing lower was found. Without a memory there is no other way to try."""
        assert self._search is not None
        assert self._start is not None
        self._set(self._start)
        value, remembered = self._search.value, bool(self._order)
        self._forget()
        if not remembered:
            return "stuck"
        if not rest:
            self._begin(vectors, value)
        return "at rest"

    def _set(self, values: Tensor) -> None:
        parts = values.split([parameter.numel() for parameter in self.parameters])
        for parameter, part in zip(self.parameters, parts, strict=True):
            parameter.copy_(part.view_as(parameter))

    def state_dict(self) -> dict[str, Any]:
        search = self._search.state() if self._search is not None else None
        return {**super().state_dict(), "search": search, "start": self._start if search else None}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        search, start = state["search"], state["start"]
        if search is None:
            return
        if self._place is None or start is None or start.shape != (self.size,):
            raise ValueError("the memory of L-BFGS is of another canvas")
        self._search = LineSearch.of(search)
        self._start = self.parameters[0].detach().new_empty(self.size).copy_(start)
