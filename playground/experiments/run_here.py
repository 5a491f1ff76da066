"""Running an experiment in this process: cells in fair turns, five evaluations each, so that a sheet grows together; or one
after another, so that a stop loses the last of them alone.

Called by the command line and the page, which give the turn on the device and the cache. It must never know where these
come from.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from playground.engine.control import Control, MemoryControl
from playground.engine.frames import Frame
from playground.engine.run import Run, check_pictures
from playground.experiments.experiment import Cell
from playground.experiments.results import CellCache, CellResult, Machine, cell_key, this_machine
from playground.measure.distances import distances, photorealism
from playground.networks.arithmetic_choice import settled
from playground.networks.vgg import Vgg

EVALUATIONS_A_TURN = 5
WAIT_SECONDS = 0.1  # between two looks for a cell that somebody else is painting
AT_ONCE = 12  # cells that are held in memory together

Pair = tuple[Image.Image, Image.Image]
Networks = Callable[[str], Vgg]


@dataclass
class CellWork:
    """One cell on its way.

    Attributes:
        index: of the cell in its experiment.
        picture: the latest preview, H×W×3 uint8.
        done: the share that is done, 0 to 1.
        curve: [evaluations, total] so far.
        result: when it has ended.
    """

    index: int
    cell: Cell
    pair: Pair
    key: str
    picture: np.ndarray | None = None
    done: float = 0.0
    curve: list[tuple[int, float]] = field(default_factory=list)
    result: CellResult | None = None
    seconds: float = 0.0
    frames: Iterator[Frame] | None = None


class _Quiet(MemoryControl):
    """What a cell's run sees of a caller's control: its turns, and nothing that would change the cell."""

    def __init__(self, control: Control) -> None:
        super().__init__(control.turn())


def works(cells: Sequence[Cell], pairs: Sequence[Pair], networks: Networks, machine: Machine) -> list[CellWork]:
    """Cells on pairs of pictures, each with the name by which it is kept.

    Args:
        pairs: clean RGB content and style images, one for each cell or one for all.

    Raises:
        PlaygroundError: a picture would be too small for the network.
    """
    found = []
    for index, cell in enumerate(cells):
        pair = pairs[index] if len(pairs) > 1 else pairs[0]
        check_pictures(pair[0], cell.recipe.size)
        cell = replace(cell, recipe=settled(cell.recipe, machine.device)[0])  # so that its name says the arithmetic
        found.append(
            CellWork(index, cell, pair, cell_key(cell.recipe, pair, weights_of(networks(cell.recipe.network)), machine))
        )
    return found


def weights_of(network: Vgg) -> str:
    """What identifies a network's weights; a file of the same name may have been replaced by another."""
    kernels = list(network.kernels.values())
    sums = [float(kernel.double().abs().sum()) for kernel in (kernels[0], kernels[-1])]
    return f"{network.network.name} {sums[0]:.12e} {sums[1]:.12e}"


