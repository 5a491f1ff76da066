"""A sheet of cells on the page: planned, refused or run as one task, shown while it grows, kept for whoever asks next.

Called by lessons.py and grid.py, which say what is painted. The cells of all pages are kept in one cache: a class that opens
the same lesson paints it once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from playground.errors import PlaygroundError
from playground.experiments.experiment import Experiment
from playground.experiments.results import CellCache, CellResult
from playground.experiments.run_here import CellWork, run_here
from playground.experiments.sheet import draw_sheet
from playground.images.save import encode_picture
from playground.measure.estimate import estimate
from playground.service.jobs import Jobs
from playground.service.tasks import Task
from playground.web.components.data_urls import url_of_picture
from playground.web.components.format import duration
from playground.web.components.layout import Parts
from playground.web.components.messages import NOTHING, Updates, fault, message, progress
from playground.web.components.small_charts import family_chart
from playground.web.gradio_patches.private_names import served_bytes
from playground.web.lab.drawn import ShownCell, grid, not_comparable, table
from playground.web.people import caller
from playground.web.threads import off_loop
from playground.web.visit import Visit
from playground.web.words import counted, decimal, say, translated

LOOK_SECONDS = 0.5  # between two looks at the cells that are being painted
PARTS = ("run", "stop", "status", "message", "sheet", "chart", "table", "after", "cell", "save")

Pair = tuple[Image.Image, Image.Image]
ShowSheet = Callable[[str, str, Sequence[Image.Image], Sequence[Image.Image]], None]
"""Tells a class of a finished sheet: whose it is, which lesson it answers ("" for none), the pictures it was painted from, and
its cells."""


@dataclass(frozen=True)
class Plan:
    """What a sheet will hold.

    Attributes:
        titles: of the cells, in the reader's language.
        shows: the figure beneath a cell, as `measured` or the losses name it, or "distances" for those from both originals;
            "" for none.
        columns: in a row, where the experiment has one axis only.
    """

    experiment: Experiment
    pair: Pair
    titles: tuple[str, ...]
    heading: str
    shows: str = ""


@dataclass
class Sheet(Visit):
    """The state of a sheet on one open page."""

    plan: Plan | None = None
    task: Task | None = None
    works: dict[int, CellWork] = field(default_factory=dict)
    drawn: dict[tuple[int, float], str] = field(default_factory=dict)  # pictures as addresses, by cell and share
    lesson: str = ""
    predicted: int | None = None
    skipped: bool = False  # whether somebody would rather see than predict
    own: bool = False  # whether the pair is a person's and not the lesson's

    @property
    def results(self) -> dict[int, CellResult]:
        """The cells that are done, in order."""
        return {index: work.result for index, work in sorted(self.works.items()) if work.result is not None}

    @property
    def busy(self) -> bool:
        return self.task is not None and not self.task.over.is_set()


class Bench:
    """What lessons and the free grid have in common.

    Args:
        prefix: of the parts, such as "lesson": "lesson-run", "lesson-sheet" and so on.
        cache: of the whole server.
        show_sheet: tells a class of a finished sheet; None where there is no class.
    """

    RUN = "run.run"  # what is written on Run

    def __init__(
        self, jobs: Jobs, parts: Parts, prefix: str, cache: CellCache, show_sheet: ShowSheet | None = None
    ) -> None:
        self.jobs, self.parts, self.prefix, self.cache, self.show_sheet = jobs, parts, prefix, cache, show_sheet

    def part(self, name: str) -> Any:
        return self.parts[f"{self.prefix}-{name}"]

    # ---------------------------------------------------------------- before

    def cost(self, experiment: Experiment, pair: Pair) -> str:
        """How long all cells will take, or why this server refuses one; HTML.

        Raises:
            PlaygroundError: a cell is beyond the server's limits, or cannot be painted.
        """
        sizes = pair[0].size, pair[1].size
        self.check(experiment)
        expected = [estimate(cell.recipe, *sizes, device=self.jobs.here) for cell in experiment.cells]
        about = duration(sum(one.seconds for one in expected))
        return f'<p class="hint">{counted("lab.cost", len(experiment.cells), time=about)}</p>'

    def check(self, experiment: Experiment) -> None:
        """Refuse an experiment of which one cell is too much for this server."""
        for cell in experiment.cells:
            self.jobs.limits.check(cell.recipe)

    # ---------------------------------------------------------------- while it runs

    def start(self, sheet: Sheet, plan: Plan) -> Task:
        """Begin to paint the cells that nobody has painted before.

        Raises:
            PlaygroundError: a cell is refused, the network is not here, or the person's last task is not over.
        """
        self.check(plan.experiment)
        for name in {cell.recipe.network for cell in plan.experiment.cells}:
            self.jobs.downloads.here(name)
        works: dict[int, CellWork] = {}

        def paint(task: Task) -> None:
            cells = plan.experiment.cells
            for work in run_here(
                cells, [plan.pair], self.jobs.downloads.here, device=self.jobs.here, control=task.control, cache=self.cache
            ):  # fmt: skip
                works[work.index] = work
                task.report("", sum(one.done for one in works.values()) / len(cells))

        task = self.jobs.task(caller().person, paint)
        sheet.plan, sheet.task, sheet.works, sheet.drawn = plan, task, works, {}
        return task

    async def run(self, sheet: Sheet, planned: Callable[[], Plan]) -> AsyncIterator[Updates]:
        """Paint a plan and show the cells as they grow; the last update has everything that can be done with them."""
        yield self.begun()
        try:
            task = await off_loop(lambda: self.start(sheet, planned()))
        except Exception as error:
            yield {self.part("message"): message(fault(error)), self.part("status"): "", self.part("run"): self.free()}
            return
        yield {self.part("stop"): gr.Button(interactive=True), self.part("after"): gr.Row(visible=False)}
        seen = None
        while not task.over.is_set() and sheet.task is task:
            if caller().listens:
                task.touch()
            now = [(index, work.done) for index, work in list(sheet.works.items())]
            news = now, task.control.read().paused
            yield self._growing(sheet, task) if news != seen else NOTHING
            seen = news
            await asyncio.sleep(LOOK_SECONDS if now else LOOK_SECONDS / 5)
        if sheet.task is task:  # else something else was asked for meanwhile
            yield await off_loop(self.finished, sheet, task)

    def begun(self) -> Updates:
        """Run was pressed: at once the button says so, and cannot be pressed again."""
        running = gr.Button(say("run.running"), interactive=False)
        return {self.part("message"): "", self.part("status"): say("status.reading"), self.part("run"): running}

    def free(self) -> gr.Button:
        """Run as it may be pressed."""
        return gr.Button(say(self.RUN), interactive=True)

    def _growing(self, sheet: Sheet, task: Task) -> Updates:
        assert sheet.plan is not None
        count = len(sheet.plan.titles)
        how = "lab.paused" if task.control.read().paused else "lab.progress"
        said = say(how, done=len(sheet.results), count=count)
        return {
            self.part("status"): progress(said, task.fraction),
            self.part("sheet"): grid(self.shown(sheet), sheet.plan.experiment),
        }

    def shown(self, sheet: Sheet, stopped: bool = False) -> list[ShownCell]:
        """Every cell as it is now."""
        plan = sheet.plan
        assert plan is not None
        found = []
        for index, title in enumerate(plan.titles):
            work = sheet.works.get(index)
            if work is None or (work.result is None and work.picture is None):
                found.append(ShownCell(title, None, say("lab.cell.stopped" if stopped else "lab.cell.waiting")))
                continue
            key = index, work.done
            if key not in sheet.drawn:
                picture = work.result.picture if work.result else Image.fromarray(np.asarray(work.picture))
                sheet.drawn = {other: url for other, url in sheet.drawn.items() if other[0] != index}
                sheet.drawn[key] = url_of_picture(picture)
            note = say("lab.cell.stopped") if stopped else say("lab.cell.growing", percent=round(100 * work.done))
            if work.result is not None:
                note = self._note(work.result, plan.shows)
            found.append(ShownCell(title, sheet.drawn[key], note))
        return found

    @staticmethod
    def _note(result: CellResult, shows: str) -> str:
        """Distances are one measure for all cells; a loss is weighted as its own recipe has it."""
        known = {**result.losses, **result.distances}
        figures = {
            name: decimal(f"{known[name]:.3g}".replace("-", "−"))
            for name in ("content", "style", shows)
            if name in known
        }
        said = [say(f"lab.shows.{shows}", value=figures.get(shows, ""), **figures)] if shows else []
        return " · ".join([*said, *([say("lab.cell.kept")] if result.cached else [])])

    # ---------------------------------------------------------------- after

    def finished(self, sheet: Sheet, task: Task) -> Updates:
        """The sheet as it stays, its curves, its numbers, and what can be done with it."""
        plan, results = sheet.plan, sheet.results
        assert plan is not None
        whole = len(results) == len(plan.titles)
        state = "" if task.error else say("ending.done.state") if whole else say("ending.stopped.state")
        updates: Updates = {
            self.part("run"): self.free(), self.part("stop"): gr.Button(interactive=False),
            self.part("status"): state, self.part("sheet"): grid(self.shown(sheet, not whole), plan.experiment),
        }  # fmt: skip
        if task.error:
            updates[self.part("message")] = message(translated(task.error))
        if not results:
            return updates
        if self.show_sheet is not None:
            cells = [result.picture for result in results.values()]
            self.show_sheet(caller().person, sheet.lesson, plan.pair, cells)
        named = {plan.titles[index]: result for index, result in results.items()}
        points = {
            name: [{"evaluations": at, "total": total} for at, total in result.curve] for name, result in named.items()
        }
        choices = [(plan.titles[index], index) for index in results]
        return updates | {
            self.part("chart"): ("" if plan.experiment.judged_alike else not_comparable()) + family_chart(points),
            self.part("table"): table(named),
            self.part("after"): gr.Row(visible=True),
            self.part("cell"): gr.Dropdown(choices, value=choices[0][1]),
            self.part("save"): gr.DownloadButton(value=self._file(plan, results)),
        }

    def _file(self, plan: Plan, results: dict[int, CellResult]) -> str:
        pictures = {index: result.picture for index, result in results.items()}
        notes = {index: self._note(result, plan.shows) for index, result in results.items()}
        picture = draw_sheet(plan.experiment, pictures, plan.pair, plan.heading, notes)
        return served_bytes(encode_picture(picture, "png"), "sheet.png", self.part("save"))

    def stop(self, sheet: Sheet) -> Any:
        """End it; cells that are done stay."""
        if sheet.task is not None:
            sheet.task.control.stop()
        return gr.Button(interactive=False)

    def cleared(self) -> Updates:
        """Nothing on the sheet."""
        empty = {self.part(name): "" for name in ("status", "message", "sheet", "chart", "table")}
        return {**empty, self.part("after"): gr.Row(visible=False)}

    def chosen(self, sheet: Sheet, cell: Any) -> CellResult:
        """The cell that somebody wants to take into the Studio.

        Raises:
            PlaygroundError: it is not done.
        """
        result = sheet.results.get(cell) if isinstance(cell, int) else None
        if result is None:
            raise PlaygroundError(say("lab.no_cell"))
        return result


def bench_outputs(parts: Parts, prefix: str, more: Sequence[str] = ()) -> list[Any]:
    """The components that a run of a sheet may change."""
    return [parts[f"{prefix}-{name}"] for name in (*PARTS, *more)]
