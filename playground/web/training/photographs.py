"""Photographs to train on: given, read, counted, and shown as the training will see them.

Wired by the Train a style tab. Knows no training.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from playground.errors import PlaygroundError
from playground.feedforward.photos import Crops, Photos
from playground.images.convert import to_array
from playground.recipe.training import TrainingRecipe
from playground.service.folders import bundled_photos
from playground.service.jobs import Jobs
from playground.web.components.layout import Parts
from playground.web.components.messages import Updates, fault, message
from playground.web.threads import off_loop
from playground.web.training.state import Desk, first_recipe, wanted_recipe
from playground.web.words import counted, say, translated

SEEN = 8  # crops that are shown before a training


class Photographs:
    """Handlers of the photographs.

    Args:
        jobs: keeps what is uploaded until a training takes it over.
        parts: the tab's components by name.
    """

    def __init__(self, jobs: Jobs, parts: Parts) -> None:
        self.jobs, self.parts = jobs, parts

    def sample_photos(self, desk: Desk, *values: Any) -> Updates:
        """Back to the photographs that come with scikit-image."""
        self._forget(desk)
        return {self.parts["train-photos"]: None, **self._looked_at(desk, values, sample_crops())}

    async def given_photos(self, desk: Desk, files: Sequence[str] | None, *values: Any) -> AsyncIterator[Updates]:
        """Photographs or zips were given or taken away: read them all, and show crops of what there is."""
        yield {self.parts["photos-note"]: message(say("photos.reading"), "note")}
        try:
            await off_loop(self._take_photos, desk, list(files or ()))
            recipe = wanted_recipe(desk, values)
            seen = await off_loop(crops_picture, desk.photos, recipe) if desk.given else sample_crops()
        except Exception as error:
            self._forget(desk)
            text = message(fault(error)) + photos_note(desk, first_recipe(desk.preset))
            yield {self.parts["photos-note"]: text}
            return
        yield self._looked_at(desk, values, seen)

    def _take_photos(self, desk: Desk, files: list[str]) -> None:
        self._forget(desk)
        if files:
            desk.given = self.jobs.take_photos(files)

    def _forget(self, desk: Desk) -> None:
        """Drop what was uploaded, unless a training has taken it over."""
        if desk.given is not None:
            self.jobs.drop_photos(desk.given)
        desk.given = None

    def _looked_at(self, desk: Desk, values: Sequence[Any], seen: np.ndarray) -> Updates:
        try:
            said = photos_note(desk, wanted_recipe(desk, values))
        except PlaygroundError as error:
            said = message(fault(error))
        return {self.parts["photos-note"]: said, **({} if desk.running() else {self.parts["grid"]: seen})}

    def left(self, desk: Desk) -> None:
        """The page is long gone: photographs that no training took over go too."""
        if desk.given is not None:
            self.jobs.drop_photos(desk.given)


def photos_note(desk: Desk, recipe: TrainingRecipe) -> str:
    """Which photographs there are, which of them are broken, and whether they are too few."""
    photos = desk.photos
    said = counted("photos.samples" if desk.given is None else "photos.own", len(photos))
    if photos.broken:
        said = say("photos.broken", photos=said, count=len(photos.broken))
    steps = recipe.steps or max(1, round(recipe.epochs * len(photos) / recipe.batch_size))
    lines = [said, translated(photos.warning(steps * recipe.batch_size))]
    return "".join(message(line, "note") for line in lines if line)


@cache
def sample_crops() -> np.ndarray:
    """Crops of the sample photographs, as the first preset sees them."""
    return crops_picture(bundled_photos(), first_recipe("fast-default"))


def crops_picture(photos: Photos, recipe: TrainingRecipe) -> np.ndarray:
    """The first crops a training would learn from, in two rows, H×W×3 uint8."""
    crops = Crops(photos, recipe.image_size, recipe.seed, recipe.augment).samples(SEEN)
    rows = [np.concatenate([to_array(crop) for crop in row.split(1)], axis=1) for row in crops.chunk(2)]
    return np.concatenate(rows, axis=0)
