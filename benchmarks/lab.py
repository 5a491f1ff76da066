"""How soon the Lab answers, against what is promised: `python -m benchmarks.lab`.

Asked through the page's own handlers, in one process, without a browser: what a page adds is its way there and back.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
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


def timed(ask: Callable[[int], Any], times: int = 5) -> float:
    """Median seconds of an answer, the first left out."""
    found = []
    for turn in range(times + 1):
        started = time.perf_counter()
        ask(turn)
        found.append(time.perf_counter() - started)
    return statistics.median(found[1:])


def result_of(jobs: Jobs, size: int) -> Session:
    """A session that has painted two steps of `default`."""
    recipe = load_preset("default").changed({"size": size, "smallest": size // 2, "scales": 1, "iterations": 2})
    session = Session(Recipe())
    job = jobs.start(Pictures(photos()[0].picture(), (styles()[0].picture(),)), recipe, session.who())
    session.put(job)
    while not job.ended:
        time.sleep(0.05)
    return session


def lens_rows(jobs: Jobs, size: int) -> dict[str, float]:
    """Tug, and the slowest of several layers of Pairs and Echo, on a result."""
    lenses, session = Lenses(jobs), result_of(jobs, size)

    def asked(turn: int, **more: Any) -> gr.EventData:
        return gr.EventData(None, {"turn": turn, **more})

    def slowest(look: Callable[[Session, None, None, gr.EventData], Any]) -> float:
        return max(timed(partial(at, look, layer)) for layer in LAYERS)

    def at(look: Callable[[Session, None, None, gr.EventData], Any], layer: str, turn: int) -> Any:
        return look(session, None, None, asked(turn, layer=layer))

    tug = timed(lambda turn: lenses.tug(session, asked(turn)))
    return {"Tug": tug, "Pairs": slowest(lenses.pairs), "Echo": slowest(lenses.echo)}


def ears_row(jobs: Jobs) -> float:
    """The slowest edit of Ears, with the picture that is shown of it."""
    painting = styles()[0].picture()

    def hear(edit: str, _turn: int) -> str:
        found, before = ears.listened(jobs, painting, edit, EDITS[edit].start)
        return ears.screen(before, found)

    return max(timed(partial(hear, edit), 3) for edit in EDITS)


def sheet_rows() -> dict[str, float]:
    """A lesson's whole sheet when nobody has painted it, and when somebody has."""
    lesson = find_lesson("3")
    pair: tuple[Image.Image, Image.Image] = photos()[0].picture(), styles()[0].picture()
    network, found = load_network("vgg16-hed", "cpu"), dict[str, float]()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("Sheet, painted", "Sheet, from the cache"):
            started = time.perf_counter()
            for _ in run_here(lesson.experiment().cells, [pair], lambda _name: network, cache=CellCache(Path(folder))):
                pass
            found[name] = time.perf_counter() - started
    return found


def main(size: Annotated[int, typer.Option(help="Long side of the result that is looked at.")] = 256) -> None:
    """Print a table: seconds of an answer beside what is promised."""
    jobs = Jobs("cpu")
    try:
        rows = {**lens_rows(jobs, size), "Ears": ears_row(jobs), **sheet_rows()}
    finally:
        jobs.close()
    promised = {"Sheet, painted": "", "Sheet, from the cache": "1"}
    table = Table("what", "s", "promised, s")
    for name, seconds in rows.items():
        table.add_row(name, f"{seconds:.2f}", promised.get(name, "0.5"))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
