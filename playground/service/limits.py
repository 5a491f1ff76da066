"""Every limit of a server in one place: how many runs, how large, how long, how much memory and disk.

settings.py reads them from a profile, a file and the environment, new_jobs.py and admission.py keep to them. A recipe
beyond a limit is refused in words, never cut down in silence. Knows no job.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from playground.errors import PlaygroundError
from playground.recipe.model import Recipe
from playground.recipe.training import TrainingRecipe

HOUR = 3600.0
LIMITED = frozenset({"size", "iterations", "seconds", "style_size"})


class Limits(BaseModel):
    """The limits of a server; the defaults are those of a laptop that one person uses."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    max_runs: int = Field(4, ge=1, le=256, description="Runs painted at once; others wait.")
    max_waiting: int = Field(20, ge=0, le=10_000, description="Runs that may wait; more are refused.")
    runs_each: int = Field(4, ge=1, le=256, description="Runs that one person may have going on.")
    max_size: int = Field(
        4096, ge=64, le=4096, description="Long side of a picture in pixels, and of a training's crops."
    )
    max_iterations: int = Field(100_000, ge=1, le=100_000, description="Iterations of a run.")
    max_seconds: float = Field(24 * HOUR, ge=1, description="Seconds from a run's slot to its end, pauses included.")
    memory_mb: float | None = Field(
        None, ge=64, description="MiB that this process may take; empty: 0.8 of what is free when the server starts."
    )
    grace_seconds: float = Field(30.0, ge=0, description="Seconds that a run goes on while nobody watches.")
    keep_seconds: float = Field(HOUR, ge=0, description="Seconds that an ended run is kept.")
    max_trainings: int = Field(2, ge=0, le=64, description="Trainings at once; more are refused.")
    training_seconds: float = Field(24 * HOUR, ge=1, description="Seconds that a training may take.")
    disk_mb: float = Field(
        4000.0, ge=0, description="MiB on disk of all runs together; the oldest ended ones go first."
    )
    checkpoints_mb: float = Field(
        600.0, ge=0, description="MiB on disk of one run's checkpoints, which one can go back to."
    )
    save_every: float = Field(15.0, ge=0.1, description="Seconds between two saved checkpoints of a run at most.")
    teacher_weight: float = Field(
        4.0,
        ge=1,
        le=1000,
        description="Ordinary runs that a teacher's run counts for when turns on the device are given.",
    )

    def check(self, recipe: Recipe | TrainingRecipe) -> None:
        """Refuse a run or a training that is beyond these limits.

        Raises:
            PlaygroundError: names the setting and the most that is allowed.
        """
        if isinstance(recipe, TrainingRecipe):
            self._at_most("crop size", recipe.image_size, self.max_size, "px")
            self._at_most("time budget", recipe.seconds, self.training_seconds, "seconds")
        else:
            self._at_most("size", max([recipe.size, *(stage.size for stage in recipe.plan or ())]), self.max_size, "px")
            planned = sum(stage.iterations for stage in recipe.plan or ())
            self._at_most("number of iterations", max(recipe.iterations, planned), self.max_iterations)
            self._at_most("time budget", recipe.seconds, self.max_seconds, "seconds")
            for change in recipe.journal:  # a recipe file may bring changes that the run would take over later
                if change.key in LIMITED:
                    self.check(recipe.changed({change.key: change.value, "journal": ()}))
        if isinstance(recipe.style_size, int):
            self._at_most("style scale", recipe.style_size, self.max_size, "px")

    @staticmethod
    def _at_most(setting: str, value: float | None, limit: float, unit: str = "") -> None:
        if value is not None and value > limit:
            raise PlaygroundError(
                f"The {setting} is {value:g} {unit}".rstrip()
                + f", and this server allows {limit:g} at most: choose {limit:g} or less."
            )


PROFILES = {
    "laptop": Limits(),
    "classroom": Limits(
        max_runs=32, max_waiting=40, runs_each=1, max_size=512, max_iterations=500, max_seconds=900, grace_seconds=120,
        max_trainings=1, training_seconds=2 * HOUR, disk_mb=6000, checkpoints_mb=128,
    ),
    "space": Limits(
        max_runs=8, max_waiting=40, runs_each=1, max_size=768, max_iterations=500, max_seconds=600, grace_seconds=60,
        max_trainings=1, training_seconds=2 * HOUR, disk_mb=2000, checkpoints_mb=128,
    ),
}  # fmt: skip
"""Limits by the kind of server: one person's own machine, a class on one machine, a public Space."""
