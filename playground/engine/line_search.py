"""How far to go along a direction: the line search of Moré and Thuente, one evaluation at a time.

Called by lbfgs.py. It knows numbers alone, and rests between any two evaluations: whoever asks evaluates, may wait, write it
down and go on elsewhere. `torch.optim` and scipy hold such a search within one call, which cannot be paused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

DECREASE = 1e-3  # of what the slope at the start promises: by how much the value must have fallen (μ in the paper)
FLATNESS = 0.9  # of the slope at the start: how steep it may still be where the search ends (η)
NARROW = 0.1  # of its far end: an interval this narrow is searched no further
MAX_LOOKS = 20  # evaluations that one search takes at most
FURTHEST = 1e10


class LineSearch:
    """Looks for a step where the value has fallen enough and the slope has become flat (the strong Wolfe conditions).

    Moré and Thuente 1994, "Line search algorithms with guaranteed sufficient decrease", with the constants with which
    L-BFGS-B (Zhu et al. 1997) asks for it. Two ends hold the search: `best`, the lowest so far, and `other`, which lies
    on the other side of a minimum once one is `enclosed`.

    Args:
        value, slope: at step 0; the slope along the direction, below zero.
        step: the first to be tried.

    Attributes:
        step: the one to be looked at next; where the search has ended, the one that it found.
        looks: evaluations so far.
    """

    def __init__(self, value: float, slope: float, step: float) -> None:
        self.value, self.slope, self.step = value, slope, step
        self.best = self.other = (0.0, value, slope)  # step, value, slope
        self.enclosed, self.falling = False, True  # falling: no step with a rising slope has been seen below the line
        self.low, self.high = 0.0, 5 * step
        self.width, self.width_before = FURTHEST, 2 * FURTHEST
        self.looks = 0

    @property
    def failed(self) -> bool:
        """Whether so many looks have found nothing, so that the direction leads nowhere."""
        return self.looks >= MAX_LOOKS

    def look(self, value: float, slope: float) -> bool:
        """Take in what stands at `step`; True where the search ends there, else `step` is the next to be looked at."""
        self.looks += 1
        promised = DECREASE * self.slope
        line = self.value + self.step * promised  # what the value must have fallen below
        if self.falling and value <= line and slope >= 0:
            self.falling = False
        if (value <= line and abs(slope) <= -FLATNESS * self.slope) or self._is_exhausted(value, slope, line):
            return True
        if self.falling and line < value <= self.best[1]:  # lower, and not by enough: search the height above the line
            seen = (self.step, value, slope)
            best, other = self._narrow(*(_tilted(end, -promised) for end in (self.best, self.other, seen)))
            self.best, self.other = _tilted(best, promised), _tilted(other, promised)
        else:
            self.best, self.other = self._narrow(self.best, self.other, (self.step, value, slope))
        self._keep_within()
        return False

    def _is_exhausted(self, value: float, slope: float, line: float) -> bool:
        """Whether there is no other step worth looking at; the last one is taken as it is."""
        if self.enclosed and (not self.low < self.step < self.high or self.high - self.low <= NARROW * self.high):
            return True
        return self.step == FURTHEST and value <= line and slope <= DECREASE * self.slope

    def _keep_within(self) -> None:
        """Cut an interval in half that has shrunk too little, and keep the next step within bounds."""
        best, other = self.best[0], self.other[0]
        if self.enclosed:
            if abs(other - best) >= 0.66 * self.width_before:
                self.step = best + 0.5 * (other - best)
            self.width_before, self.width = self.width, abs(other - best)
            self.low, self.high = min(best, other), max(best, other)
        else:
            self.low, self.high = self.step + 1.1 * (self.step - best), self.step + 4 * (self.step - best)
        self.step = min(max(self.step, 0.0), FURTHEST) if math.isfinite(self.step) else self.best[0]
        if self.enclosed and (not self.low < self.step < self.high or self.high - self.low <= NARROW * self.high):
            self.step = best

    def _narrow(self, best: End, other: End, seen: End) -> tuple[End, End]:
        """The two ends with what was `seen` taken in; `step` becomes the next by interpolation (section 4 of the paper).

        Of a cubic through values and slopes of both, of the parabolas through two slopes, or two values and a slope, the
        one that is trusted: the more a minimum is certain, the nearer to it the step may go.
        """
        (x, fx, dx), (t, ft, dt) = best, seen
        if ft > fx:  # higher: a minimum lies between
            cubic, parabola = _cubic(best, seen), x + dx / ((fx - ft) / (t - x) + dx) / 2 * (t - x)
            self.step = cubic if abs(cubic - x) <= abs(parabola - x) else cubic + (parabola - cubic) / 2
            self.enclosed = True
            return best, seen
        if dt * dx < 0:  # lower, and it rises again: a minimum lies between
            self.step, self.enclosed = max(_cubic(seen, best), _secant(seen, best), key=lambda to: abs(to - t)), True
            return seen, best
        if abs(dt) < abs(dx):  # lower, and it falls less steeply: the minimum lies ahead, or so it seems
            self.step = self._ahead(best, other, seen)
        elif self.enclosed:  # lower, and it falls as steeply
            self.step = _cubic(seen, other)
        else:
            self.step = self.high if t > x else self.low
        return seen, other

    def _ahead(self, best: End, other: End, seen: End) -> float:
        """The next step where the slope has become flatter and kept its sign."""
        x, t = best[0], seen[0]
        cubic, secant = _cubic_ahead(best, seen, self.low, self.high), _secant(seen, best)
        if not self.enclosed:
            return min(max(max(secant, cubic, key=lambda to: abs(to - t)), self.low), self.high)
        limit, nearer = t + 0.66 * (other[0] - t), min(secant, cubic, key=lambda to: abs(to - t))
        return min(limit, nearer) if t > x else max(limit, nearer)

    # ---------------------------------------------------------------- written down

    def state(self) -> dict[str, float | bool | list[float]]:
        """Where the search stands, as plain data."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}

    @classmethod
    def of(cls, state: Mapping[str, float | bool | list[float]]) -> LineSearch:
        """The search that `state` was taken of.

        Raises:
            ValueError: it is no search's.
        """
        search = cls(0.0, -1.0, 1.0)
        if state.keys() != vars(search).keys():
            raise ValueError("a line search is not whole")
        for name, value in state.items():
            if not all(isinstance(number, (int, float)) for number in (value if isinstance(value, list) else [value])):
                raise ValueError("a line search is made of numbers")
            setattr(search, name, tuple(value) if isinstance(value, list) else value)
        return search


