"""One person's training as others see it: all in which it differs from a run. Made by new_jobs.py, painted by worker.py."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path

from playground.engine.control import MemoryControl
from playground.images.pictures import Pictures
from playground.measure.memory import memory_of
from playground.recipe.training import TrainingRecipe
from playground.service.job import Job
from playground.service.limits import Limits
from playground.service.run_folder import RunFolder
from playground.service.stored import Stored

PAUSED_SECONDS = 3600.0  # a paused training that nobody looks at is ended after this, since others may want its place


class TrainingJob(Job):
    """A training, which nobody need watch; `picture` is its latest before/after grid.

    It has no slot of the runs' and goes on at once or is refused, nothing of its way is kept, and its recipe says when
    it ends.

    Attributes:
        recipe: a `TrainingRecipe`.
        title: the style's name.
        folder: its files, deleted when it is forgotten.
        photos: the folder within where its photographs lie until it ends, or `BUNDLED`.
    """

    recipe: TrainingRecipe
    folder: RunFolder
    counts_as_run = False
    can_go_back = False

    def __init__(
        self,
        pictures: Pictures,
        recipe: TrainingRecipe,
        visitor: str,
        control: MemoryControl,
        folder: RunFolder,
        title: str,
        photos: str,
        *,
        name: str = "training",
        id: str | None = None,
        weight: float = 1.0,
        person: str = "",
    ) -> None:
        super().__init__(pictures, recipe, visitor, control, math.inf, name=name, id=id, weight=weight, person=person)
        self.folder, self.title, self.photos = folder, title, photos

    @property
    def model(self) -> Path | None:
        """The trained network's file, once the training has ended; None where it left none."""
        path = self.folder.model
        return path if self.ended and path.is_file() else None

    @property
    def abandoned(self) -> bool:
        return self.state == "paused" and time.monotonic() - self.seen_at > PAUSED_SECONDS

    def expect(self, device: str) -> None:
        self.memory = memory_of(self.recipe, *self._sizes, device)

    def does_not_fit(self, limit_mb: float, device: str) -> str:
        crops = f"{self.recipe.batch_size} crops of {self.recipe.image_size} px"
        return f"{crops} at once do not fit into the memory: set a smaller batch size or crop size."

    def seconds_allowed(self, limits: Limits) -> None:
        return None

    def seconds_kept(self, limits: Limits) -> float:
        return limits.training_seconds

    def as_stored(self) -> Stored:
        return replace(super().as_stored(), title=self.title, photos=self.photos)


def training_of(job: Job | None) -> TrainingJob | None:
    """The job where it is a training; else None."""
    return job if isinstance(job, TrainingJob) else None
