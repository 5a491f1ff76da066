"""What a cell leaves, and where it is kept so that nobody has to paint the same twice.

Called by run_here.py and cluster.py. Equal recipes on equal pictures give equal bits on the same kind of machine, so that a
kept cell is as good as a new one; what the bits depend on besides is part of its name.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from playground.errors import PlaygroundError
from playground.images.load import load_picture, read_recipe_text
from playground.images.save import encode_picture
from playground.recipe.model import Recipe
from playground.recipe.parse import parse_recipe
from playground.system.device import processor_name
from playground.system.files import read_kept, whole_file

KEPT_MB = 300.0  # of cells on the disk
KEPT_CELLS = 400  # in memory


@dataclass(frozen=True)
class Machine:
    """What the bits of a picture depend on besides pictures and recipe, which states the arithmetic.

    Attributes:
        device: "cpu", "cuda" or "mps".
        threads: that one operation is spread over.
        processor: its name.
    """

    device: str
    threads: int
    processor: str


def this_machine(device: str = "cpu") -> Machine:
    """What a picture painted in this process depends on."""
    name = torch.cuda.get_device_name() if device == "cuda" else processor_name()
    return Machine(device, torch.get_num_threads(), name)


@dataclass(frozen=True)
class CellResult:
    """What one cell has left, as plain data and a picture.

    Attributes:
        recipe: that re-runs to the picture's bits.
        losses: weighted, of the picture: {content, style, variation, total}.
        distances: of the picture to both originals; see `measured` in run_here.py.
        curve: [evaluations, total] of its way.
        seconds: of its own work on the device.
        cached: whether it was painted before.
        where: "here", or the name of the machine that painted it.
    """

    picture: Image.Image
    recipe: Recipe
    losses: dict[str, float]
    distances: dict[str, float]
    curve: list[tuple[int, float]]
    seconds: float
    machine: Machine
    cached: bool = False
    where: str = "here"
    notes: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """All but picture and recipe, which are one file."""
        data = {key: value for key, value in vars(self).items() if key not in ("picture", "recipe", "cached")}
        return {**data, "machine": asdict(self.machine)}


def cell_key(recipe: Recipe, pictures: Sequence[Image.Image], weights: str, machine: Machine) -> str:
    """A cell's name: the hash of its recipe, its pictures, its network's weights, and what else its bits depend on.

    Args:
        pictures: clean RGB: content image and style image.
        weights: what identifies the network's weights, such as their hash.
    """
    stated = recipe.model_dump(mode="json", exclude={"preset", "numbers", "measured_against", "preview_rate"})
    found = hashlib.sha256(json.dumps([stated, weights, asdict(machine)], sort_keys=True).encode())
    for picture in pictures:
        found.update(f"{picture.size}".encode())
        found.update(picture.convert("RGB").tobytes())
    return found.hexdigest()


class CellCache:
    """Cells that were painted, the last used the longest; in memory, and on the disk where there is a folder.

    Several may look for the same cell at once: who claims it paints it, the others find it a little later. Thread-safe.

    Args:
        folder: where cells outlive the process; made when the first is kept.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._kept: OrderedDict[str, CellResult] = OrderedDict()
        self._claimed: set[str] = set()
        self._lock = threading.Lock()

    def get(self, key: str) -> CellResult | None:
        """A kept cell; one whose file is damaged counts as none."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return replace(found, cached=True)
        return self._read(key)

    def put(self, key: str, result: CellResult) -> None:
        """Keep a cell; a disk that takes nothing is not waited for."""
        with self._lock:
            self._kept[key] = result
            self._kept.move_to_end(key)
            self._claimed.discard(key)
            while len(self._kept) > KEPT_CELLS:
                self._kept.popitem(last=False)
        if self.folder is not None:
            with suppress(OSError):
                self._write(key, result)

    def claim(self, key: str) -> bool:
        """Whether a cell that is not there is the caller's to paint; if so, `put` or `release` must follow."""
        with self._lock:
            if key in self._claimed:
                return False
            self._claimed.add(key)
            return True

    def release(self, key: str) -> None:
        """A claimed cell will not be painted after all."""
        with self._lock:
            self._claimed.discard(key)

    def _write(self, key: str, result: CellResult) -> None:
        assert self.folder is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        with whole_file(self.folder / f"{key}.png", durable=False) as unfinished:
            unfinished.write_bytes(encode_picture(result.picture, "png", result.recipe.to_json()))
        with whole_file(self.folder / f"{key}.json", durable=False) as unfinished:
            unfinished.write_text(json.dumps(result.plain()), "utf-8")
        self._tidy()

    def _tidy(self) -> None:
        """Delete the files that were used longest ago, until what is left fits."""
        assert self.folder is not None
        files = sorted(self.folder.glob("*.*"), key=lambda path: path.stat().st_mtime, reverse=True)
        size = 0.0
        for path in files:
            size += path.stat().st_size / 1e6
            if size > KEPT_MB:
                path.unlink(missing_ok=True)

    def _read(self, key: str) -> CellResult | None:
        if self.folder is None:
            return None
        picture, about = self.folder / f"{key}.png", self.folder / f"{key}.json"
        try:
            data = read_kept(about)
            data |= {"machine": Machine(**data["machine"]), "curve": [tuple(point) for point in data["curve"]]}
            recipe = parse_recipe(read_recipe_text(picture) or "")
            os.utime(picture)
            os.utime(about)
            return CellResult(picture=load_picture(picture), recipe=recipe, cached=True, **data)
        except (OSError, ValueError, KeyError, TypeError, PlaygroundError):
            return None
