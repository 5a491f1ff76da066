"""What a run tells while it goes on and what it leaves: frames, its curve, and the result, all plain data.

The loop (run.py) makes them; service/, the command line and the page read them. Nothing here
may know a device or a canvas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image

from playground.recipe.model import Change

if TYPE_CHECKING:
    from playground.engine.pulls import Pulls

CURVE_POINTS = 2000  # even, so that thinning keeps both ends

State = Literal["running", "paused", "done", "stopped", "time", "recovered"]


def ended_in_words(state: State, recoveries: Sequence[str]) -> str:
    """How a run or a training ended, as `Result.ended` says it."""
    return f"recovered: {recoveries[-1]}" if state == "recovered" else state


@dataclass(frozen=True)
class Frame:
    """One moment of a run as plain data: no tensor, nothing that pins a device's memory.

    Attributes:
        step, steps: iterations done and planned over all sizes (rounds, with L-BFGS).
        evaluations: how often the picture has been judged.
        seconds: of the loop alone, without pauses and without measuring `pulls`.
        losses: weighted {content, style, variation, total}; empty before the first evaluation.
        layers: weighted losses by layer, "style:conv1_1" and so on.
        unweighted: the same without the weights: each layer's loss before its own and its term's weight, and for
            "content", "style" and "variation" the term's before the term's weight.
        journal: the changes made so far that a replay repeats.
        pulls: where each term pulls and how strongly, when it was asked for and is due.
        picture: H×W×3 uint8, when one is due; the last frame's is the result, at the recipe's full size.
        size: width and height that are being painted now.
        state: "running", "paused", or how it ended.
        note: something a person should know, such as a recovery.
        round: what L-BFGS says of a round that has ended; see `Round`.
        result: on the last frame only.
    """

    step: int
    steps: int
    evaluations: int
    seconds: float
    losses: dict[str, float]
    layers: dict[str, float]
    pulls: Pulls | None = None
    picture: np.ndarray | None = None
    size: tuple[int, int] = (0, 0)
    learning_rate: float = 0.0
    state: State = "running"
    note: str | None = None
    round: Round | None = None
    result: Result | None = None
    unweighted: dict[str, float] = field(default_factory=dict)
    journal: tuple[Change, ...] = ()

    @property
    def shares(self) -> dict[str, float] | None:
        """{content, style, variation} share of the gradient's length, with `pulls`."""
        return self.pulls.shares if self.pulls else None


@dataclass(frozen=True)
class Round:
    """One round of L-BFGS: an iteration of more than one evaluation.

    Attributes:
        number: counted from 1, over all sizes.
        evaluations: that it took.
        step: how far its last line search went, in steps of Newton's length; None without a search.
        ended: why.
    """

    number: int
    evaluations: int
    step: float | None
    ended: Literal["enough evaluations", "nothing lower found"]


@dataclass(frozen=True)
class Result:
    """What a finished run leaves: the picture, the recipe that re-runs to the same bits, and its curve."""

    picture: Image.Image
    recipe: Any  # a Recipe; of a training a TrainingRecipe
    ended: str  # "done", "stopped", "time", or "recovered: ..." with what happened
    losses: dict[str, float]  # of the picture
    layers: dict[str, float]
    curve: list[dict[str, float]]  # {step, evaluations, seconds, content, style, variation, total}
    steps: int
    evaluations: int
    seconds: float
    first_preview_seconds: float | None
    last: Image.Image | None = None  # as the optimiser left it, whose losses were not looked at; of a training None
    generator: dict[str, np.ndarray] | None = None  # of a canvas that is a network: its weights, for a Repainter


class Curve:
    """The points of a run, thinned evenly when they become too many; the first and the last always stay."""

    def __init__(self, points: list[dict[str, float]] | None = None, every: int = 1, seen: int = 0) -> None:
        self.points, self.every, self.seen = points or [], every, seen

    def plain(self) -> dict[str, Any]:
        """A copy as plain data, for snapshots and checkpoints."""
        return {"points": list(self.points), "every": self.every, "seen": self.seen}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Curve:
        """The curve that `plain` was taken of, which stays as it is."""
        return cls(list(plain["points"]), plain["every"], plain["seen"])

    def add(self, point: dict[str, float]) -> None:
        if len(self.points) > 1 and (self.seen - 1) % self.every:
            self.points.pop()  # it was only standing in as the last
        self.points.append(point)
        self.seen += 1
        if len(self.points) > CURVE_POINTS and (self.seen - 1) % self.every == 0:
            self.points, self.every = self.points[::2], self.every * 2
