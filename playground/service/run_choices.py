"""What a person asks of a run beside its settings, and what a restart of the server must not forget.

Called by pages through `Jobs.choices`. Knows the store, and no page.
"""

from __future__ import annotations

from playground.recipe.styles import Colours
from playground.service.job import Job
from playground.service.store import Store


class RunChoices:
    """Sets it on a job and in the store.

    Args:
        store: None where nothing outlives the server.
    """

    def __init__(self, store: Store | None) -> None:
        self._store = store

    def show_colours(self, job: Job, wanted: Colours) -> None:
        """Show and save a run in these colours. One painted with matched ones has those."""
        if job.recipe.colours == "matched":
            wanted = "matched"
        self._set(job, colours=wanted)

    def pin(self, job: Job, wanted: bool) -> None:
        """Keep a result on its page's shelf when older ones go, or no longer."""
        self._set(job, pinned=wanted)

    def keep_frames(self, job: Job, every: int) -> None:
        """From now on keep a picture of a run after every so many iterations; 0 keeps no more, and those there are stay."""
        if job.kept is not None and every:
            job.kept.every = every
        self._set(job, frames_every=every)

    def why_aside(self, visitor: str) -> list[str]:
        """Why runs of this person that an earlier server has left cannot go on; told once."""
        return self._store.aside.told(visitor) if self._store else []

    def _set(self, job: Job, **news: object) -> None:
        job.tell(**news)
        if self._store:
            self._store.update(job.id, **news)
