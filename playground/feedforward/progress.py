"""How far a training is: plain numbers, and the frames, the result and the checkpoint's state that are made of them.

Called by training.py. It must not know tensors or files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from playground.engine.frames import Curve, Frame, Result, State, ended_in_words
from playground.engine.losses import by_term
from playground.recipe.training import TrainingRecipe


@dataclass
class Progress:
    """What a training has come to.

    Attributes:
        step: steps that were taken.
        seconds: that they took, without pauses.
        rate_scale: of the learning rate; halved at every recovery.
        recoveries: a sentence for each time that it went back to good weights.
        curve: {step, evaluations, seconds, content, style, variation, total} of the steps.
    """

    step: int = 0
    seconds: float = 0.0
    rate_scale: float = 1.0
    recoveries: list[str] = field(default_factory=list)
    curve: Curve = field(default_factory=Curve)

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Progress:
        """What `plain` gave."""
        return cls(
            state["step"], state["seconds"], state["rate_scale"], list(state["recoveries"]), Curve.of(state["curve"])
        )

    def plain(self) -> dict[str, Any]:
        """All of it as plain data, for a checkpoint."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "rate_scale": self.rate_scale,
            "recoveries": self.recoveries,
            "curve": self.curve.plain(),
        }

    def learning_rate(self, recipe: TrainingRecipe) -> float:
        """The rate of the next step, after decay and recoveries."""
        decays = self.step // recipe.decay_steps if recipe.decay_steps else 0
        return recipe.learning_rate * recipe.decay_factor**decays * self.rate_scale

    def taken(self, layers: Mapping[str, float]) -> None:
        """One step more, with the losses before it."""
        self.step += 1
        self.curve.add({"step": self.step, "evaluations": self.step, "seconds": self.seconds, **by_term(layers)})

    def fall_back(self, step: int, recipe: TrainingRecipe) -> str:
        """Back to an earlier step with half the rate; what to tell."""
        self.rate_scale /= 2
        text = (
            f"the loss was no finite number at step {self.step}: back to step {step}, "
            f"learning rate halved to {self.learning_rate(recipe):.3g}"
        )
        self.step = step
        self.recoveries.append(text)
        return text

    def frame(
        self, recipe: TrainingRecipe, steps: int, layers: dict[str, float], picture: np.ndarray | None, state: State
    ) -> Frame:
        """What whoever watches is shown.

        Args:
            steps: length of the whole training.
            layers: losses of the last step; empty where there are none.
            picture: before and after, H×W×3 uint8, where one is due.
        """
        return Frame(
            step=self.step,
            steps=steps,
            evaluations=self.step,
            seconds=self.seconds,
            losses=by_term(layers) if layers else {},
            layers=layers,
            picture=picture,
            size=(recipe.image_size, recipe.image_size),
            learning_rate=self.learning_rate(recipe),
            state=state,
        )

    def result(self, recipe: TrainingRecipe, picture: np.ndarray, state: State) -> Result:
        """What a training ends with; its losses are those of the last step."""
        last = self.curve.points[-1] if self.curve.points else {}
        return Result(
            picture=Image.fromarray(picture),
            recipe=recipe,
            ended=ended_in_words(state, self.recoveries),
            losses={key: last.get(key, 0.0) for key in ("content", "style", "variation", "total")} if last else {},
            layers={},
            curve=list(self.curve.points),
            steps=self.step,
            evaluations=self.step,
            seconds=self.seconds,
            first_preview_seconds=None,
        )
