"""The previews of a run on its way: small JPEG files, few enough and spread evenly over it.

A worker of service/ adds them, the page's time machine looks at them, timelapse.py makes a film of them. They know nothing of
the run itself, only evaluations and pictures.
"""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

MAX_PREVIEWS = 96
PREVIEW_SIZE = 512  # long side in pixels: 96 of them take about 6 MB

logger = logging.getLogger(__name__)


def least_missed(places: Sequence[float]) -> int:
    """The index of what to drop from an ascending series so that it stays as even as can be: never the first or last."""
    gaps = [after - before for before, after in zip(places[:-2], places[2:], strict=True)]
    return 1 + gaps.index(min(gaps))


@dataclass(frozen=True)
class Preview:
    """One preview, after `evaluation` evaluations and `seconds` of painting, as a JPEG file's bytes."""

    evaluation: int
    seconds: float
    jpeg: bytes

    @property
    def picture(self) -> Image.Image:
        return Image.open(io.BytesIO(self.jpeg), formats=["JPEG"]).convert("RGB")


class Previews:
    """The previews of a run, at most `MAX_PREVIEWS`, spread evenly over it; the first and the last always stay.

    May be read while it grows.

    Args:
        folder: where the frames lie for after a restart, those already there included; None keeps them in memory alone.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._frames: list[Preview] = []
        self.folder = folder
        for path in sorted(folder.glob("*-*.jpg")) if folder else []:
            try:
                evaluation, _, tenths = path.stem.partition("-")
                frame = Preview(int(evaluation), int(tenths) / 10, path.read_bytes())
                frame.picture.load()
                self._frames.append(frame)
            except (OSError, ValueError):
                logger.info("a damaged frame of a previews was left out")

    def add(self, picture: np.ndarray, evaluation: int, seconds: float) -> None:
        """Take over a preview, H×W×3 uint8; one of an evaluation that the previews has already takes its place."""
        small, data = Image.fromarray(picture), io.BytesIO()
        small.thumbnail((PREVIEW_SIZE, PREVIEW_SIZE), reducing_gap=2)
        small.save(data, "JPEG", quality=85)
        self._take(Preview(evaluation, seconds, data.getvalue()))

    def _take(self, frame: Preview) -> None:
        with self._lock:
            gone = [old for old in self._frames if old.evaluation >= frame.evaluation]
            self._frames = [old for old in self._frames if old.evaluation < frame.evaluation] + [frame]
            if len(self._frames) > MAX_PREVIEWS:
                gone.append(self._frames.pop(least_missed([old.evaluation for old in self._frames])))
        if self.folder:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                for old in gone:
                    self._path(self.folder, old).unlink(missing_ok=True)
                self._path(self.folder, frame).write_bytes(frame.jpeg)
            except OSError:  # the checkpoints say that the disk is full; the previews goes on in memory
                self.folder = None

    @staticmethod
    def _path(folder: Path, frame: Preview) -> Path:
        return folder / f"{frame.evaluation:09d}-{frame.seconds * 10:.0f}.jpg"

    def branch(self, evaluation: int, folder: Path | None = None) -> Previews:
        """The previews of a run that leaves this one at an evaluation: it begins alike."""
        previews = Previews(folder)
        for frame in self.frames:
            if frame.evaluation <= evaluation:
                previews._take(frame)
        return previews

    @property
    def frames(self) -> list[Preview]:
        """All frames, oldest first."""
        with self._lock:
            return list(self._frames)

    def at(self, evaluation: int) -> Preview | None:
        """The latest frame at or before an evaluation, else the first; None while there is none."""
        frames = self.frames
        return next(
            (frame for frame in reversed(frames) if frame.evaluation <= evaluation), frames[0] if frames else None
        )
