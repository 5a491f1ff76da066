"""Four regions against one painting, in time and memory: `python -m benchmarks.regions`.

All variants are runs of one process that take turns, some steps each, so that what else the machine does meets all of them.
Peak memory is that of a process for each variant.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Annotated

import numpy as np
import typer
from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage import data

import playground
from playground.engine.frames import Frame
from playground.images.regions import encode_labels
from playground.recipe.model import Recipe
from playground.system.memory import peak_megabytes
from playground.web.components.pictures import styles

VARIANTS = ("one", "four", "soft")
WARMING = 4  # turns that are not counted


def recipe_for(variant: str, arithmetic: str, size: int, iterations: int) -> Recipe:
    """`default` at one scale for a variant: "one" painting, "four" regions with sharp borders, or with "soft" ones."""
    settings = {"size": size, "iterations": iterations, "scales": 1, "first_light": False, "arithmetic": arithmetic}
    if variant != "one":
        quarters = np.ones((384, 384), np.uint8)
        quarters[:192, 192:], quarters[192:, :192], quarters[192:, 192:] = 2, 3, 4
        settings["regions"] = encode_labels(quarters)
    if variant == "soft":
        settings["region_softness"] = 0.05
    return playground.load_preset("default").changed(settings)


def run_of(variant: str, arithmetic: str, size: int, iterations: int) -> Iterator[Frame]:
    """The frames of a run on the astronaut, in the playground's own paintings."""
    given = [sample.picture() for sample in styles()[: 1 if variant == "one" else 4]]
    photo = Image.fromarray(data.astronaut())
    return playground.stylize(photo, given, recipe_for(variant, arithmetic, size, iterations), device="cpu")


def seconds_of_steps(arithmetic: str, size: int, turns: int) -> dict[str, float]:
    """Median seconds of an evaluation of each variant, an evaluation of each in turn."""
    runs = {variant: run_of(variant, arithmetic, size, 10 * turns) for variant in VARIANTS}
    done, times = dict.fromkeys(VARIANTS, 0), {variant: list[float]() for variant in VARIANTS}
    for _ in range(WARMING + turns):
        for variant, frames in runs.items():
            before, started = done[variant], time.perf_counter()
            while done[variant] <= before:
                done[variant] = next(frames).evaluations
            times[variant].append((time.perf_counter() - started) / (done[variant] - before))
    return {variant: statistics.median(each[WARMING:]) for variant, each in times.items()}


def peak_of(variant: str, arithmetic: str, size: int) -> float:
    """Peak resident MiB of a process that makes a few iterations."""
    command = [sys.executable, "-m", "benchmarks.regions", "--size", str(size), "--only", f"{variant}:{arithmetic}"]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(
    size: Annotated[int, typer.Option(help="Long side in pixels.")] = 384,
    turns: Annotated[int, typer.Option(min=1, help="Evaluations of each that are counted.")] = 20,
    only: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Print a table: seconds of an evaluation and peak memory, and their ratios to one painting."""
    if only is not None:
        variant, arithmetic = only.split(":")
        for _ in run_of(variant, arithmetic, size, 3):
            pass
        print(peak_megabytes("cpu"))
        return
    table = Table("arithmetic", "variant", "s an evaluation", "ratio", "peak MiB", "ratio")
    for arithmetic in ("direct", "bfloat16"):
        seconds = seconds_of_steps(arithmetic, size, turns)
        peaks = {variant: peak_of(variant, arithmetic, size) for variant in VARIANTS}
        for variant in VARIANTS:
            table.add_row(
                arithmetic, variant, f"{seconds[variant]:.3f}", f"{seconds[variant] / seconds['one']:.2f}",
                f"{peaks[variant]:.0f}", f"{peaks[variant] / peaks['one']:.2f}",
            )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
