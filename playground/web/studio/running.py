"""A run on the page: started by Run, watched by a generator that only looks, steered by buttons that answer at once.

The generator subscribes to a job and never holds it up: if its page goes away the job ends after its own grace period.
Called by the Studio tab.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from weakref import WeakSet

import gradio as gr
import numpy as np
from PIL import Image

from playground.engine.run import check_pictures
from playground.errors import PlaygroundError
from playground.images.load import keep_colours, load_picture, resize_picture, to_picture, to_tensor
from playground.networks import weights
from playground.networks.hrnet import Repainter
from playground.recipe.model import DEFAULT_NETWORK
from playground.service.job import Job
from playground.service.jobs import Busy, Jobs
from playground.system.device import describe_device
from playground.web.components import charts
from playground.web.components import format as words
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.studio import results
from playground.web.studio.branches import family
from playground.web.studio.session import MAX_FINISHED, Session
from playground.web.studio.settings import Settings

LOOK_EVERY = 0.05  # seconds between two looks at the job
NEWS_EVERY = 0.25  # at most four pictures and updates of figures a second, together, since every update costs
MAX_UNTHRIFTY_PAGES = 4
NEWS_SHARE = 0.12  # seconds more between two updates for every open page, so that showing thirty does not slow painting
LAYERS_EVERY = 1.0
SIGN_EVERY = 4.0  # an event costs about a hundredth of a second, whether or not it says anything
MESSAGES = ("run-message", "content-message", "style-message", "notes", "time-message")
BUTTONS = ("run", "pause", "stop")
LIVE_PARTS = ("preview", "status", "announce", "notes", "terms-chart", "layers-chart", "shares")
"""What changes while a run paints."""
START_PARTS = (
    *BUTTONS, *MESSAGES, "preview", "status", "announce", "terms-chart", "layers-chart", "before-after", "after", "figure",
    "live-charts", "repaint", "repainted", "run-id", "busy", "busy-note",
)  # fmt: skip
END_PARTS = (
    *START_PARTS, "summary", "earlier", "strip", "save-png", "save-jpg", "save-webp", "save-json",
)  # fmt: skip
ENDED_WORDS = {
    "done": "The picture is done.",
    "stopped": "Stopped. The best picture so far is shown.",
    "time": "Time is up. The best picture so far is shown.",
    "recovered": "The picture is done, after a recovery.",
    "failed": "The run failed.",
}


class Running:
    """Handlers of the buttons that start, watch and steer a run.

    Args:
        parts: the page's components by name; besides the settings': "preview", "status", "announce", "terms-chart",
            "layers-chart", "shares", "run", "pause", "stop", "run-message", "content-message", "style-message",
            "notes", and those of results.py.
    """

    def __init__(self, jobs: Jobs, parts: dict[str, Any], settings: Settings) -> None:
        self.jobs, self.parts, self.settings = jobs, parts, settings
        self.device = describe_device(jobs.device)
        self.open: dict[str, Session] = {}  # the open pages, by gradio's session hash
        self._left: deque[str] = deque(maxlen=1000)  # pages that were closed, perhaps before they were quite open
        self._door = threading.Lock()  # over the two above
        self.coloured: WeakSet[Job] = WeakSet()  # runs whose pictures are shown with the photo's colours

    def outputs(self, names: tuple[str, ...]) -> list[gr.components.Component]:
        """Components by name, for the outputs of an event."""
        return [self.parts[name] for name in names]

    # ---------------------------------------------------------------- Run: start, then follow, then finish

    async def start(
        self,
        session: Session,
        wants_shares: bool,
        content: str | None,
        style: str | None,
        request: gr.Request,
        *values: Any,
        replace: bool = False,
    ) -> Updates:
        """Start a run with what the page shows, or say what is wrong."""
        clean: Updates = {self.parts[name]: "" for name in MESSAGES} | self.answered(session)
        self.here(session, request, acts=True)
        try:
            wrong = await asyncio.to_thread(self._start, session, content, style, values, replace)
        except Busy as busy:
            session.asked = "run"
            return {**clean, **self.question(str(busy))}
        except Exception as error:
            return {**clean, self.parts["run-message"]: message(fault(error))}
        if wrong or session.job is None:
            return {**clean, **wrong}
        session.job.control.want_shares(bool(wants_shares))
        return {**clean, **self.put_up(session)}

    def _start(
        self, session: Session, content: str | None, style: str | None, values: tuple[Any, ...], replace: bool
    ) -> Updates:
        """Put a new run on the easel, or say what is wrong, next to what caused it."""
        wrong: Updates = {}
        pictures: dict[str, Image.Image] = {}
        for name, path in (("content", content), ("style", style)):
            place = self.parts[f"{name}-message"]
            if not path:
                wrong[place] = message(f"choose a {name} picture first")
                continue
            try:
                pictures[name] = load_picture(path, name=f"the {name} picture")
            except Exception as error:
                wrong[place] = message(fault(error))
        if wrong:
            return wrong
        recipe = self.settings.assembled(session, values)
        if recipe.network != DEFAULT_NETWORK and not weights.is_available(recipe.network):
            raise PlaygroundError(
                f"the network {recipe.network} is not on this machine: download it under Recipe, or choose another under Network"
            )
        # The page keeps the photo's colours itself, so that they can be switched on and off after the run too.
        plain = recipe.changed({"original_colours": False})
        job = self.jobs.start(
            pictures["content"], pictures["style"], plain, session.who(), replace=replace, teacher=session.teacher
        )
        if recipe.original_colours:
            self.coloured.add(job)
        session.put(job, recipe.original_colours)
        return {}

    def put_up(self, session: Session, said: str = "The run has started.") -> Updates:
        """The run on the easel as it stands, before `follow` and `finish` show how it goes on; `said` is for ears."""
        job, parts = session.job, self.parts
        if job is None:
            return NOTHING
        picture = session.photo if job.picture is None else self._coloured(session, job.picture)
        return {
            **self.answered(session),
            **self._buttons(job),
            parts["run-id"]: job.id,
            parts["status"]: words.status(job, self.device),
            parts["announce"]: "" if job.ended else said,
            parts["preview"]: gr.Image(value=picture, visible=True),
            parts["before-after"]: gr.ImageSlider(visible=False),
            parts["after"]: gr.Column(visible=False),
            parts["figure"]: gr.Plot(visible=False),
            parts["repaint"]: gr.Accordion(visible=False),
            parts["repainted"]: None,
            parts["live-charts"]: gr.Column(visible=True),
            parts["terms-chart"]: charts.term_chart(job.curve, words.planned(job)),
            parts["layers-chart"]: charts.layer_chart(job.layer_curve, words.planned(job)),
        }

    def _buttons(self, job: Job | None) -> Updates:
        parts, running = self.parts, job is not None and not job.ended
        paused = job is not None and running and job.control.read().paused
        return {
            parts["run"]: gr.Button("Running" if running else "Run", interactive=not running),
            parts["pause"]: gr.Button("Resume" if paused else "Pause", interactive=running),
            parts["stop"]: gr.Button(interactive=running),
        }

    # ---------------------------------------------------------------- one run too many

    def question(self, sentence: str) -> Updates:
        """Ask whether a new run is to take another's place."""
        said = (
            f"{sentence.partition(':')[0]}. Replace the oldest of them with this one? It stops, and its picture is kept"
        )
        said = said.replace("the oldest of them", "it") if "a run" in sentence else said
        return {
            self.parts["busy"]: gr.Row(visible=True),
            self.parts["busy-note"]: message(said, "note"),
            self.parts["announce"]: said,
        }

    def answered(self, session: Session) -> Updates:
        """No question stands any more."""
        session.asked = ""
        return {self.parts["busy"]: gr.Row(visible=False)}

    # ---------------------------------------------------------------- coming and going

    def here(self, session: Session, request: gr.Request, *, acts: bool = False) -> None:
        """The page is open, unless it was closed while it was opened; one that `acts` is there whatever was said."""
        name = request.session_hash
        with self._door:
            session.gone = name in self._left and not acts
            if name and not session.gone:
                self.open[name] = session
                self.jobs.people_here(session.who())

    def crowd(self) -> float:
        """How many times as long to wait between two looks at runs: 1 for a few open pages, 7.5 for thirty."""
        return max(1.0, len(self.open) / MAX_UNTHRIFTY_PAGES)

    def watched(self, job: Job) -> bool:
        """Whether an open page has a run on its easel."""
        with self._door:
            return any(session.job is job for session in self.open.values())

    # ---------------------------------------------------------------- following a job

    async def follow(self, session: Session) -> AsyncIterator[Updates]:
        """Show what a run has to tell until it ends, another takes its place, or the page goes away."""
        try:
            async for updates in self._follow(session):
                yield updates
        except GeneratorExit:
            self.left(session)
            raise

    async def _follow(self, session: Session) -> AsyncIterator[Updates]:
        job, parts = session.watched, self.parts
        seen, seen_picture, said_notes, said_state = -1, 0, 0, ""
        next_news = next_layers = 0.0
        yield NOTHING
        next_sign = 0.0
        # Not `session.gone`: on a busy machine gradio's sign of life may fail while the page is still being told. A page
        # that really went away closes this generator at its next yield.
        while job is not None and job is session.watched and not job.ended:
            job.touch()
            now, updates = time.monotonic(), dict[Any, Any]()
            if job.version != seen and now >= next_news:
                seen, next_news = job.version, now + max(NEWS_EVERY, NEWS_SHARE * len(self.open))
                updates[parts["status"]] = words.status(job, self.device)
                if job.picture_version != seen_picture:
                    seen_picture = job.picture_version
                    updates[parts["preview"]] = await asyncio.to_thread(self._coloured, session, job.picture)
                if curve := job.curve:
                    updates[parts["terms-chart"]] = charts.term_chart(curve, words.planned(job))
                if now >= next_layers:
                    next_layers = now + LAYERS_EVERY
                    updates[parts["layers-chart"]] = charts.layer_chart(job.layer_curve, words.planned(job))
                    if job.control.read().shares and job.shares:
                        updates[parts["shares"]] = charts.shares_bar(job.shares)
                if len(job.notes) != said_notes:
                    said_notes = len(job.notes)
                    updates[parts["notes"]] = message(job.notes[-1], "note")
            if job.state != said_state:
                said = {"paused": "Paused.", "waiting": "Waiting for the device."}.get(job.state)
                said = said or ("Resumed." if said_state == "paused" else None)
                said_state = job.state
                if said:
                    updates[parts["announce"]] = said
            if updates or now >= next_sign:  # without a yield from time to time nobody notices that the page has gone
                next_sign = now + SIGN_EVERY
                yield updates or NOTHING
            await asyncio.sleep(LOOK_EVERY * self.crowd())

    async def finish(self, session: Session) -> AsyncIterator[Updates]:
        """Show what a run has left once it has ended; nothing where none was started, or another has taken its place."""
        job = session.watched
        yield NOTHING
        if job is None or not job.ended or session.photo is None:
            return
        session.watched = None
        try:
            async for updates in self._finished(session, job, session.photo):
                yield updates
        except Exception as error:
            yield {self.parts["run-message"]: message(fault(error)), **self._buttons(None)}

    async def _finished(self, session: Session, job: Job, photo: Image.Image) -> AsyncIterator[Updates]:
        parts = self.parts
        updates: Updates = {
            **self._buttons(None),
            parts["status"]: words.status(job, self.device),
            parts["announce"]: ENDED_WORDS[job.state],
            parts["terms-chart"]: charts.term_chart(job.curve),
            parts["layers-chart"]: charts.layer_chart(job.layer_curve),
            parts["notes"]: message(job.notes[-1], "note") if job.notes else "",
        }
        if job.result is None:
            if job.error:
                updates[parts["run-message"]] = message(job.error)
            yield updates
            return
        await asyncio.to_thread(self.recollect, session)
        again = [other for other in session.finished if other.job is job]
        done = again[0] if again else await asyncio.to_thread(results.finish, job, photo, session.original_colours)
        results.remember(session, done)
        updates |= await asyncio.to_thread(results.shown, parts, done)
        updates |= {parts["earlier"]: gr.Column(visible=True), parts["strip"]: results.strip(session)}
        yield updates
        # What shows and what hides is said twice: a page that still loads its parts, after a reload, may lose it once.
        yield {**await asyncio.to_thread(results.curves, parts, done), **results.visibilities(parts)}

    def _coloured(self, session: Session, picture: np.ndarray | None) -> np.ndarray | None:
        if picture is None or session.photo is None or not session.original_colours:
            return picture
        return np.asarray(keep_colours(Image.fromarray(picture), session.photo))

    def recollect(self, session: Session) -> None:
        """Bring results of this person that the page has not shown, such as those from before a reload, into the strip."""
        known = {done.job for done in session.finished} | {session.job}
        for job in self.jobs.find(session.who())[-MAX_FINISHED:]:
            if job not in known and job.result is not None and job.content is not None:
                photo = resize_picture(job.content, job.recipe.size)
                results.remember(session, results.finish(job, photo, job in self.coloured))

    # ---------------------------------------------------------------- buttons

    def pause(self, session: Session) -> Updates:
        """Pause a running run, or let a paused one go on."""
        job, parts = session.running(), self.parts
        if job is None:
            return NOTHING
        if job.control.read().paused:
            job.control.resume()
            return {parts["pause"]: gr.Button("Pause"), parts["status"]: "going on …"}
        job.control.pause()
        return {parts["pause"]: gr.Button("Resume"), parts["status"]: "pausing after this step …"}

    def stop(self, session: Session) -> Updates:
        """Stop the run; it ends with the best picture so far."""
        job, parts = session.running(), self.parts
        if job is None:
            return NOTHING
        job.control.stop()
        off = gr.Button(interactive=False)
        return {parts["stop"]: off, parts["pause"]: off, parts["status"]: "stopping after this step …"}

    def want_shares(self, session: Session, wanted: bool) -> str:
        """Measure how strongly each term pulls, or stop measuring."""
        job = session.running()
        if job is not None:
            job.control.want_shares(wanted)
        return charts.shares_bar(None) if not wanted or job is None else '<p class="hint">Measuring …</p>'

    def gone(self, request: gr.Request) -> None:
        """The page was closed or reloaded: its run has its grace period from now."""
        with self._door:
            session = self.open.get(request.session_hash or "")
            self._left.append(request.session_hash or "")
        if session is not None:
            self.left(session)

    def left(self, session: Session) -> None:
        """Nobody looks at this page any more; told by gradio, or by a stream to it that broke off.

        A browser with many tabs has no connection to spare for gradio's own sign of life, so that the former may fail.
        """
        session.gone = True
        with self._door:
            self.open = {name: other for name, other in self.open.items() if other is not session}
            if all(other.visitor != session.visitor for other in self.open.values()):
                self.jobs.people_gone(session.visitor)
        if session.job is not None:
            for job in family(self.jobs, session.job):
                job.leave()

    # ---------------------------------------------------------------- with a result

    def colours(self, session: Session, wanted: bool) -> Updates:
        """Original colours on or off: at once in the previews of a run, and in a result without a new run."""
        session.original_colours = wanted
        if session.job is not None:
            (self.coloured.add if wanted else self.coloured.discard)(session.job)
        if session.running() or not session.finished:
            return NOTHING
        done = session.finished[-1]

        def recoloured() -> Updates:
            results.recolour(done, wanted)
            return {**results.shown(self.parts, done), self.parts["strip"]: results.strip(session)}

        return self.settings.guarded("run-message", recoloured)

    def use_as_content(self, session: Session) -> Updates:
        """The result becomes the content picture of the next run."""
        if not session.finished:
            return NOTHING
        return {self.parts["content"]: session.finished[-1].shown, self.parts["content-message"]: ""}

    def repaint(self, session: Session, path: str | None) -> Updates:
        """Another photo through the network that the run on show has trained."""
        result = session.finished[-1].job.result if session.finished else None
        if result is None or result.generator is None:
            return NOTHING
        network, size = result.generator, result.recipe.size

        def repainted() -> Updates:
            if not path:
                raise PlaygroundError("choose a photo first")
            photo = resize_picture(load_picture(path, name="the other photo"), size)
            check_pictures(photo, size)
            paint = Repainter(network, self.jobs.here)
            picture = to_picture(self.jobs.turn().do(partial(paint, to_tensor(photo))))
            return {self.parts["repainted"]: picture, self.parts["repaint-message"]: ""}

        return self.settings.guarded("repaint-message", repainted)

    def bring_back(self, session: Session, event: gr.SelectData) -> Updates:
        """An earlier result was picked in the strip: its picture, its curves and its recipe come back."""
        if not session.finished or not isinstance(event.index, int) or event.index >= len(session.finished):
            return NOTHING
        done = session.finished[len(session.finished) - 1 - event.index]

        def back() -> Updates:
            updates = self.settings.show(session, done.recipe, "The recipe of this result is back in the controls")
            if session.running():
                return updates
            session.original_colours = done.recipe.original_colours
            session.finished = [*(other for other in session.finished if other is not done), done]
            return {
                **updates, **results.shown(self.parts, done), **results.curves(self.parts, done),
                self.parts["strip"]: gr.Gallery(results.strip(session), selected_index=None),
            }  # fmt: skip

        return self.settings.guarded("preset-note", back)
