"""The wall: everybody's current picture, small; of a lesson the pictures of its sheet in one.

Knows which run or sheet is whose latest, and whether it was painted from a pupil's own pictures. Whether it may be seen
says service/classroom.py; only the teacher's page asks for it (routes.py).
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from PIL import Image

from playground.images.convert import resize_picture
from playground.service.classroom import MAX_PEOPLE, Standing
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.web.components.data_urls import url_of_picture
from playground.web.components.pictures import given, samples

SIDE = 240  # pixels, the long side of a picture on the wall; of a sheet that of each of its cells, less where they are many
SHEET_SIDE = 480
KNOWN = 256  # runs and sheets whose name is remembered


@dataclass(frozen=True)
class CurrentPicture:
    """A pupil's current picture.

    Attributes:
        name: equal for all that are painted from the same pictures.
        own: whether these are the pupil's own.
        version: another one where the picture is another.
        lesson: that it answers; "" for none.
        at: when it was begun, by `time.monotonic()`.
    """

    name: str
    own: bool
    version: tuple[Any, ...]
    at: float
    job: Job | None = None
    sheet: tuple[Image.Image, ...] = ()
    lesson: str = ""


@dataclass(frozen=True)
class WallPicture:
    """One picture on the wall.

    Attributes:
        id: of this wall, for the teacher to take it off.
        count: pupils who have the very same.
        group: the option that they predicted in the picture's own lesson; None where they did not, or while the votes of
            that lesson are not shown.
        version: of the picture.
        picture: its address; "" where the page has it already.
    """

    id: int
    count: int
    group: int | None
    version: int
    picture: str


@dataclass
class _Place:
    """What the wall remembers of one pupil."""

    id: int
    version: tuple[Any, ...] = ()
    number: int = 0  # of versions so far
    picture: str = ""
    same: list[str] = field(default_factory=list)  # others who have the very same, as last seen


class Wall:
    """The pictures of a server's pupils. Any thread may call anything."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs, self.room = jobs, jobs.classroom
        self._lock = threading.Lock()
        self._sheets: OrderedDict[str, CurrentPicture] = OrderedDict()  # by person
        self._names: OrderedDict[str, tuple[str, bool]] = OrderedDict()  # of runs by their ids
        self._places: dict[str, _Place] = {}
        self._next, self._since = 1, 0.0

    # ---------------------------------------------------------------- what is there

    def show_sheet(
        self, person: str, lesson: str, sources: Sequence[Image.Image], cells: Sequence[Image.Image]
    ) -> None:
        """A pupil's sheet is done.

        Args:
            lesson: that it answers; "" for a grid of their own.
            sources: the pictures that it was painted from.
            cells: those that are done.
        """
        own = not _samples(sources)
        name = f"{lesson} {_print(sources)} {len(cells)}"
        shown = CurrentPicture(name, own, (), time.monotonic(), None, tuple(cells), lesson)
        with self._lock:
            self._sheets[person] = shown
            self._sheets.move_to_end(person)
            if len(self._sheets) > MAX_PEOPLE:
                self._sheets.popitem(last=False)

    def current(self, person: str) -> CurrentPicture | None:
        """A person's latest picture, of a run or a sheet, since the room was last cleared."""
        return self._current(person, self._latest_jobs())

    def _latest_jobs(self) -> Mapping[str, Job]:
        """Everybody's latest run that has a picture to show."""
        return {
            job.person: job
            for job in self.jobs.known()
            if job.content is not None and job.picture is not None and _began(job) >= self._since
        }

    def _current(self, person: str, jobs: Mapping[str, Job]) -> CurrentPicture | None:
        job, sheet = jobs.get(person), self._sheets.get(person)
        if job is None or (sheet is not None and sheet.at > _began(job)):
            return sheet
        with self._lock:
            named = self._names.get(job.id)
        if named is None:
            named = _named(job)
            with self._lock:
                self._names[job.id] = named
                if len(self._names) > KNOWN:
                    self._names.popitem(last=False)
        return CurrentPicture(*named, (job.id, job.picture_version), _began(job), job)

    def standing(self, person: str) -> tuple[Standing, bool]:
        """How a pupil's current picture stands towards the wall, and whether it is of their own."""
        shown = self.current(person)
        if shown is None:
            return self.room.standing(person, "", False), False
        return self.room.standing(person, shown.name, shown.own), shown.own

    # ---------------------------------------------------------------- what the teacher sees

    def tiles(self, have: Mapping[str, int]) -> list[WallPicture]:
        """Every picture that may be seen, in the order in which the pupils came; the very same ones once.

        Args:
            have: versions that the page has already, by the pictures' ids.
        """
        jobs, found = self._latest_jobs(), dict[tuple[Any, ...], tuple[_Place, int | None]]()
        people = self.room.pupils()
        with self._lock:
            self._places = {person: place for person, place in self._places.items() if person in set(people)}
        for person in people:
            shown = self._current(person, jobs)
            if shown is None or self.room.standing(person, shown.name, shown.own) != "hangs":
                continue
            group = self.room.shown_prediction(person, shown.lesson)
            alike = (group, shown.name) if shown.sheet and not shown.own else (person,)
            if alike in found:
                found[alike][0].same.append(person)
            else:
                found[alike] = self._drawn(person, shown), group
        return [
            WallPicture(place.id, 1 + len(place.same), group, place.number,
                 place.picture if have.get(str(place.id)) != place.number else "")
            for place, group in found.values()
        ]  # fmt: skip

    def _drawn(self, person: str, shown: CurrentPicture) -> _Place:
        with self._lock:
            place = self._places.get(person)
            if place is None:
                place = self._places[person] = _Place(self._next)
                self._next += 1
        place.same = []
        version = (*shown.version, shown.at)
        if version != place.version and (picture := _picture(shown)) is not None:
            place.version, place.number, place.picture = version, place.number + 1, url_of_picture(picture)
        return place

    def remove(self, id: int) -> None:
        """Take a picture off the wall, of all who have the very same."""
        with self._lock:
            people = [(person, place.same) for person, place in self._places.items() if place.id == id]
        for person in [one for first, same in people for one in (first, *same)]:
            if (shown := self.current(person)) is not None:
                self.room.remove(person, shown.name)

    def share(self, person: str, wanted: bool) -> None:
        """A pupil shows their current picture, or no longer."""
        if (shown := self.current(person)) is not None:
            self.room.share(person, shown.name, wanted)

    def clear(self) -> None:
        """Forget everybody's pictures."""
        with self._lock:
            self._sheets.clear()
            self._places.clear()
            self._since = time.monotonic()


