"""The pictures of a run, one after every iteration or every N-th, as PNG files in a folder; and all of them in a zip.

The command line (recording.py) and a worker of service/ add what a run shows. It knows nothing of the run but its frames.
"""

from __future__ import annotations

import threading
import zipfile
from contextlib import suppress
from pathlib import Path

from PIL import Image

from playground.engine.frames import Frame
from playground.system.files import whole_file

NAMES = "step-*.png"


class FrameFiles:
    """The files of one run, named by the step after which they were painted.

    Args:
        folder: made with the first picture where it is missing; pictures that are there already stay.
        every: iterations from one picture to the next.
        most_bytes: what they may take together; when it is reached, every second picture goes and `every` doubles.
    """

    def __init__(self, folder: Path, every: int = 1, most_bytes: int | None = None) -> None:
        self.folder, self.every, self.most_bytes = folder, every, most_bytes
        self._lock = threading.Lock()  # a page may pack them while the run goes on
        self._sizes = {_step(path): path.stat().st_size for path in sorted(folder.glob(NAMES)) if _step(path) >= 0}
        self._last = 0

    def __len__(self) -> int:
        return len(self._sizes)

    @property
    def bytes(self) -> int:
        """What they take together."""
        return sum(self._sizes.values())

    def add(self, frame: Frame) -> None:
        """Keep a frame's picture where it is the first after an iteration that is due.

        Raises:
            OSError: it cannot be written.
        """
        due = frame.step > self._last and frame.step % self.every == 0
        if frame.picture is None or frame.result is not None or not due:
            return
        self._last = frame.step
        with self._lock:
            self.folder.mkdir(exist_ok=True)
            path = self._path(frame.step)
            with whole_file(path, durable=False) as unfinished:
                Image.fromarray(frame.picture).save(unfinished, compress_level=1)
            self._sizes[frame.step] = path.stat().st_size
            while self.most_bytes is not None and self.bytes > self.most_bytes and len(self._sizes) > 1:
                self._thin()

    def _thin(self) -> None:
        self.every *= 2
        gone = [step for step in self._sizes if step % self.every]
        for step in gone or list(self._sizes)[:-1]:
            del self._sizes[step]
            with suppress(OSError):
                self._path(step).unlink()

    def zip_to(self, path: Path) -> None:
        """All of them in one file, in order.

        Raises:
            OSError: it cannot be written.
        """
        with self._lock, zipfile.ZipFile(path, "w") as archive:  # stored: a PNG file gets no smaller
            for step in sorted(self._sizes):
                archive.write(self._path(step), self._path(step).name)

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:06d}.png"


def _step(path: Path) -> int:
    """The step that a file is named by; -1 where it is another's."""
    number = path.stem.removeprefix("step-")
    return int(number) if number.isdecimal() else -1
