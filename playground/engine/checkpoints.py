"""Checkpoints: whole snapshots of a run on the disk, from which it can go on, few enough and spread evenly.

A worker of service/ saves them; people go back to them and branch off, and after a restart the newest is where a run is
picked up. They know a run by its snapshot alone. On the disk they keep an older name, `*.moment`.
"""

from __future__ import annotations

import logging
import os
import pickle
import shutil
import threading
import time
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from playground.engine.previews import least_missed
from playground.engine.run import Run
from playground.errors import PlaygroundError
from playground.recipe.base import RecipeError
from playground.recipe.complaints import settled_at_start
from playground.recipe.live_settings import live_settings
from playground.recipe.model import Recipe
from playground.system.files import UNFINISHED, whole_file

MAX_CHECKPOINTS = 24
COST_RATIO = 30  # times a save's own cost until the next, so that saving costs at most 1/31 of the time
BYTES_PER_SECOND = 20e6  # that all runs together write at most, but for what `save_every` asks for
CHECKPOINTS_PER_RUN = 16  # a young run is saved more often, about so often in the time it has run
MIN_SECONDS = 1.0  # between two checkpoints

logger = logging.getLogger(__name__)


class CheckpointError(PlaygroundError):
    """A checkpoint that is not there, or cannot be read."""


class _SavingRate:
    """How often the runs of this process save, so that thirty together cost and write no more than one alone."""

    def __init__(self) -> None:
        self.free_at = 0.0
        self.bytes = 0  # that they have written so far

    @property
    def free(self) -> bool:
        return time.perf_counter() >= self.free_at

    def spent(self, seconds: float, bytes: int) -> None:
        self.bytes += bytes
        self.free_at = max(self.free_at, time.perf_counter() + max(COST_RATIO * seconds, bytes / BYTES_PER_SECOND))


_saving = _SavingRate()


def bytes_written() -> int:
    """What the checkpoints of all runs of this process have taken when they were written, deleted ones included."""
    return _saving.bytes


