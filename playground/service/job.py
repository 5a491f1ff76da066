"""One person's work as others see it: a run, a training, an task, a download. Each may be read at any time.

A worker of jobs.py writes to them; pages and the API look and wait for news, so that no slow listener holds a run up.
"""

from __future__ import annotations

import logging
import math
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from playground.engine.checkpoints import Checkpoints
from playground.engine.control import MemoryControl
from playground.engine.frames import Curve, Frame, Result
from playground.engine.previews import Previews
from playground.errors import PlaygroundError
from playground.measure.estimate import Estimate
from playground.measure.memory import Memory
from playground.recipe.model import Recipe
from playground.recipe.training import TrainingRecipe
from playground.system.memory import is_out_of_memory

State = Literal["waiting", "loading", "running", "paused", "done", "stopped", "time", "recovered", "failed"]
ENDS = frozenset({"done", "stopped", "time", "recovered", "failed"})
PAUSED_SECONDS = 3600.0  # a paused training that nobody looks at is ended after this, since others may want its place

logger = logging.getLogger(__name__)


class Job:
    """One person's run as others see it. Every attribute may be read at any time; `wait` tells when there is news.

    Attributes:
        id: unguessable, and the only authorisation to watch or steer.
        name: short and public, such as "run 12", for logs and for whoever looks after the server.
        visitor: who it belongs to.
        content, style: clean RGB pictures as they were given, of a run that ended long ago smaller; a training has no content.
        recipe: as it was started.
        control: pause, resume, stop, change, want_shares.
        weight: how many ordinary runs' share of the device it gets.
        folder: where its checkpoints and its previews lie; None where nothing is kept.
        parent, changes: of a branch, the id of the run that it left, at which evaluation, and with which settings.
        branches: ids of the latest branches that left this run.
        state: "waiting" for a seat, "loading" the network, "running", "paused", or how it ended.
        place: in the queue while waiting, 1 for the next; else 0.
        wait_seconds: what the wait is likely to be; None where nobody knows, as while others pause.
        doing: what is going on, in words, while loading; else empty.
        frame: the latest; it keeps the last losses where the loop's own frame has none (paused, recovered).
        picture: the latest preview, H×W×3 uint8, at the end the result; `picture_version` grows with each.
        previews: the previews so far.
        checkpoints: snapshots to go back to; None where none are kept.
        shares: {content, style, variation} shares of the gradient, the latest measured.
        notes: what a person should know, oldest first.
        error: one sentence, when the state is "failed".
        result: what the run left, when it has ended otherwise.
        memory, cost: what it was expected to take; None on a lent GPU.
        started_at, ended_at: by `time.monotonic()`; when it got its seat, and when its worker was through with it.
    """

    def __init__(
        self,
        content: Image.Image | None,
        style: Image.Image,
        recipe: Recipe,
        visitor: str,
        control: MemoryControl,
        grace_seconds: float,
        *,
        name: str = "run",
        id: str | None = None,
        weight: float = 1.0,
        folder: Path | None = None,
        parent: tuple[str, int] | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        self.id, self.name = id or secrets.token_urlsafe(16), name
        self.content, self.style = content, style
        self.recipe, self.visitor, self.control, self.weight = recipe, visitor, control, weight
        self.folder = folder
        self.parent, self.changes = parent, dict(changes or {})
        self.branches: list[str] = []
        self.original_colours = False  # whether it is shown and saved with the content's colours
        self.state: State = "waiting"
        self.place = 0
        self.wait_seconds: float | None = None
        self.doing = ""
        self.frame: Frame | None = None
        self.picture: np.ndarray | None = None
        self.picture_version = 0
        self.previews = Previews()
        self.checkpoints: Checkpoints | None = None
        self.shares: dict[str, float] | None = None
        self.notes: list[str] = []
        self.error: str | None = None
        self.result: Result | None = None
        self.version = 0
        self.memory: Memory | None = None
        self.cost: Estimate | None = None
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self._curve, self._layer_curve = Curve(), Curve()
        self._news = threading.Condition()
        self._grace = grace_seconds
        self._seen = time.monotonic()

    @property
    def ended(self) -> bool:
        return self.state in ENDS

    @property
    def curve(self) -> list[dict[str, float]]:
        """Points {step, evaluations, seconds, content, style, variation, total}, thinned evenly, in order."""
        with self._news:
            return list(self._curve.points)

    @property
    def layer_curve(self) -> list[dict[str, float]]:
        """Points {"evaluations": ..., "content:conv4_2": ..., "style:conv1_1": ...}, thinned like `curve`."""
        with self._news:
            return list(self._layer_curve.points)

    @property
    def beside(self) -> dict[str, Any]:
        """What a moment keeps beside the run's own snapshot, as plain data for `go_on_from`."""
        with self._news:
            return {"layers": self._layer_curve.plain()}

    def go_on_from(self, snapshot: Mapping[str, Any]) -> None:
        """Show the curves of a snapshot that the run is about to go on from."""
        with self._news:
            self._curve = Curve.of(snapshot["curve"])
            if layers := snapshot.get("beside", {}).get("layers"):
                self._layer_curve = Curve.of(layers)

    def wait(self, version: int, timeout: float) -> int:
        """Return the current version once it differs from `version`, at the latest after `timeout` seconds.

        Whoever waits is watching, so this counts as a `touch`.
        """
        self.touch()
        with self._news:
            self._news.wait_for(lambda: self.version != version, timeout)
            return self.version

    def touch(self) -> None:
        """Somebody is watching: the grace period starts anew."""
        self._seen = time.monotonic()

    def leave(self) -> None:
        """The page went away: the run has the grace period from now, unless somebody touches it again."""
        self._seen = time.monotonic()

    @property
    def abandoned(self) -> bool:
        """Whether nobody has watched for longer than the grace period."""
        return time.monotonic() - self._seen > self._grace

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
            if frame.losses and frame.result is None:
                at = {"step": frame.step, "evaluations": frame.evaluations, "seconds": frame.seconds}
                self._curve.add({**at, **frame.losses})
                self._layer_curve.add({"evaluations": frame.evaluations, **frame.layers})
            # The same picture once more, as when a run pauses, would be written over the file a browser is just reading.
            if frame.picture is not None and (self.picture is None or not np.array_equal(frame.picture, self.picture)):
                self.picture = frame.picture
                self.picture_version += 1
            if frame.note and frame.note not in self.notes[-1:]:
                self.notes.append(frame.note)
            self.shares = frame.shares or self.shares
            if not frame.losses and self.frame is not None:
                frame = replace(frame, losses=self.frame.losses, layers=self.frame.layers)
            self.frame, self.result, self.state = frame, frame.result, frame.state
            self.version += 1
            self._news.notify_all()


class TrainingJob(Job):
    """A training, which nobody need watch; `picture` is its latest before/after grid.

    Attributes:
        recipe: a `TrainingRecipe`.
        title: the style's name.
        folder: its files, deleted when it is forgotten.
        photos: the folder within where its photographs lie until it ends, or `BUNDLED`.
    """

    folder: Path

    def __init__(
        self,
        style: Image.Image,
        recipe: TrainingRecipe,
        visitor: str,
        control: MemoryControl,
        folder: Path,
        title: str,
        photos: str,
        *,
        name: str = "training",
        id: str | None = None,
        weight: float = 1.0,
    ) -> None:
        super().__init__(None, style, recipe, visitor, control, math.inf, name=name, id=id, weight=weight)
        self.folder, self.title, self.photos = folder, title, photos

    @property
    def model(self) -> Path | None:
        """The trained network's file, once the training has ended; None where it left none."""
        path = self.folder / "model.safetensors"
        return path if self.ended and path.is_file() else None

    @property
    def abandoned(self) -> bool:
        return self.state == "paused" and time.monotonic() - self._seen > PAUSED_SECONDS


class Task:
    """A small work for one page, such as painting a folder of pictures, that ends when nobody watches any more.

    Attributes:
        control: `control.stop()` ends it; `control.turn().do(...)` works on the device.
        sentence, fraction: how far it is; the share that is done is None where it is not known.
        found: what it has made so far, in order.
        error: one sentence, when it failed.
        over: set at its end, however it ended.
    """

    def __init__(self, visitor: str, control: MemoryControl, grace_seconds: float) -> None:
        self.visitor, self.control = visitor, control
        self.sentence, self.fraction = "Getting ready", None
        self.found: list[Any] = []
        self.error: str | None = None
        self.over = threading.Event()
        self._grace = grace_seconds
        self._seen = time.monotonic()

    sentence: str
    fraction: float | None

    def touch(self) -> None:
        """Somebody is watching."""
        self._seen = time.monotonic()

    def report(self, sentence: str, fraction: float | None) -> None:
        """Say how far it is; for the work itself, as often as it likes, since it also notices here that all have gone."""
        self.sentence, self.fraction = sentence, fraction
        if time.monotonic() - self._seen > self._grace:
            self.control.stop()

    @property
    def stopped(self) -> bool:
        return self.control.read().stopped


class Download:
    """A network on its way to this machine: `sentence` and `fraction` (0 to 1, None if unknown) say how far it is."""

    def __init__(self, network: str) -> None:
        self.network = network
        self.sentence = f"Fetching {network}"
        self.fraction: float | None = None
        self.error: PlaygroundError | None = None
        self.over = threading.Event()


def did_not_fit(recipe: Recipe) -> str:
    """The sentence for a run that did not fit, with the size that takes a quarter of the memory."""
    if isinstance(recipe, TrainingRecipe):
        crops = f"{recipe.batch_size} crops of {recipe.image_size} px"
        return f"{crops} at once are more than this machine's memory can take: set a smaller batch size or crop size."
    return f"{recipe.size} px is more than this machine's memory can take: try {max(64, recipe.size // 2)} px."


def explain(error: Exception, name: str, recipe: Recipe | None = None) -> str:
    """One sentence for a person about what ended a run or an task; what nobody can mend goes to the log as `name`."""
    if isinstance(error, PlaygroundError):
        return str(error)
    if is_out_of_memory(error):
        return (
            did_not_fit(recipe) if recipe else "That is more than this machine's memory can take: try a smaller size."
        )
    message = getattr(error, "message", None)
    if isinstance(message, str):  # a lent GPU's own words, such as a quota that is used up
        return message
    logger.error("%s failed", name, exc_info=error)
    return f"This run ended because of a fault in the playground; the server's log tells more under {name}."