End = tuple[float, float, float]
"""A step, and the value and slope there."""


def _tilted(end: End, slope: float) -> End:
    """What stands there when a straight line of this slope is added."""
    return end[0], end[1] + end[0] * slope, end[2] + slope


def _secant(a: End, b: End) -> float:
    """Where a parabola with the slopes of two ends, which differ, is level."""
    return a[0] + a[2] / (a[2] - b[2]) * (b[0] - a[0])


def _cubic(a: End, b: End) -> float:
    """Where the cubic through values and slopes of two ends has its minimum, seen from `a`."""
    theta, gamma = _bend(a, b)
    if b[0] < a[0]:
        gamma = -gamma
    numerator, denominator = gamma - a[2] + theta, gamma - a[2] + gamma + b[2]
    return a[0] + (numerator / denominator if denominator else math.nan) * (b[0] - a[0])


def _cubic_ahead(best: End, seen: End, low: float, high: float) -> float:
    """Where the cubic has its minimum beyond `seen`; as far as the search may go where it has none there."""
    theta, gamma = _bend(best, seen)
    if seen[0] > best[0]:
        gamma = -gamma
    numerator, denominator = gamma - seen[2] + theta, gamma + (best[2] - seen[2]) + gamma
    ratio = numerator / denominator if denominator else 0.0
    if ratio < 0 and gamma != 0:
        return seen[0] + ratio * (best[0] - seen[0])
    return high if seen[0] > best[0] else low


def _bend(a: End, b: End) -> tuple[float, float]:
    """Of the cubic through two ends: the slope's own slope in the middle, and the root that its minimum is found by."""
    theta = 3 * (a[1] - b[1]) / (b[0] - a[0]) + a[2] + b[2]
    scale = max(abs(theta), abs(a[2]), abs(b[2])) or 1.0
    return theta, scale * math.sqrt(max(0.0, (theta / scale) ** 2 - (a[2] / scale) * (b[2] / scale)))