def _began(job: Job) -> float:
    return job.started_at or 0.0


def _picture(shown: CurrentPicture) -> Image.Image | None:
    """What hangs on the wall, small."""
    if shown.sheet:
        return together(shown.sheet)
    picture = shown.job.picture if shown.job is not None else None
    return None if picture is None else resize_picture(Image.fromarray(picture), SIDE)


def together(cells: Sequence[Image.Image]) -> Image.Image:
    """A sheet's cells in one small picture, row by row; all as large as the first."""
    columns = math.ceil(math.sqrt(len(cells)))
    side = min(SIDE, SHEET_SIDE // columns)
    small = [resize_picture(cell, side) for cell in cells]
    width, height, gap = *small[0].size, 4
    rows = math.ceil(len(cells) / columns)
    drawn = Image.new("RGB", (columns * (width + gap) - gap, rows * (height + gap) - gap), "white")
    for index, cell in enumerate(small):
        drawn.paste(cell, ((index % columns) * (width + gap), index // columns * (height + gap)))
    return drawn


# -------------------------------------------------------------------- whose pictures


def _named(job: Job) -> tuple[str, bool]:
    """What a run's pictures are called together, and whether they are a person's own."""
    pictures = [one for one in (job.content, *job.pictures.styles) if one is not None]
    return _print(pictures), not _samples(pictures)


def _samples(pictures: Sequence[Image.Image]) -> bool:
    """Whether all of them came with the playground."""
    return all(_exact(picture) in _known() for picture in pictures)


@cache
def _known() -> frozenset[str]:
    return frozenset(_exact(given(one.path, one.title)) for kind in ("photos", "styles") for one in samples(kind))


def _exact(picture: Image.Image) -> str:
    """A name that no other picture has; large ones are nobody's but a person's and are not read whole."""
    if picture.width * picture.height > 2_000_000:
        return "large"
    return hashlib.blake2b(picture.tobytes(), key=repr(picture.size).encode(), digest_size=16).hexdigest()


def _print(pictures: Sequence[Image.Image]) -> str:
    """A name of pictures together, from small copies of them."""
    found = hashlib.blake2b(digest_size=16)
    for picture in pictures:
        found.update(repr(picture.size).encode() + picture.resize((32, 32), Image.Resampling.BOX).tobytes())
    return found.hexdigest()
