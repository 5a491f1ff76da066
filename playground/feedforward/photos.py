"""Photographs to train on: any folder of pictures as an endless, repeatable stream of square crops.

Which photo and which crop stands at which position of the stream follows from the seed alone, so a training can go on
anywhere in it, and several processes can share it. Called by training.py.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from playground.errors import PlaygroundError
from playground.images.convert import to_tensor
from playground.images.load import PictureError, load_picture, read_recipe_text
from playground.system.progress import Report

BUNDLED = "scikit-image"  # in place of a folder: the photographs that the package carries
MIN_PHOTOS = 2000  # photographs below which a network tends to learn them by heart
DECODED = 200  # up to so many files are decoded to be checked; of more, only the headers are read
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".jfif"})
FLAT = 0.01  # standard deviation of unit values below which a crop is one flat colour: instance normalisation then has
# nothing to divide by, and the gradient grows at each layer until it is no number
MAX_FLAT = 5  # flat crops in a row that are passed over; then one is taken after all
MARGIN = 1.15  # the short side before a crop, in crops: the source's 294 px to 256


class Photos:
    """The usable photographs of a folder, nested or flat, in the order of their paths.

    Args:
        folder: of pictures, or `BUNDLED`.
        report: called with a sentence and the fraction that is checked.

    Attributes:
        sources: paths (or arrays, of the bundled ones).
        broken: files that look like pictures but cannot be read, as paths inside the folder.

    Raises:
        PlaygroundError: no folder, or nothing in it that can be used.
    """

    def __init__(self, folder: str | Path, report: Report | None = None) -> None:
        self.folder = str(folder)
        self.sources: list[Path | np.ndarray] = []
        self.broken: list[str] = []
        if self.folder == BUNDLED:
            self.sources += bundled_photographs()
            return
        root = Path(folder)
        if not root.is_dir():
            raise PlaygroundError(f"there is no folder {self.folder!r} with photographs: check the path of --photos")
        files = sorted(path for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))
        for number, path in enumerate(files):
            if report:
                report(f"looking at photograph {number + 1} of {len(files)}", number / len(files))
            try:
                if len(files) > DECODED:
                    read_recipe_text(path)  # reads the header only
                else:
                    load_picture(path)
                self.sources.append(path)
            except PictureError:
                if path.suffix.lower() in PICTURE_SUFFIXES:
                    self.broken.append(str(path.relative_to(root)))
        if not self.sources:
            broken = f", only {len(self.broken)} broken ones" if self.broken else ""
            raise PlaygroundError(f"the folder {self.folder!r} holds no photograph that can be read{broken}")

    def __len__(self) -> int:
        return len(self.sources)

    def warning(self, samples: int) -> str | None:
        """What to tell when there are few photographs for a training that looks at `samples` crops; else None."""
        if len(self) >= MIN_PHOTOS:
            return None
        return (
            f"{len(self)} photographs are few (2,000 to 10,000 are usual): each is seen {samples / len(self):.0f} "
            "times, and the network may do worse on other pictures"
        )


def bundled_photographs() -> list[np.ndarray]:
    """The photographs inside the scikit-image package, openly licensed, as H×W×3 uint8."""
    from skimage import data

    return [data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), data.stereo_motorcycle()[0]]


class Crops(Dataset[tuple[Tensor, str]]):
    """The crop at a position of the stream as unit RGB 3×S×S, and the name of a file that broke on the way, or "".

    Args:
        photos: at least one.
        size: side of the crops in pixels.
        seed: of order and crops.
        augment: mirror crops, vary their scale and light.
    """

    def __init__(self, photos: Photos, size: int, seed: int, augment: bool) -> None:
        self.photos, self.size, self.seed, self.augment = photos, size, seed, augment

    def __getitem__(self, position: int) -> tuple[Tensor, str]:
        count, broken, flat = len(self.photos), "", 0
        for attempt in range(count):  # a file that is broken inside is replaced by the next in line, a flat crop too
            place = position + attempt
            source = self.photos.sources[_order(count, self.seed, place // count)[place % count]]
            try:
                photo = load_picture(source)
            except PictureError:
                broken = str(source)
                continue
            crop = to_tensor(self._crop(photo, random.Random(f"{self.seed}:{position}")))[0]
            if float(crop.std((1, 2)).max()) >= FLAT or flat == MAX_FLAT or attempt == count - 1:
                return crop, broken
            flat += 1
        raise PlaygroundError("none of the photographs can be read any more: check the folder")

    def _crop(self, photo: Image.Image, chance: random.Random) -> Image.Image:
        zoom = chance.uniform(1.0, 2.0) if self.augment else MARGIN
        side = min(photo.size) / zoom
        left, top = chance.uniform(0, photo.width - side), chance.uniform(0, photo.height - side)
        crop = photo.resize(
            (self.size, self.size), Image.Resampling.LANCZOS, (left, top, left + side, top + side), reducing_gap=2
        )
        if self.augment:
            crop = ImageOps.mirror(crop) if chance.random() < 0.5 else crop
            for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
                crop = change(crop).enhance(chance.uniform(0.7, 1.3))
        return crop

    def batches(
        self, first: int, last: int, batch: int, rank: int, world: int, workers: int
    ) -> Iterator[tuple[Tensor, list[str]]]:
        """Batches N×3×S×S for the steps from `first` up to, not including, `last`.

        A step takes `batch`·`world` crops in the stream's order, of which process `rank` gets its part, so that
        several processes together see what one process with the larger batch sees.
        """
        steps = ([(step * world + rank) * batch + i for i in range(batch)] for step in range(first, last))
        loader = DataLoader(self, batch_sampler=_Steps(steps), num_workers=workers, collate_fn=_stack)
        yield from loader

    def samples(self, count: int) -> Tensor:
        """The `count` crops at the stream's start, as unit RGB; always the same, for before/after pictures."""
        return torch.stack([self[position][0] for position in range(count)])


class _Steps:
    """A batch sampler over steps that were worked out beforehand; DataLoader wants an object it can iterate."""

    def __init__(self, steps: Iterator[list[int]]) -> None:
        self.steps = steps

    def __iter__(self) -> Iterator[list[int]]:
        return self.steps


def _stack(items: Sequence[tuple[Tensor, str]]) -> tuple[Tensor, list[str]]:
    return torch.stack([crop for crop, _ in items]), [broken for _, broken in items if broken]


@lru_cache(maxsize=4)
def _order(count: int, seed: int, epoch: int) -> tuple[int, ...]:
    """Every photograph once, in an order of this epoch's own."""
    order = list(range(count))
    random.Random(f"{seed}:epoch:{epoch}").shuffle(order)
    return tuple(order)
