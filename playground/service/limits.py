"""Every limit of a server in one place: how many runs, how large, how long, how much memory and disk.

settings.py reads them from a profile, a file and the environment, new_jobs.py and admission.py keep to them. A recipe
beyond a limit is refused in words; where a preset asks for more, the limit takes its place, and that is said. Knows no job.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from playground.errors import PlaygroundError
from playground.recipe.model import Change, Recipe, setting_value
from playground.recipe.picture_limits import KEPT_PIXELS
from playground.recipe.training import TrainingRecipe

HOUR = 3600.0
MOST = 1e9  # seconds, or MiB: thirty years, a petabyte; clocks and disks reckon in whole numbers
WORDS = {
    "size": ("size", "px"),
    "style_size": ("style scale", "px"),
    "iterations": ("number of iterations", ""),
    "seconds": ("time budget", "seconds"),
}
"""What the limited settings are called, and their units."""
KEPT_SIDES, KEPT_LEAST = 4, 4_000_000  # times as long as the largest picture painted; pixels in any case


class Limits(BaseModel):
    """The limits of a server; the defaults are those of a laptop that one person uses."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    max_runs: int = Field(4, ge=1, le=256, description="Runs painted at once; others wait.")
    max_waiting: int = Field(20, ge=0, le=10_000, description="Runs that may wait; more are refused.")
    runs_each: int = Field(4, ge=1, le=256, description="Runs that one person may have going on.")
    starts_each: int = Field(60, ge=10, description="Runs that one person may start in a minute.")
    max_size: int = Field(
        4096, ge=64, le=4096, description="Long side of a picture in pixels, and of a training's crops."
    )
    max_iterations: int = Field(100_000, ge=1, le=100_000, description="Iterations of a run.")
    max_seconds: float = Field(
        24 * HOUR, ge=1, le=MOST, description="Seconds from a run's slot to its end, pauses included."
    )
    memory_mb: float | None = Field(
        None,
        ge=64,
        le=MOST,
        description="MiB that this process may take; empty: 0.8 of what is free when the server starts.",
    )
    grace_seconds: float = Field(30.0, ge=0, le=MOST, description="Seconds that a run goes on while nobody watches.")
    keep_seconds: float = Field(HOUR, ge=0, le=MOST, description="Seconds that an ended run is kept.")
    max_trainings: int = Field(2, ge=0, le=64, description="Trainings at once; more are refused.")
    training_seconds: float = Field(24 * HOUR, ge=1, le=MOST, description="Seconds that a training may take.")
    disk_mb: float = Field(
        4000.0, ge=0, le=MOST, description="MiB on disk of all runs together; the oldest ended ones go first."
    )
    checkpoints_mb: float = Field(
        600.0, ge=0, le=MOST, description="MiB on disk of one run's checkpoints, which one can go back to."
    )
    frames_mb: float = Field(
        100.0,
        ge=0,
        le=MOST,
        description="MiB on disk of the pictures that a person keeps of one run, one an iteration; 0: none.",
    )
    save_every: float = Field(
        15.0, ge=0.1, le=MOST, description="Seconds between two saved checkpoints of a run at most."
    )
    teacher_weight: float = Field(
        4.0,
        ge=1,
        le=1000,
        description="Ordinary runs that a teacher's run counts for when turns on the device are given.",
    )

    def most(self) -> dict[str, float]:
        """The most that a run's recipe may give for a setting, by its name."""
        return {
            "size": self.max_size,
            "style_size": self.max_size,
            "iterations": self.max_iterations,
            "seconds": self.max_seconds,
        }

    @property
    def kept_pixels(self) -> int:
        """The most pixels of a picture that a run here keeps: sixteen for each that it may paint."""
        return min(KEPT_PIXELS, max(KEPT_LEAST, (KEPT_SIDES * self.max_size) ** 2))

    def check(self, recipe: Recipe | TrainingRecipe) -> None:
        """Refuse a run or a training that is beyond these limits, in a time that grows with its journal alone.

        Raises:
            PlaygroundError: names the setting and the most that is allowed.
        """
        if isinstance(recipe, TrainingRecipe):
            self._at_most("crop size", recipe.image_size, self.max_size, "px")
            self._at_most("time budget", recipe.seconds, self.training_seconds, "seconds")
            self._at_most("style scale", recipe.style_size, self.max_size, "px")
            return
        for name in self.most():
            self._check(name, getattr(recipe, name))
        for stage in recipe.plan or ():
            self._check("size", stage.size)
        self._check("iterations", sum(stage.iterations for stage in recipe.plan or ()))
        for change in recipe.journal:  # a recipe file may bring changes that the run would take over later
            if change.key in self.most():
                self._check(change.key, setting_value(change.key, change.value))

    def _check(self, name: str, value: object) -> None:
        words, unit = WORDS[name]
        self._at_most(words, value, self.most()[name], unit)

    @staticmethod
    def _at_most(setting: str, value: object, limit: float, unit: str = "") -> None:
        if isinstance(value, (int, float)) and value > limit:
            raise PlaygroundError(
                f"The {setting} is {value:g} {unit}".rstrip()
                + f", and this server allows {limit:g} at most: choose {limit:g} or less."
            )

    def fitted(self, recipe: Recipe, asked: Container[str] = ()) -> tuple[Recipe, str]:
        """A recipe with these limits applied to it, and in one line what they change; empty where they change nothing.

        A recorded plan or change beyond them is left out.

        Args:
            asked: settings that a person has asked for themselves; these stay, and `check` refuses them.
        """
        said, changes = list[str](), dict[str, Any]()
        for name, limit in self.most().items():
            value = getattr(recipe, name)
            if name not in asked and isinstance(value, (int, float)) and value > limit:
                words, unit = WORDS[name]
                changes[name] = type(value)(limit)
                said.append(f"{words} is {limit:g} {unit}".rstrip() + f" instead of {value:,g}".replace(",", "\u202f"))
        journal = [change for change in recipe.journal if not self._is_beyond(change)]
        if "journal" not in asked and len(journal) < len(recipe.journal):
            changes["journal"] = journal
            said.append("no recorded changes beyond them")
        stages = recipe.plan or ()
        too_long = sum(stage.iterations for stage in stages) > self.max_iterations
        if "plan" not in asked and (too_long or any(stage.size > self.max_size for stage in stages)):
            changes["plan"] = None
            said.append("its recorded sizes and iterations left out")
        if not said:
            return recipe, ""
        return recipe.changed(changes), f"This server's limits apply: {', '.join(said)}"

    def _is_beyond(self, change: Change) -> bool:
        limit = self.most().get(change.key)
        value = setting_value(change.key, change.value) if limit is not None else None
        return limit is not None and isinstance(value, (int, float)) and value > limit


PROFILES = {
    "laptop": Limits(),
    "classroom": Limits(
        max_runs=32, max_waiting=40, runs_each=1, max_size=512, max_iterations=500, max_seconds=900, grace_seconds=120,
        max_trainings=1, training_seconds=2 * HOUR, disk_mb=6000, checkpoints_mb=128, frames_mb=16,
    ),
    "space": Limits(
        max_runs=8, max_waiting=40, runs_each=1, max_size=768, max_iterations=500, max_seconds=600, grace_seconds=60,
        max_trainings=1, training_seconds=2 * HOUR, disk_mb=2000, checkpoints_mb=128, frames_mb=16,
    ),
}  # fmt: skip
"""Limits by the kind of server: one person's own machine, a class on one machine, a public Space."""
