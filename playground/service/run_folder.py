"""How the folder of a run or a training is laid out on the disk, in names that earlier versions' runs have too.

store.py makes, fills and deletes such folders; checkpoints, previews and trainings are told by it where to write. Nobody
else puts the name of a file together. It knows no job and no server.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from playground.engine.checkpoints import Checkpoints
from playground.feedforward.checkpoint import Paths
from playground.images.load import load_picture
from playground.images.pictures import Pictures
from playground.system.files import UNFINISHED, whole_file

# Where thirty begin at once, all would else wait until the last one's are written: no run paints before it is kept.
WRITERS = threading.Semaphore(os.cpu_count() or 1)
PACKED_FROM = 2**20  # pixels; packing what is smaller takes longer than it saves place

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunFolder:
    """A run's or a training's folder; nothing is read or written until it is asked for.

    Attributes:
        path: of the folder, whose name tells nothing of what is in it.
    """

    path: Path

    @property
    def meta(self) -> Path:
        """Everything but the pictures, as JSON; where it is missing there is nothing to go on with."""
        return self.path / "meta.json"

    @property
    def checkpoints(self) -> Path:
        """The folder of a run's `Checkpoints`."""
        return self.path / "moments"

    @property
    def previews(self) -> Path:
        """The folder of a run's `Previews`."""
        return self.path / "film"

    @property
    def frames(self) -> Path:
        """The folder of a run's `FrameFiles`, where somebody wants them."""
        return self.path / "frames"

    @property
    def photos(self) -> Path:
        """The folder of a training's photographs, until it ends."""
        return self.path / "photos"

    @property
    def model(self) -> Path:
        """The network that a training makes."""
        return self.path / "model.safetensors"

    @property
    def training_state(self) -> Path:
        """All that a training needs to go on."""
        return Paths(self.model).state

    # ---------------------------------------------------------------- pictures

    def write_pictures(self, pictures: Pictures) -> None:
        """Keep a run's pictures.

        Raises:
            OSError: the disk takes nothing.
        """
        named = [(self._content, pictures.content)]
        named += [(self._style(number), style) for number, style in enumerate(pictures.styles)]
        with WRITERS:
            for path, picture in named:
                if picture is not None:
                    packed = int(picture.width * picture.height > PACKED_FROM)
                    with whole_file(path, durable=False) as unfinished:
                        picture.save(unfinished, compress_level=packed)

    def read_pictures(self, *, content: bool) -> Pictures:
        """The pictures as they were kept.

        Args:
            content: whether there must be a content image; a training has none.

        Raises:
            PlaygroundError: one is missing or damaged.
        """
        styles: list[Image.Image] = [load_picture(self._style(0))]
        while self._style(len(styles)).exists():
            styles.append(load_picture(self._style(len(styles))))
        return Pictures(load_picture(self._content) if content else None, tuple(styles))

    @property
    def _content(self) -> Path:
        return self.path / "content.png"

    def _style(self, number: int) -> Path:
        return self.path / ("style.png" if number == 0 else f"style-{number + 1}.png")

    # ---------------------------------------------------------------- its life

    @property
    def there(self) -> bool:
        """Whether nobody has deleted it, or half of it, while its run goes on."""
        return self.meta.exists() and self._style(0).exists()

    def make_anew(self, pictures: Pictures) -> None:
        """Make it once more, where somebody has deleted it while its run goes on.

        Raises:
            OSError: the disk takes nothing.
        """
        self.path.mkdir(mode=0o700, exist_ok=True)
        self.write_pictures(pictures)
        logger.warning("the folder %s was deleted while its run goes on: it has been made anew", self.path.name)

    def close(self) -> None:
        """Nobody goes on from here: only what can be looked at stays."""
        for path in (self.meta, *self.path.glob("*.png")):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def drop_photos(self) -> None:
        """A training has ended: its photographs go, and its state, several times the model's size."""
        shutil.rmtree(self.photos, ignore_errors=True)
        self.training_state.unlink(missing_ok=True)

    def drop_unfinished(self) -> None:
        """Delete what a kill in the middle of writing has left."""
        for path in self.path.rglob(UNFINISHED):
            path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    @property
    def reached(self) -> str:
        """How far it had come: a run's newest checkpoint, or the time of a training's state; empty before either."""
        evaluations = Checkpoints(self.checkpoints, 0).evaluations
        if evaluations:
            return str(evaluations[-1])
        with suppress(OSError):
            return f"state {self.training_state.stat().st_mtime_ns}"
        return ""

    @property
    def last_written(self) -> float:
        """When anything in it was last written, in seconds since the epoch."""
        return max(path.stat().st_mtime for path in (self.path, *self.path.rglob("*")))


def folder_bytes(folder: Path) -> int:
    """What all files below a folder take, whatever comes and goes meanwhile."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.stat(os.path.join(parent, name)).st_size
    return total
