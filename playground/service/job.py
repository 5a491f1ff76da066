"""One person's run as others see it; training_job.py has all in which a training differs. It may be read at any time.

worker.py writes to it; pages and the API look and wait for news, so that no slow listener holds a run up. It knows
neither the queue nor other jobs.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
from PIL import Image

from playground.engine.checkpoints import Checkpoints
from playground.engine.control import MemoryControl
from playground.engine.frame_files import FrameFiles
from playground.engine.frames import Frame, Result
from playground.engine.previews import Previews
from playground.engine.pulls import Pulls
from playground.images.convert import cut_picture, cut_size, resize_picture
from playground.images.pictures import Pictures
from playground.measure.estimate import Estimate, estimate
from playground.measure.memory import Memory, memory_of, too_large
from playground.recipe.model import Recipe
from playground.recipe.styles import Colours
from playground.recipe.training import TrainingRecipe
from playground.service.limits import Limits
from playground.service.reported import Reported
from playground.service.run_folder import RunFolder
from playground.service.stored import Stored

State = Literal["waiting", "loading", "running", "paused", "done", "stopped", "time", "recovered", "failed"]
ENDS = frozenset({"done", "stopped", "time", "recovered", "failed"})
"""Every state in which a job has ended."""
BYTES_A_PIXEL = 4  # of a PIL picture


class Job:
    """One person's run as others see it. Every attribute may be read at any time; `wait` tells when there is news.

    Attributes:
        id: unguessable, and the only authorisation to watch or steer.
        name: short and public, such as "run 12", for logs and for whoever looks after the server.
        visitor: who finds it again; a secret.
        person: on whose account it counts, which anybody may know; the visitor where nothing else is said.
        pictures: clean RGB as they were given, of a run that ended long ago smaller; a training has no content image.
        recipe: as it was started.
        control: pause, resume, stop, change, want_shares.
        weight: for how many ordinary runs it counts when turns on the device are given.
        folder: where its checkpoints and its previews lie; None where nothing is kept.
        parent, changes: of a branch, the id of the run that it left, at which evaluation, and with which settings.
        pinned: whether its result stays on a page's shelf when older ones go.
        colours: whose it is shown and saved with; the engine paints with the style's, or with matched ones.
        state: "waiting" for a slot, "loading" the network, "running", "paused", or how it ended.
        place: in the queue while waiting, 1 for the next; else 0.
        wait_seconds: what the wait is likely to be; None where nobody knows, as while others pause.
        doing: what is going on, in words, while loading; else empty.
        frame: the latest; it keeps the last losses where the loop's own frame has none (paused, recovered).
        picture: the latest preview, H×W×3 uint8, at the end the result; `picture_version` grows with each.
        previews: the previews so far.
        checkpoints: snapshots to go back to; None where none are kept.
        frames_every: iterations from one picture that is kept for good to the next; 0 keeps none.
        kept: those pictures; None until one is wanted.
        pulls: where each term pulls and how strongly, the latest measured.
        notes: what a person should know, oldest first.
        error: one sentence, when the state is "failed".
        told: its curves and rounds so far.
        result: what the run left, when it has ended otherwise.
        memory, cost: what it was expected to take; None on a lent GPU.
        started_at, ended_at: by `time.monotonic()`; when it got its slot, and when its worker was through with it.
        seen_at: by the same clock, when somebody last watched.
    """

    counts_as_run: ClassVar[bool] = True
    """Whether it waits for one of the slots and counts among its visitor's runs."""

    can_go_back: ClassVar[bool] = True
    """Whether previews and checkpoints are kept on its way."""

    recipe: Any  # a Recipe; of a training a TrainingRecipe

    def __init__(
        self,
        pictures: Pictures,
        recipe: Recipe | TrainingRecipe,
        visitor: str,
        control: MemoryControl,
        grace_seconds: float,
        *,
        name: str = "run",
        id: str | None = None,
        weight: float = 1.0,
        folder: RunFolder | None = None,
        parent: tuple[str, int] | None = None,
        changes: Mapping[str, Any] | None = None,
        colours: Colours = "style",
        person: str = "",
        frames_every: int = 0,
    ) -> None:
        self.id, self.name = id or secrets.token_urlsafe(16), name
        self.person = person or visitor
        self.pictures = pictures
        self.recipe, self.visitor, self.control, self.weight = recipe, visitor, control, weight
        self.folder = folder
        self.parent, self.changes = parent, dict(changes or {})
        self.pinned = False
        self.colours: Colours = "matched" if isinstance(recipe, Recipe) and recipe.colours == "matched" else colours
        self.frames_every = frames_every
        self.kept: FrameFiles | None = None
        self.state: State = "waiting"
        self.place = 0
        self.wait_seconds: float | None = None
        self.doing = ""
        self.frame: Frame | None = None
        self.picture: np.ndarray | None = None
        self.picture_version = 0
        self.previews = Previews()
        self.checkpoints: Checkpoints | None = None
        self.pulls: Pulls | None = None
        self.notes: list[str] = []
        self.error: str | None = None
        self.result: Result | None = None
        self.reported = Reported()
        self.version = 0
        self.memory: Memory | None = None
        self.cost: Estimate | None = None
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self._news = threading.Condition()
        self._grace = grace_seconds
        self.seen_at = time.monotonic()

    @property
    def ended(self) -> bool:
        return self.state in ENDS

    @property
    def content(self) -> Image.Image | None:
        """The content image, for pages; a training has none."""
        return self.pictures.content

    @property
    def painted_content(self) -> Image.Image:
        """The part of the content image that is painted; not for trainings."""
        assert self.pictures.content is not None
        return cut_picture(self.pictures.content, self.recipe.crop)

    @property
    def aspect(self) -> float:
        """Long side over short side of what is painted; 1 for a training."""
        if self.pictures.content is None:
            return 1.0
        width, height = cut_size(*self.pictures.content.size, self.recipe.crop)
        return max(width, height) / min(width, height)

    @property
    def style(self) -> Image.Image:
        """The first style image, for pages."""
        return self.pictures.style

    @property
    def curve(self) -> list[dict[str, float]]:
        """The curve of what it has told, which see."""
        return self.reported.curve

    def wait(self, version: int, timeout: float, *, watching: bool = True) -> int:
        """Return the current version once it differs from `version`, at the latest after `timeout` seconds.

        Args:
            watching: whether somebody looks at what comes, so that this counts as a `touch`.
        """
        if watching:
            self.touch()
        with self._news:
            self._news.wait_for(lambda: self.version != version, timeout)
            return self.version

    def touch(self) -> None:
        """Somebody is watching: the grace period starts anew."""
        self.seen_at = time.monotonic()

    @property
    def abandoned(self) -> bool:
        """Whether nobody has watched for longer than the grace period."""
        return time.monotonic() - self.seen_at > self._grace

    # ---------------------------------------------------------------- what it takes

    @property
    def pictures_mb(self) -> float:
        """MiB that its pictures take."""
        pictures = [self.pictures.content, *self.pictures.styles]
        return sum(picture.width * picture.height for picture in pictures if picture) * BYTES_A_PIXEL / 2**20

    def shrink_pictures(self) -> None:
        """Keep its pictures only as large as they are shown, and no checkpoints, which need them as they were given."""
        if (content := self.pictures.content) is not None:
            size, styles = self.recipe.size, self.pictures.styles
            styles = tuple(resize_picture(style, size) for style in styles)
            self.pictures = replace(self.pictures, content=resize_picture(content, size), styles=styles)
            self.checkpoints = None

    def expect(self, device: str) -> None:
        """Work out what it is likely to take there."""
        self.memory = memory_of(self.recipe, *self._sizes, device)
        self.cost = estimate(self.recipe, *self._sizes, device=device)

    def does_not_fit(self, limit_mb: float, device: str) -> str:
        """The sentence that refuses it where it would not even fit alone."""
        return (
            too_large(self.recipe, *self._sizes, limit_mb - self.pictures_mb, device)
            or "These pictures are too large for the memory of this server: scale them down."
        )

    @property
    def _sizes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        return (self.pictures.content or self.pictures.style).size, self.pictures.style.size

    def seconds_allowed(self, limits: Limits) -> float | None:
        """From its slot to its end; None where its recipe alone says when it ends."""
        return limits.max_seconds

    def seconds_kept(self, limits: Limits) -> float:
        """How long it is remembered after its end."""
        return limits.keep_seconds

    def as_stored(self) -> Stored:
        """What the store keeps of it, as it stands."""
        return Stored(
            self.id, self.visitor, self.recipe, self.pictures, self.parent, self.changes, folder=self.folder,
            person=self.person, **self.standing(),
        )  # fmt: skip

    def standing(self) -> dict[str, Any]:
        """What of that changes on its way."""
        asked = self.control.read()
        return {
            "settings": asked.settings,
            "paused": asked.paused,
            "notes": tuple(self.notes),
            "colours": self.colours,
            "pinned": self.pinned,
            "frames_every": self.frames_every,
        }

    # ---------------------------------------------------------------- for the worker

    def note(self, sentence: str) -> None:
        """Say something that a person should know."""
        self.tell(notes=[*self.notes, sentence])

    def tell(self, **news: object) -> None:
        """Set attributes and wake whoever waits; for the worker."""
        with self._news:
            if all(getattr(self, name) == value for name, value in news.items()):
                return
            for name, value in news.items():
                setattr(self, name, value)
            self.version += 1
            self._news.notify_all()

    def store(self, frame: Frame) -> None:
        """Take over a frame of the run; for the worker."""
        with self._news:
            self.reported.add(frame)
            # The same picture once more, as when a run pauses, would be written over the file a browser is just reading.
            if frame.picture is not None and (self.picture is None or not np.array_equal(frame.picture, self.picture)):
                self.picture = frame.picture
                self.picture_version += 1
            if frame.note and frame.note not in self.notes[-1:]:
                self.notes.append(frame.note)
            self.pulls = frame.pulls or self.pulls
            if not frame.losses and self.frame is not None:
                frame = replace(frame, losses=self.frame.losses, layers=self.frame.layers)
            self.frame, self.result, self.state = frame, frame.result, frame.state
            self.version += 1
            self._news.notify_all()
