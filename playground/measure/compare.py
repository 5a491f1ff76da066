"""The same pair through every method, one after the other: pixels, the photorealistic network, a feed-forward network.

Called by the command line and the page; one evaluator measures all of them.
"""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from PIL import Image

from playground.engine.control import Control
from playground.engine.run import Run, check_pictures
from playground.errors import PlaygroundError
from playground.feedforward.apply import Stylizer, stylize_picture
from playground.feedforward.model import load_model, shipped_styles
from playground.images.convert import resize_picture
from playground.measure.distances import distances, photorealism
from playground.measure.judge import judged
from playground.measure.sheet import Entry
from playground.networks.vgg import load_network
from playground.recipe.base import DEFAULT_NETWORK
from playground.recipe.presets import load_preset
from playground.system.memory import held_megabytes
from playground.system.progress import Report

RUNS = {"pixels": "default", "network": "hrnet-photorealistic"}
"""Methods that are optimised for the pair, and the preset of each."""


def matching_model(style: Image.Image) -> str | None:
    """The shipped style that was trained on this very picture (clean RGB); None where there is none."""
    wanted = hashlib.sha256(np.asarray(style).tobytes()).hexdigest()
    return next((name for name in shipped_styles() if load_model(name).card.style_sha256 == wanted), None)


def compare(
    content: Image.Image, style: Image.Image, size: int = 256, seconds: float = 60.0, model: str | None = None,
    device: str = "cpu", control: Control | None = None, report: Report | None = None,
) -> Iterator[Entry]:  # fmt: skip
    """The pair through every method, each as soon as it is done, the fastest first.

    Args:
        content, style: clean RGB pictures.
        size: long side of the results in pixels.
        seconds: how long each optimised method may take at most.
        model: the trained network to use; None takes the one that was trained on `style`, if there is one.
        control: stops between frames; what was begun is finished with its best picture.
        report: called with a sentence and the fraction that is done.

    Raises:
        PlaygroundError: a picture, the model or the network cannot be used.
    """
    check_pictures(content, size)
    network = load_network(DEFAULT_NETWORK, device)
    model = model or matching_model(style)

    def entry(method: str, label: str, picture: Image.Image, took: float, memory: float | None) -> Entry:
        near = {**distances(content, style, picture, network), **photorealism(content, picture)}
        near |= judged(content, style, picture)
        return Entry(method, label, picture, took, memory, **near)

    if model is not None:
        stylizer = Stylizer(load_model(model), device)
        small = resize_picture(content, size)
        with peak_memory(device) as memory:
            started = time.perf_counter()
            result = stylize_picture(stylizer, small).result
            took = time.perf_counter() - started
        yield entry("instant", stylizer.title, result, took, memory.mb)
    for method, preset in RUNS.items():
        recipe = load_preset(preset).changed({"size": size, "seconds": seconds})
        with peak_memory(device) as memory:
            for frame in Run(content, style, recipe, network, control).frames():
                if report:
                    done = max(frame.seconds / seconds, frame.step / max(1, frame.steps))
                    report(f"{preset}: step {frame.step} of {frame.steps}", min(1.0, done))
        if frame.result is None:
            raise PlaygroundError(f"{preset} ended without a picture")
        yield entry(method, preset, frame.result.picture, frame.result.seconds, memory.mb)


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
