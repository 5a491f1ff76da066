"""The time machine under the curves: the picture of any moment of a run, branches from there, and time-lapses.

Laid out and wired here for the Studio; engine/ keeps what it shows, branches.py puts runs side by side.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from playground.engine.checkpoints import CheckpointError
from playground.engine.live_changes import NOT_JOURNALLED
from playground.engine.previews import Preview
from playground.engine.timelapse import time_lapse
from playground.errors import PlaygroundError
from playground.images.save import encode_picture
from playground.service.admission import Busy
from playground.service.job import Job
from playground.web.components import small_charts
from playground.web.components.data_urls import url_of_file
from playground.web.components.format import duration
from playground.web.components.layout import LATEST, LIGHT, SAVE_FILE, WATCHING, Parts, html, listed
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.gradio_patches.private_names import event_value, served_bytes
from playground.web.people import caller
from playground.web.studio import branches
from playground.web.studio.branches import family, left_out, requested, settings_now
from playground.web.studio.following import SIGN_EVERY
from playground.web.studio.running import ASKED, Running
from playground.web.studio.session import Session
from playground.web.studio.settings_panel import SettingsPanel
from playground.web.threads import off_loop
from playground.web.words import say

LATEST_MOMENT = 10**9  # evaluations: beyond any run's end
LOOK_EVERY = 1.0  # seconds between two looks at a run and its branches
SCRIPT = (Path(__file__).parent.parent / "assets" / "scrubber.js").read_text("utf-8")
FOLLOWED = ("time-chart", "scrubber", "moment", "branches", "branches-save")


def build_history(parts: Parts) -> None:
    """Lay the panel out where the page stands just now."""
    with gr.Accordion(say("time.title"), open=False, elem_id="time", elem_classes=["sheet"]) as parts["time"]:
        gr.HTML(f'<p class="hint">{say("time.hint")}</p>', apply_default_css=False)
        html(parts, "time-chart", small_charts.family_chart({}))
        parts["scrubber"] = gr.HTML(
            _moments(None), html_template=_scrubber(), js_on_load=SCRIPT, elem_id="scrubber", apply_default_css=False
        )
        with gr.Row(elem_classes=["moment-row"]):
            html(parts, "moment", _nothing_yet(), scale=3)
            with gr.Column(scale=2, min_width=200, elem_classes=["moment-acts"]):
                parts["branch"] = gr.Button(say("time.branch"), elem_id="branch")
                with gr.Row(elem_classes=["buttons"]):
                    parts["lapse-gif"] = gr.Button(say("time.gif"), size="sm", elem_id="lapse-gif")
                    parts["lapse-mp4"] = gr.Button(say("time.mp4"), size="sm", elem_id="lapse-mp4")
                html(parts, "time-message")  # under the buttons, so that it moves nothing
        parts["branches"] = branches.gallery()
        parts["branches-save"] = gr.Button(
            say("time.save_all"), size="sm", visible=False, elem_id="branches-save", scale=0, min_width=120
        )
        parts["time-file"] = gr.File(visible=False)


def wire_history(parts: Parts, panel: SettingsPanel, running: Running) -> TimeMachine:
    """Wire the panel; the handlers, for the events that put a run on the easel."""
    machine = TimeMachine(parts, panel, running)
    session = parts["session"]
    followed, files = listed(parts, FOLLOWED), listed(parts, ("time-file", "time-message"))
    parts["time"].expand(machine.opened, session, followed, **LIGHT)
    parts["time"].collapse(machine.closed, session, None, **LIGHT)
    parts["terms-chart"].select(machine.hover, session, parts["hover-picture"], **LATEST)
    parts["scrubber"].input(machine.look, [session, parts["scrubber"]], parts["moment"], **LATEST)
    for kind in ("gif", "mp4"):
        made = parts[f"lapse-{kind}"].click(partial(machine.lapse, kind), session, files, **WATCHING)
        made.then(None, parts["time-file"], None, js=SAVE_FILE, **LIGHT)
    made = parts["branches-save"].click(machine.picture, session, files, **LIGHT)
    made.then(None, parts["time-file"], None, js=SAVE_FILE, **LIGHT)
    return machine


class TimeMachine:
    """Handlers of the panel.

    Args:
        parts: the page's components by name; those of `build_history` among them.
    """

    def __init__(self, parts: Parts, panel: SettingsPanel, running: Running) -> None:
        self.parts, self.panel, self.running = parts, panel, running
        self._encoding = threading.Lock()  # one time-lapse at a time: encoding takes every core it gets

    # ---------------------------------------------------------------- looking

    def opened(self, session: Session) -> Updates:
        """The panel was opened: from now on it is kept up to date."""
        session.looking = True
        return self._shown(session) if session.job is not None else NOTHING

    def closed(self, session: Session) -> None:
        session.looking = False

    def look(self, session: Session, asked: dict[str, Any]) -> str:
        """The picture of the moment that the slider or the curve was dragged to."""
        at = asked.get("at") if isinstance(asked, dict) else None
        session.moment = int(at) if isinstance(at, (int, float)) else None
        return self._moment(session)

    def hover(self, session: Session, event: gr.EventData) -> str:
        """The picture of the moment that somebody points at in the chart."""
        at, job = event_value(event, "evaluation"), session.job
        frame = (
            job.previews.at(int(at))
            if job is not None and isinstance(at, (int, float)) and abs(at) < LATEST_MOMENT
            else None
        )
        return f'<img src="{url_of_file(frame.jpeg)}" alt="">' if frame is not None else ""

    def _moment(self, session: Session) -> str:
        job = session.job
        frames = job.previews.frames if job is not None else []
        if job is None or not frames:
            return _nothing_yet()
        frame = frames[-1] if session.moment is None else job.previews.at(session.moment) or frames[-1]
        said = escape(described(job, frame))
        return f'<figure class="moment"><img src="{url_of_file(frame.jpeg)}" alt="{said}"><figcaption>{said}</figcaption></figure>'

    async def follow(self, session: Session) -> AsyncIterator[Updates]:
        """Watch the run on the easel and all its branches until every one has ended, and show them in the open panel."""
        session.turn += 1
        turn, said, next_sign = session.turn, None, 0.0
        yield NOTHING
        while session.turn == turn and session.job is not None:
            members = await off_loop(family, self.running.jobs, session.job)
            for job in members:
                if caller().listens:
                    job.touch()
            over = all(job.ended for job in members)  # before anything is shown, so that the last of them is
            now = (session.looking, session.job, [(job.id, job.version) for job in members])
            if session.looking and now != said:
                yield await off_loop(self._shown, session, members)
            elif time.monotonic() >= next_sign:
                next_sign = time.monotonic() + SIGN_EVERY
                yield NOTHING  # what notices that the page has gone
            said = now
            if over:
                return
            await asyncio.sleep(LOOK_EVERY * self.running.pages.crowd())

    def _shown(self, session: Session, members: list[Job] | None = None) -> Updates:
        parts, job = self.parts, session.job
        assert job is not None
        members = members or family(self.running.jobs, job)
        cards = branches.cards(members, job)
        updates: Updates = {
            parts["time-chart"]: branches.chart(members),
            parts["scrubber"]: _moments(job, session.moment),
            parts["branches"]: cards,
            parts["branches-save"]: gr.Button(visible=bool(cards)),
        }
        if session.moment is None:  # a moment that somebody looks at stays
            updates[parts["moment"]] = self._moment(session)
        return updates

    # ---------------------------------------------------------------- branching

    async def branch(self, session: Session, *values: Any, replace: bool = False) -> Updates:
        """Go on from the moment on show as a run of its own, with the live settings of the controls."""
        parts = self.parts
        try:
            note = await off_loop(self._branch, session, values, replace)
        except Busy as busy:
            session.asked = "branch"
            return self.running.question(busy)
        except Exception as error:
            return {parts["time-message"]: message(fault(error)), **self.running.answered(session)}
        return {**self.running.put_up(session), parts["time-message"]: message(note, "note")}

    def _branch(self, session: Session, values: tuple[Any, ...], replace: bool) -> str:
        """Put a new branch on the easel; what to say about it.

        Raises:
            Busy: no more runs may go on, and the one it leaves has ended already.
            PlaygroundError: there is no moment to go on from, or a setting cannot be used.
        """
        job, jobs = session.job, self.running.jobs
        if job is None:
            raise PlaygroundError(say("time.no_run_to_branch"))
        recipe = self.panel.assembled(session, values)
        at = LATEST_MOMENT if session.moment is None else session.moment
        if job.checkpoints is None:
            raise PlaygroundError(say("time.no_moments"))
        changes = requested(recipe, job.checkpoints.settings(at))
        begin = partial(jobs.branch, job, at, changes, session.who(), teacher=session.teacher, person=caller().person)
        said, meant = [], _taken_back(job)
        try:
            branch = begin(replace=replace)
            job.control.pause()
        except Busy:
            if job.ended:
                raise
            branch = begin(replace=True)  # which ends the run that the branch leaves, before any other
            said = [say("time.left_ended")]
        except PlaygroundError:
            job.control.change(meant)
            raise
        assert branch.parent is not None
        said = [say("time.branched", at=branch.parent[1]), *said, left_out(recipe, job)]
        jobs.choices.show_colours(branch, job.colours)
        session.put(branch)
        return ". ".join(sentence for sentence in said if sentence)

    async def replace(self, session: Session, request: gr.Request, *given: Any) -> Updates:
        """Yes, the new run may take another's place."""
        if session.asked == "branch":
            return await self.branch(session, *given[len(ASKED) :], replace=True)
        return await self.running.start(session, request, *given, replace=True)

    async def bring(self, session: Session, event: gr.EventData) -> Updates:
        """A card was pressed: that run comes to the easel, and its settings into the controls."""
        if session.job is None:
            return NOTHING
        members = await off_loop(family, self.running.jobs, session.job)
        job = next((job for job in members if job.name == event_value(event, "name")), None)
        if job is None or job.content is None or (job is session.job and session.watched is job):
            return NOTHING
        session.put(job)
        shown = self.panel.show(session, settings_now(job))
        put_up = self.running.put_up(session, say("time.on_easel"))
        return {**shown, **put_up, self.parts["time-message"]: ""}

    # ---------------------------------------------------------------- files

    def lapse(self, suffix: str, session: Session) -> Updates:
        """The time-lapse of the run on the easel as a "gif" or an "mp4", for the browser to save."""
        return self._saved(session.job, self._film, suffix)

    def _film(self, job: Job, suffix: str) -> tuple[bytes, str]:
        with tempfile.TemporaryDirectory() as folder, self._encoding:
            path = Path(folder) / f"film.{suffix}"
            time_lapse(job.previews, path, job.result.picture if job.result else None)
            return path.read_bytes(), f"time-lapse-{job.recipe.preset or 'own'}-{job.recipe.seed}.{suffix}"

    def picture(self, session: Session) -> Updates:
        """The run on the easel and its branches in one picture, for the browser to save."""
        return self._saved(session.job, self._together)

    def _together(self, job: Job) -> tuple[bytes, str]:
        return encode_picture(branches.comparison(family(self.running.jobs, job)), "png"), "branches.png"

    def _saved(self, job: Job | None, make: Callable[..., tuple[bytes, str]], *more: str) -> Updates:
        place, said = self.parts["time-file"], self.parts["time-message"]
        try:
            if job is None:
                raise PlaygroundError(say("time.no_run"))
            return {place: served_bytes(*make(job, *more), place), said: ""}
        except Exception as error:
            return {place: None, said: message(fault(error))}