def run_here(
    cells: Sequence[Cell], pairs: Sequence[Pair], networks: Networks, *, device: str = "cpu",
    control: Control | None = None, cache: CellCache | None = None, fresh: bool = False, at_once: int = AT_ONCE,
) -> Iterator[CellWork]:  # fmt: skip
    """Run cells and yield each whenever it has news: a preview, or its result. Waits while `control` is paused, and ends early
    when it is stopped.

    Args:
        pairs: clean RGB content and style images, one for each cell or one for all.
        networks: gives the network of a name, on the device.
        control: its turn is what all work on the device is done in.
        cache: where cells are looked for and kept.
        fresh: paint them all anew.
        at_once: cells that are under way together. One after another, a stop leaves every finished one behind; in turns, a
            sheet grows as a whole.

    Raises:
        PlaygroundError: a recipe fits neither its network nor its pictures.
    """
    control, cache = control or MemoryControl(), cache or CellCache()
    machine = this_machine(device)
    waiting = works(cells, pairs, networks, machine)
    running: list[CellWork] = []
    claimed: set[str] = set()
    try:
        while (waiting or running) and not control.read().stopped:
            if control.read().paused:  # what is begun is kept, but nobody else waits for it meanwhile
                for work in running:
                    cache.release(work.key)
                waiting, running, claimed = sorted((*running, *waiting), key=lambda work: work.index), [], set()
                control.wait(WAIT_SECONDS)
                continue
            news = False
            for work in list(waiting):
                found = None if fresh else cache.get(work.key)
                if found is not None:
                    waiting.remove(work)
                    work.result, work.done, work.curve, work.frames = found, 1.0, found.curve, None
                    news = True
                    yield work
                elif len(running) < at_once and cache.claim(work.key):
                    claimed.add(work.key)
                    waiting.remove(work)
                    running.append(work)
            for work in list(running):
                if control.read().stopped or control.read().paused:
                    break
                _take_turn(work, networks, control, machine)
                news = True
                if work.result is not None:
                    running.remove(work)
                    cache.put(work.key, work.result)
                    claimed.discard(work.key)
                yield work
            if not news:
                control.wait(WAIT_SECONDS)
    finally:
        for key in claimed:
            cache.release(key)


def _take_turn(work: CellWork, networks: Networks, control: Control, machine: Machine) -> None:
    """Five evaluations of one cell, or its end."""
    network = networks(work.cell.recipe.network)
    started = time.perf_counter()
    if work.frames is None:
        run = control.turn().do(partial(Run, *work.pair, work.cell.recipe, network, _Quiet(control)))
        work.frames = run.frames()
    frame: Frame | None = None
    for _ in range(EVALUATIONS_A_TURN):
        frame = next(work.frames)
        if frame.losses and frame.result is None:
            work.curve.append((frame.evaluations, frame.losses["total"]))
        if frame.picture is not None:
            work.picture = frame.picture
        if frame.result is not None:
            break
    assert frame is not None
    work.seconds += time.perf_counter() - started
    work.done = min(1.0, frame.step / max(1, frame.steps))
    if frame.result is not None:
        result = frame.result
        near = control.turn().do(partial(measured, *work.pair, result.picture, network))
        work.done, work.frames = 1.0, None
        work.result = CellResult(
            picture=result.picture, recipe=result.recipe, losses=result.losses, distances=near, curve=work.curve,
            seconds=work.seconds, machine=machine, notes=[frame.note] if frame.note else [],
        )  # fmt: skip


def measured(content: Image.Image, style: Image.Image, picture: Image.Image, network: Vgg) -> dict[str, float]:
    """How a cell's picture stands to both originals.

    Returns:
        content, style, structure, edges: as measure/distances.py has them.
        photo: correlation of its luminance with the content image's, 1 for the same picture.
        a, b: means in CIE Lab of its colours, from green (−) to red and from blue (−) to yellow.
    """
    from skimage.color import rgb2lab

    at_size = content.resize(picture.size, Image.Resampling.LANCZOS)
    light, first = (np.asarray(one.convert("L"), dtype=np.float64).ravel() for one in (picture, at_size))
    with np.errstate(invalid="ignore"):
        kept = float(np.nan_to_num(np.corrcoef(first, light)[0, 1]))
    _, a, b = rgb2lab(np.asarray(picture, dtype=np.float64) / 255).mean((0, 1))
    return {
        **distances(content, style, picture, network),
        **photorealism(content, picture),
        "photo": kept,
        "a": float(a),
        "b": float(b),
    }


def plain_row(work: CellWork) -> dict[str, Any]:
    """A cell as `grid --json` tells it, but for its file."""
    result = work.result
    assert result is not None
    return {
        "settings": work.cell.settings, "labels": list(work.cell.labels), "losses": result.losses,
        "distances": result.distances, "seconds": result.seconds, "cached": result.cached, "where": result.where,
        "threads": result.machine.threads, "arithmetic": result.recipe.arithmetic,
        "processor": result.machine.processor,
    }  # fmt: skip
