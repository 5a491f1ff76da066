"""Folders for jobs to come, and the photographs that people give for a training: kept here until a training takes them over.

Made by jobs.py; registry.py and new_jobs.py drop here what nobody needs any more. Which folder lies where is the store's and
run_folder.py's to know; no page sees one. It knows no job.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from playground.errors import PlaygroundError
from playground.feedforward.photos import BUNDLED, Photos
from playground.service.run_folder import RunFolder
from playground.service.store import Store
from playground.service.uploads import PhotoSpace, collect_photos


@dataclass(frozen=True, eq=False)
class GivenPhotos:
    """Photographs that were given for a training.

    Attributes:
        photos: as a training reads them.
        folder: where they lie, the training's own once it has begun; for service/ alone.
    """

    photos: Photos
    folder: RunFolder = field(repr=False)


@cache
def bundled_photos() -> Photos:
    """The photographs that come along, for whoever gives none."""
    return Photos(BUNDLED)


class Folders:
    """Folders of a server's jobs, in the store where there is one that takes them.

    Args:
        store: None keeps them in a temporary folder of this server's.
        photos_mb: MiB that all photographs may take together.
    """

    def __init__(self, store: Store | None, photos_mb: float) -> None:
        self._store, self.photo_space = store, PhotoSpace(photos_mb)
        self._temporary = Path(tempfile.mkdtemp(prefix="playground-trainings-"))

    def new(self) -> RunFolder:
        """An empty folder with a place for photographs."""
        folder = None
        if self._store:
            with suppress(OSError):
                folder = self._store.new_folder()
        folder = folder or RunFolder(Path(tempfile.mkdtemp(dir=self._temporary)))
        folder.photos.mkdir()
        return folder

    def take_photos(self, files: Sequence[str | Path]) -> GivenPhotos:
        """Lay photographs, files or zips of them, into a new folder and look at all of them.

        Raises:
            PlaygroundError: too many, too large together, or none that can be read; nothing is left behind.
            OSError: the disk takes no more; the same.
        """
        folder = self.new()
        try:
            collect_photos(files, folder.photos, self.photo_space)
            return GivenPhotos(Photos(folder.photos), folder)
        except BaseException:
            self.drop(folder)
            raise

    @contextmanager
    def for_training(self, given: GivenPhotos | None) -> Iterator[GivenPhotos]:
        """While a training is being begun: what was given for it, or a folder of its own and what comes along.

        Where it is refused its own folder goes; what was given stays for another try.
        """
        if given is not None:
            yield given
            return
        own = GivenPhotos(bundled_photos(), self.new())
        try:
            yield own
        except PlaygroundError:
            self.drop(own.folder)
            raise

    def drop(self, folder: RunFolder) -> None:
        """Delete one of this server's that nobody needs any more."""
        if folder.path.parent == self._temporary:
            folder.remove()
        elif self._store:
            self._store.drop(folder)

    def close(self) -> None:
        """Delete those that are not in the store."""
        RunFolder(self._temporary).remove()