def _taken_back(job: Job) -> dict[str, Any]:
    """Let a paused run go on as it stands: what was moved since it paused is meant for the branch; what that was."""
    frame, asked = job.frame, job.control.read().settings
    if job.state != "paused" or frame is None or job.checkpoints is None:
        return {}
    try:
        stood = job.checkpoints.settings(frame.evaluations)
    except CheckpointError:
        return {}
    meant = {name: new for name, new in asked.items() if name not in NOT_JOURNALLED and new != getattr(stood, name)}
    job.control.change({name: getattr(stood, name) for name in meant})
    return meant


def described(job: Job, frame: Preview) -> str:
    """Which moment a picture of the film shows."""
    step = max((point["step"] for point in job.curve if point["evaluations"] <= frame.evaluation), default=0)
    return say("time.moment", step=f"{step:.0f}", evaluation=frame.evaluation, time=duration(frame.seconds))


def _nothing_yet() -> str:
    return f'<p class="moment-empty">{say("time.empty")}</p>'


def _scrubber() -> str:
    label = say("time.slider")
    return (
        f'<div class="scrubber"><label><span>{label}</span><input type="range" min="0" max="0" step="1"></label></div>'
    )


def _moments(job: Job | None, moment: int | None = None) -> dict[str, Any]:
    """What scrubber.js needs of a run: the evaluations of its kept pictures, and which moment is on show here."""
    frames = [frame.evaluation for frame in job.previews.frames] if job else []
    return {"run": job.name if job else "", "frames": frames, "at": moment}