class Checkpoints:
    """A run's snapshots on the disk, at most `MAX_CHECKPOINTS` and about `limit_bytes`, spread evenly over the run.

    The first and the newest always stay. The memory of L-BFGS, nine tenths of a snapshot, lies in a file of its own and
    is let go of first, the oldest before the newest: without it a run still goes on from exactly that picture, with a
    memory that starts anew, as it does after most changes of a setting.

    Saving and loading may happen in different threads.

    Args:
        folder: the run's own; checkpoints that lie there already are taken over.
        limit_bytes: on the disk; the newest picture stays even where it alone takes more.
        save_every: seconds after which `maybe_save` saves at the latest, unless that would cost over 3 % of the time.
            It saves sooner as long as all runs of this process together stay below that, and below `BYTES_PER_SECOND`.

    Attributes:
        damaged: how many could not be read.
        cost: seconds that the latest save took.
        saved_at: when it was, by `time.perf_counter()`.
    """

    def __init__(self, folder: Path, limit_bytes: int, save_every: float = 15.0) -> None:
        self.folder, self.limit_bytes, self.save_every = folder, limit_bytes, save_every
        self.damaged = 0
        self._lock = threading.RLock()
        self._over = False
        self.cost, self.saved_at = 0.0, time.perf_counter()
        self._sizes: dict[int, int] = {}
        self._memories: dict[int, int] = {}  # subset of the above: those whose L-BFGS memory is there
        for sizes, suffix in ((self._sizes, "moment"), (self._memories, "memory")):
            for path in sorted(folder.glob(f"*.{suffix}")):
                if path.stem.isdigit():
                    sizes[int(path.stem)] = path.stat().st_size
        for path in folder.glob(UNFINISHED):
            path.unlink(missing_ok=True)
        for evaluation in self._memories.keys() - self._sizes.keys():
            self._forget_memory(evaluation)

    @property
    def evaluations(self) -> list[int]:
        """The evaluations whose checkpoints are kept, ascending."""
        with self._lock:
            return list(self._sizes)

    @property
    def bytes(self) -> int:
        """What they take on the disk."""
        with self._lock:
            return sum(self._sizes.values()) + sum(self._memories.values())

    # ---------------------------------------------------------------- saving

    def due(self, run: Run) -> bool:
        """Whether it is time for a checkpoint: at once for the first, then by the clock and by what the last ones cost."""
        if self._over or not self._sizes:
            return not self._over
        waited = time.perf_counter() - self.saved_at
        aim = max(MIN_SECONDS, run.seconds / CHECKPOINTS_PER_RUN)
        return waited >= COST_RATIO * self.cost and (waited >= self.save_every or (waited >= aim and _saving.free))

    def maybe_save(self, run: Run, **beside: Any) -> str | None:
        """`save` if it is due; without the memory of L-BFGS where all runs together write too much already."""
        return self.save(run, memory=_saving.free, **beside) if self.due(run) else None

    def save(self, run: Run, *, memory: bool = True, **beside: Any) -> str | None:
        """Keep the checkpoint where the run stands, between two frames of it; nothing to do where it is kept already.

        Args:
            memory: False leaves the memory of L-BFGS out.
            beside: plain data to find in the snapshot's "beside".

        Returns:
            What to tell a person, once, when the disk takes no more; then no further checkpoint is kept.
        """
        began = time.perf_counter()
        evaluation = run.evaluations
        with self._lock:
            if self._over:
                return None
            snapshot = {**run.snapshot(copy=False), "beside": beside}
            split, written = run.painting.optimiser.keeps_memory, 0
            memory = memory and split and (wanted := _bytes(snapshot)) <= self.limit_bytes
            if evaluation in self._sizes and (not memory or evaluation in self._memories):
                return None
            try:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if split:
                    state, snapshot["optimizer"] = snapshot["optimizer"], None
                    if memory:
                        self._thin(wanted)
                        written = self._memories[evaluation] = self._write(evaluation, "memory", state)
                self._sizes[evaluation] = self._write(evaluation, "moment", snapshot)
                written += self._sizes[evaluation]
                self._thin()
            except (OSError, RuntimeError) as error:  # torch passes some failures to write on as the latter
                self._over = True
                with suppress(OSError):
                    self._forget_memory(evaluation)
                logger.warning("checkpoints cannot be written to %s: %s", self.folder, error)
                return (
                    "the server's disk is full or read-only: the picture goes on, but no further moments of this run "
                    "are kept to go back to, and a restart of the server would set it back"
                )
            finally:
                self.saved_at = time.perf_counter()
                self.cost = self.saved_at - began
                _saving.spent(self.cost, written)
        return None

    def _path(self, evaluation: int, suffix: str) -> Path:
        return self.folder / f"{evaluation:09d}.{suffix}"

    def _write(self, evaluation: int, suffix: str, value: Any) -> int:
        """A file's size, once it is written."""
        path = self._path(evaluation, suffix)
        # A killed process leaves what it has written to the system; after a power cut `newest` skips a damaged file.
        with whole_file(path, durable=False) as unfinished:
            torch.save(value, unfinished)
        return path.stat().st_size

    def _thin(self, room: int = 0) -> None:
        """Drop what is missed least until there are few enough and `room` bytes are free, but never the newest."""
        newest = next(reversed(self._sizes), None)
        while self.bytes + room > self.limit_bytes:
            oldest = next((evaluation for evaluation in self._memories if evaluation != newest), None)
            if oldest is None:
                break
            self._forget_memory(oldest)
        while len(self._sizes) > 2 and (len(self._sizes) > MAX_CHECKPOINTS or self.bytes + room > self.limit_bytes):
            self._forget(list(self._sizes)[least_missed(list(self._sizes))])

    def _forget_memory(self, evaluation: int) -> None:
        self._path(evaluation, "memory").unlink(missing_ok=True)
        self._memories.pop(evaluation, None)

    def _forget(self, evaluation: int) -> None:
        self._forget_memory(evaluation)
        self._path(evaluation, "moment").unlink(missing_ok=True)
        self._sizes.pop(evaluation, None)

    # ---------------------------------------------------------------- loading

    def load(self, evaluation: int) -> dict[str, Any]:
        """The snapshot nearest to an evaluation, at or before it, else the first; for `Run(..., snapshot=)`.

        Raises:
            CheckpointError: none is kept, or its file is damaged.
        """
        with self._lock:
            nearest = self._nearest(evaluation)
            snapshot = self._read(nearest, "moment")
            if not isinstance(snapshot, dict):
                raise CheckpointError(DAMAGED)
            if nearest in self._memories:
                snapshot["optimizer"] = self._read(nearest, "memory")
            return snapshot

    def settings(self, evaluation: int) -> Recipe:
        """The settings that applied at the checkpoint which `load` would find.

        Raises:
            CheckpointError: none is kept, or its file is damaged.
        """
        with self._lock:
            snapshot = self._read(self._nearest(evaluation), "moment")
        try:
            return Recipe.model_validate_json(snapshot["recipe"])
        except (LookupError, TypeError, ValueError) as error:
            raise CheckpointError(DAMAGED) from error

    def branch(self, evaluation: int, folder: Path) -> int:
        """Give another run the checkpoint that `load` would find, as its first; the checkpoint's evaluation.

        Args:
            folder: of the other run's `Checkpoints`, which is to be made after this; it must not hold any yet.

        Raises:
            CheckpointError: no checkpoint is kept, or its file cannot be handed on.
        """
        with self._lock:
            nearest = self._nearest(evaluation)
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                for suffix in ("memory", "moment"):  # the latter last: it is what makes a checkpoint of the two
                    if suffix == "moment" or nearest in self._memories:
                        path = self._path(nearest, suffix)
                        try:
                            os.link(path, folder / path.name)
                        except OSError:  # a file system without links
                            shutil.copyfile(path, folder / path.name)
            except OSError as error:
                raise CheckpointError("the server's disk takes no further moment: end another run first") from error
            return nearest

    def _nearest(self, evaluation: int) -> int:
        kept = self.evaluations
        if not kept:
            raise CheckpointError("no moment of this run is kept: there is none to go back to")
        return max((other for other in kept if other <= evaluation), default=kept[0])

    def newest(self) -> dict[str, Any] | None:
        """The newest snapshot that can be read; None where there is none. Damaged ones are set aside beside it."""
        while (kept := self.evaluations) != []:
            try:
                return self.load(kept[-1])
            except CheckpointError:
                logger.warning("the checkpoint at evaluation %d is damaged: the one before is taken", kept[-1])
                with self._lock:
                    self.damaged += 1
                    damaged = self._path(kept[-1], "moment")
                    with suppress(OSError):
                        damaged.replace(damaged.with_suffix(".damaged"))
                    self._forget(kept[-1])
        return None

    def _read(self, evaluation: int, suffix: str) -> Any:
        path = self._path(evaluation, suffix)
        try:
            with zipfile.ZipFile(path) as archive:  # torch itself does not look at the checksums
                if archive.testzip() is not None:
                    raise CheckpointError(DAMAGED)
            # Tensors and plain data alone, whatever the file says: nothing in it is ever run.
            return torch.load(path, map_location="cpu", weights_only=True)
        except (
            OSError,
            RuntimeError,
            ValueError,
            EOFError,
            KeyError,
            zipfile.BadZipFile,
            pickle.UnpicklingError,
        ) as error:
            raise CheckpointError(DAMAGED) from error


DAMAGED = "that moment's file is damaged or was written by something else: go back to another moment"


def _bytes(value: Any) -> int:
    """Of all tensors in a nested structure."""
    if isinstance(value, torch.Tensor):
        return value.nbytes
    if isinstance(value, dict):
        return sum(map(_bytes, value.values()))
    return sum(map(_bytes, value)) if isinstance(value, (list, tuple)) else 0


def branched(snapshot: Mapping[str, Any], changes: Mapping[str, Any]) -> Recipe:
    """The settings that a run goes on with when it branches off at a snapshot with changed live settings.

    The changes themselves reach the restored run as a person's do, by `control.change(changes)` before its first
    evaluation, so that they stand in the journal and the finished recipe re-runs to the same bits.

    Raises:
        RecipeError: a setting that cannot change while a run goes on, or a value that it cannot have.
    """
    fixed = next((key for key in changes if key not in live_settings(Recipe)), None)
    if fixed is not None:
        raise RecipeError(f"{settled_at_start(fixed)}: start a new run to change it")
    before = Recipe.model_validate_json(snapshot["recipe"])
    return before.changed({**changes, "plan": before.plan, "journal": before.journal})
