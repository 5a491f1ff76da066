"""The same pair through every method, side by side: pixels, the photorealistic network, an instant style.

One evaluator measures all of them, and the sheet is a picture a teacher can project. Called by the command line and
the page.
"""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from playground.engine.control import Control
from playground.engine.run import Run, check_pictures
from playground.errors import PlaygroundError
from playground.feedforward.apply import Painter, paint
from playground.images.load import resize_picture
from playground.measure.distances import distances, photorealism
from playground.networks.transformer import load_model, shipped_styles
from playground.networks.vgg import load_network
from playground.recipe.model import DEFAULT_NETWORK, load_preset
from playground.system.memory import held_megabytes
from playground.system.progress import Report

RUNS = {"pixels": "default", "network": "hrnet-photorealistic"}
"""Methods that are optimised for the pair, and the preset of each."""


@dataclass(frozen=True)
class Entry:
    """One method's result.

    Attributes:
        method: "pixels", "network" or "instant".
        label: preset or model.
        picture: the result.
        seconds: of the loop or the pass alone.
        memory_mb: how far it raised the memory in use, at its peak, in MiB; None where that is not known.
        content, style: distances, structure, edges: what is left of the photo's drawing; see measures.py.
    """

    method: str
    label: str
    picture: Image.Image
    seconds: float
    memory_mb: float | None
    content: float
    style: float
    structure: float
    edges: float


def matching_model(style: Image.Image) -> str | None:
    """The shipped style that was trained on this very picture (clean RGB); None where there is none."""
    wanted = hashlib.sha256(np.asarray(style).tobytes()).hexdigest()
    return next((name for name in shipped_styles() if load_model(name).card.style_sha256 == wanted), None)


def compare(
    photo: Image.Image, style: Image.Image, size: int = 256, seconds: float = 60.0, model: str | None = None,
    device: str = "cpu", control: Control | None = None, report: Report | None = None,
) -> Iterator[Entry]:  # fmt: skip
    """The pair through every method, each as soon as it is done, the fastest first.

    Args:
        photo, style: clean RGB pictures.
        size: long side of the results in pixels.
        seconds: how long each optimised method may take at most.
        model: the trained network to use; None takes the one that was trained on `style`, if there is one.
        control: stops between frames; what was begun is finished with its best picture.
        report: called with a sentence and the share that is done.

    Raises:
        PlaygroundError: a picture, the model or the network cannot be used.
    """
    check_pictures(photo, size)
    network = load_network(DEFAULT_NETWORK, device)
    model = model or matching_model(style)

    def entry(method: str, label: str, picture: Image.Image, took: float, memory: float | None) -> Entry:
        near = {**distances(photo, style, picture, network), **photorealism(photo, picture)}
        return Entry(method, label, picture, took, memory, **near)

    if model is not None:
        painter = Painter(load_model(model), device)
        small = resize_picture(photo, size)
        with peak_memory(device) as memory:
            started = time.perf_counter()
            painted = paint(painter, small).painted
            took = time.perf_counter() - started
        yield entry("instant", painter.title, painted, took, memory.mb)
    for method, preset in RUNS.items():
        recipe = load_preset(preset).changed({"size": size, "seconds": seconds})
        with peak_memory(device) as memory:
            for frame in Run(photo, style, recipe, network, control).frames():
                if report:
                    share = max(frame.seconds / seconds, frame.step / max(1, frame.steps))
                    report(f"{preset}: step {frame.step} of {frame.steps}", min(1.0, share))
        if frame.result is None:
            raise PlaygroundError(f"{preset} ended without a picture")
        yield entry(method, preset, frame.result.picture, frame.result.seconds, memory.mb)


# ---- memory ---------------------------------------------------------------------------------------------------------


class _Peak:
    mb: float | None = None


@contextmanager
def peak_memory(device: str) -> Iterator[_Peak]:
    """Measures by how much the block raises the memory in use: the allocator's on CUDA, else the process's on Linux."""
    peak = _Peak()
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        yield peak
        peak.mb = (torch.cuda.max_memory_allocated() - before) / 2**20
        return
    if sys.platform != "linux":
        yield peak
        return
    before_mb, highest, over = held_megabytes() or 0.0, [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            highest[0] = max(highest[0], held_megabytes() or 0.0)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()
        peak.mb = max(0.0, max(highest[0], held_megabytes() or 0.0) - before_mb)


# ---- the sheet ------------------------------------------------------------------------------------------------------

_TITLES = {"pixels": "Pixels", "network": "Network", "instant": "Instant style"}
_MARGIN = 16


def sheet(photo: Image.Image, style: Image.Image, entries: list[Entry]) -> Image.Image:
    """Photo, painting and every result in one row, with what was measured beneath each."""
    height = max(entry.picture.height for entry in entries) if entries else 256
    columns: list[tuple[Image.Image, list[str]]] = [(photo, ["Photo"]), (style, ["Painting"])]
    for entry in entries:
        memory = f", {entry.memory_mb:.0f} MB" if entry.memory_mb is not None else ""
        digits = 1 if entry.seconds >= 1 else 2
        columns.append((entry.picture, [
            _TITLES[entry.method], entry.label, f"{entry.seconds:.{digits}f} s{memory}",
            f"content {entry.content:.2f}   style {entry.style:.2f}",
            f"structure {entry.structure:.2f}   edges {entry.edges:.2f}",
        ]))  # fmt: skip
    return board(columns, height)


def board(columns: Sequence[tuple[Image.Image, Sequence[str]]], height: int) -> Image.Image:
    """Pictures in one row, each `height` pixels high with its lines of text beneath, the first of them as its title."""
    pictures = [
        p.resize((max(1, round(p.width * height / p.height)), height), Image.Resampling.LANCZOS) for p, _ in columns
    ]
    font, large = ImageFont.load_default(size=15), ImageFont.load_default(size=19)
    widths = [
        max(p.width, *(round(font.getlength(line)) for line in lines))
        for p, (_, lines) in zip(pictures, columns, strict=True)
    ]
    drawn = Image.new(
        "RGB",
        (sum(widths) + _MARGIN * (len(widths) + 1), height + 30 + 22 * max(len(lines) for _, lines in columns)),
        "white",
    )
    draw, left = ImageDraw.Draw(drawn), _MARGIN
    for picture, (_, lines), width in zip(pictures, columns, widths, strict=True):
        drawn.paste(picture, (left, _MARGIN))
        for number, line in enumerate(lines):
            top = height + _MARGIN + 10 + number * 22
            draw.text(
                (left, top), line, fill="black" if number == 0 else "#444444", font=large if number == 0 else font
            )
        left += width + _MARGIN
    return drawn
