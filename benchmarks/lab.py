"""How soon the Lab answers, against what is promised: `python -m benchmarks.lab`.

Asked through the page's own handlers, in one process, without a browser: what a page adds is its way there and back.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import gradio as gr
import typer
from PIL import Image
from rich.console import Console
from rich.table import Table

from playground.experiments.lessons import find_lesson
from playground.experiments.results import CellCache
from playground.experiments.run_here import run_here
from playground.images.pictures import Pictures
from playground.lens.edits import EDITS
from playground.networks.vgg import load_network
from playground.recipe.model import Recipe
from playground.recipe.presets import load_preset
from playground.service.jobs import Jobs
from playground.web.components.pictures import photos, styles
from playground.web.lab import ears
from playground.web.studio.lenses import Lenses
from playground.web.studio.session import Session

LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")


Seconds = tuple[float, float]
"""Of the first answer, with whatever is read and measured once, and the median of the next ones."""


def timed(ask: Callable[[int], Any], times: int = 5) -> Seconds:
    found = []
    for turn in range(times + 1):
        started = time.perf_counter()
        ask(turn)
        found.append(time.perf_counter() - started)
    return found[0], statistics.median(found[1:])


def slowest(rows: Iterable[Seconds]) -> Seconds:
    firsts, later = zip(*rows, strict=True)
    return max(firsts), max(later)


def result_of(jobs: Jobs, size: int) -> Session:
    """A session that has painted two steps of `default`."""
    recipe = load_preset("default").changed({"size": size, "smallest": size // 2, "scales": 1, "iterations": 2})
    session = Session(Recipe())
    job = jobs.start(Pictures(photos()[0].picture(), (styles()[0].picture(),)), recipe, session.who())
    session.put(job)
    while not job.ended:
        time.sleep(0.05)
    return session


def lens_rows(jobs: Jobs, size: int) -> dict[str, Seconds]:
    """Tug, and the slowest of several layers of Pairs and Echo, on a result."""
    lenses, session = Lenses(jobs), result_of(jobs, size)

    def asked(turn: int, **more: Any) -> gr.EventData:
        return gr.EventData(None, {"turn": turn, **more})

    def of_layers(look: Callable[[Session, None, None, gr.EventData], Any]) -> Seconds:
        return slowest(timed(partial(at, look, layer)) for layer in LAYERS)

    def at(look: Callable[[Session, None, None, gr.EventData], Any], layer: str, turn: int) -> Any:
        return look(session, None, None, asked(turn, layer=layer))

    tug = timed(lambda turn: lenses.tug(session, True, asked(turn)))
    return {"Tug": tug, "Pairs": of_layers(lenses.pairs), "Echo": of_layers(lenses.echo)}


def ears_row(jobs: Jobs) -> Seconds:
    """The slowest edit of Ears, as it begins and at its most, with the picture that is shown of it."""
    painting = styles()[0].picture()

    def hear(edit: str, amount: float, _turn: int) -> str:
        found, before = ears.listened(jobs, painting, edit, amount)
        return ears.screen(before, found)

    return slowest(
        timed(partial(hear, name, amount), 3) for name, edit in EDITS.items() for amount in {edit.start, edit.most}
    )


def sheet_row() -> Seconds:
    """A lesson's whole sheet when nobody has painted it, and when somebody has."""
    lesson = find_lesson("3")
    pair: tuple[Image.Image, Image.Image] = photos()[0].picture(), styles()[0].picture()
    network = load_network("vgg16-hed", "cpu")
    with tempfile.TemporaryDirectory() as folder:

        def painted(_turn: int) -> None:
            for _ in run_here(lesson.experiment().cells, [pair], lambda _name: network, cache=CellCache(Path(folder))):
                pass

        return timed(painted, 1)


def main(size: Annotated[int, typer.Option(help="Long side of the result that is looked at.")] = 256) -> None:
    """Print a table: seconds of an answer beside what is promised."""
    jobs = Jobs("cpu")
    try:
        rows = {**lens_rows(jobs, size), "Ears": ears_row(jobs), "Sheet": sheet_row()}
    finally:
        jobs.close()
    table = Table("what", "first, s", "then, s", "promised, s")
    for name, (first, then) in rows.items():
        table.add_row(name, f"{first:.2f}", f"{then:.2f}", "1" if name == "Sheet" else "0.5")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
