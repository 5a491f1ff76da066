"""What `stylize` writes while it paints: a picture after every iteration, and the curve as CSV.

Called by stylize.py. Each is written as soon as it is there, so that what is painted so far remains when a run fails.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from playground.cli.common import check_file_path
from playground.engine.frame_files import NAMES, FrameFiles
from playground.engine.frames import Frame
from playground.errors import PlaygroundError
from playground.recipe.model import Recipe

TERMS = ("content", "style", "neighbours", "variation")


class _Rows:
    """A table in a file, every row of which is there as soon as it is written.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: Path, columns: list[str]) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.DictWriter(self._file, columns, restval="", extrasaction="ignore")
        self._rows.writeheader()

    def write(self, row: dict[str, Any]) -> None:
        self._rows.writerow(row)
        self._file.flush()

    def close(self) -> None:
        with suppress(OSError):  # what could not be written before cannot now
            self._file.close()


def check_folder(folder: Path) -> None:
    """Refuse a folder for pictures that cannot be written or made, or that has another run's; nothing is made yet.

    Raises:
        PlaygroundError: so it is.
    """
    there = next((path for path in (folder, *folder.absolute().parents) if path.exists()), folder)
    if not there.is_dir():
        raise PlaygroundError(f"{str(there)!r} is a file, and the frames go into a folder: choose another one")
    if not os.access(there, os.W_OK):
        what = "cannot be written" if there == folder else f"cannot be made inside {str(there)!r}"
        raise PlaygroundError(f"the folder {str(folder)!r} for the frames {what}: choose another one")
    if there == folder and (others := sorted(path.name for path in folder.glob(NAMES))):
        raise PlaygroundError(
            f"the folder {str(folder)!r} has another run's pictures ({others[0]}), which these would mix with: "
            "choose another one, or empty it"
        )


class Recording:
    """Follows a run's frames.

    Args:
        recipe: as the run starts; of its journal, weights that changed on the way are divided by as they were then.
        frames: a folder for pictures; it is made when the run begins, where it is missing.
        every: iterations from one picture to the next.
        curve: a file for the numbers.

    Attributes:
        trouble: what was wrong when it could not be written any more, in one sentence; the run itself goes on.
        rounds: what L-BFGS said of each of its rounds, as plain data.

    Raises:
        PlaygroundError: the folder or the file cannot be written.
    """

    def __init__(self, recipe: Recipe, frames: Path | None, every: int, curve: Path | None) -> None:
        if frames is not None:
            check_folder(frames)
        if curve is not None:
            check_file_path(curve, ".csv")
        self._files = FrameFiles(frames, every) if frames is not None else None
        self.curve, self.every = curve, every
        self.rounds = list[dict[str, Any]]()
        self._recipes = [(0, recipe)]
        for change in recipe.journal:
            weighted = self._recipes[-1][1].model_copy(update={change.key: change.value})
            self._recipes.append((change.evaluation, weighted))
        self.trouble = ""

    @property
    def pictures_every(self) -> int | None:
        """How often the run is to show its picture for the sake of this recording."""
        return self.every if self._files is not None else None

    def of(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """The same frames, recorded on their way."""
        with ExitStack() as files:
            with self._told(0):
                if self._files is not None:
                    self._files.folder.mkdir(parents=True, exist_ok=True)
            rows = self._begin(files)
            for frame in frames:
                with self._told(frame.evaluations):
                    if rows is not None and frame.losses and frame.result is None and not self.trouble:
                        rows.write(self._row(frame))
                    if self._files is not None and not self.trouble:
                        self._files.add(frame)
                if frame.round is not None:
                    self.rounds.append(asdict(frame.round))
                yield frame

    def _begin(self, files: ExitStack) -> _Rows | None:
        with self._told(0):
            if self.curve is not None:
                return files.enter_context(closing(_Rows(self.curve, self._columns())))
        return None

    @contextmanager
    def _told(self, evaluation: int) -> Iterator[None]:
        """What cannot be written ends the recording, and not what is recorded."""
        try:
            yield
        except OSError as error:
            self.trouble = (
                f"the recording ends at evaluation {evaluation} ({error.strerror or error}), and the picture was painted to its "
                "end: free some space, or choose another folder"
            )

    def _columns(self) -> list[str]:
        layers = dict.fromkeys(
            f"{kind}:{name}"
            for _, recipe in self._recipes
            for kind in recipe.layered
            for name in recipe.active_layers(kind)
        )
        losses = [*TERMS, "total", *layers]
        pulls = [f"pull {term}" for term in TERMS]
        return [
            "step",
            "evaluations",
            "seconds",
            "size",
            *losses,
            *(f"unweighted {name}" for name in (*layers, *TERMS[-2:])),
            *pulls,
        ]

    def _row(self, frame: Frame) -> dict[str, Any]:
        recipe = next(recipe for before, recipe in reversed(self._recipes) if frame.evaluations > before or before == 0)
        row: dict[str, Any] = {"step": frame.step, "evaluations": frame.evaluations, "seconds": frame.seconds}
        row |= {"size": max(frame.size), **frame.layers, **frame.losses}
        for name, loss in frame.layers.items():
            kind, _, layer = name.partition(":")
            weight = getattr(recipe, f"{kind}_weight") * (getattr(recipe, f"{kind}_layers")[layer] if layer else 1)
            row[f"unweighted {name}"] = loss / weight
        return row | {f"pull {term}": fraction for term, fraction in (frame.shares or {}).items()}
