"""A run on the page: started by Run, steered by buttons that answer at once.

Wired by the Studio tab; following.py shows how a run goes on. Holds no run: the session does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr
from PIL import Image

from playground.errors import PlaygroundError
from playground.images.pictures import Pictures
from playground.images.regions import check_styles, misfit
from playground.service.admission import Busy
from playground.service.job import Job
from playground.system.device import describe_device
from playground.web.components import rounds, run_chart, steering, tug
from playground.web.components.forecast import seconds_left
from playground.web.components.format import status_line
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.components.pictures import given, room_for_both
from playground.web.people import caller
from playground.web.studio import results
from playground.web.studio.kept_pictures import pair
from playground.web.studio.open_pages import OpenPages
from playground.web.studio.session import Session
from playground.web.studio.settings_panel import SettingsPanel
from playground.web.threads import off_loop
from playground.web.words import say, translated

MESSAGES = ("run-message", "content-message", "style-message", "paintings-message", "notes", "time-message")
BUTTONS = ("run", "pause", "stop")
ASKED = ("wants-shares", "content", "style")  # whose values a run is started with, before those of the settings
LIVE_PARTS = ("preview", "status", "announce", "notes", "terms-chart", "shares", "rounds", "coach", "run", "pause")
"""What changes while a run paints."""
START_PARTS = (
    *BUTTONS, *MESSAGES, "preview", "status", "announce", "terms-chart", "before-after", "after", "summary",
    "repaint", "repainted", "run-id", "busy", "busy-note", "staged-now", "rounds", "kept-pair", "coach",
)  # fmt: skip
END_PARTS = (
    *START_PARTS, "earlier", "strip", "save-png", "save-jpg", "save-webp", "save-json",
)  # fmt: skip


def run_buttons(parts: Mapping[str, Any], job: Job | None) -> Updates:
    """The buttons that start and steer, as they stand for a run or for none."""
    running = job is not None and not job.ended
    paused = job is not None and running and job.control.read().paused
    going_on = "run.paused" if paused else "run.running"
    return {
        parts["run"]: gr.Button(say(going_on if running else "run.run"), interactive=not running),
        parts["pause"]: gr.Button(say("run.resume" if paused else "run.pause"), interactive=running),
        parts["stop"]: gr.Button(interactive=running),
    }


class Running:
    """Handlers of the buttons that start, watch and steer a run.

    Args:
        parts: the page's components by name; besides the settings': "preview", "status", "announce", "terms-chart",
            "shares", "run", "pause", "stop", "run-message", "content-message", "style-message",
            "notes", and those of results.py.
    """

    def __init__(self, parts: dict[str, Any], panel: SettingsPanel, pages: OpenPages) -> None:
        self.parts, self.panel, self.pages, self.jobs = parts, panel, pages, panel.jobs
        self.device = describe_device(self.jobs.device)

    # ---------------------------------------------------------------- Run

    async def start(
        self, session: Session, request: gr.Request, wants_shares: bool, content: str | None, style: str | None,
        *values: Any, replace: bool = False,
    ) -> Updates:  # fmt: skip
        """Start a run with what the page shows, or say what is wrong.

        Args:
            wants_shares, content, style: the values of `ASKED`.
            values: those of the settings' controls.
        """
        clean: Updates = {self.parts[name]: "" for name in MESSAGES} | self.answered(session)
        self.pages.here(session, request, acts=True)
        try:
            wrong = await off_loop(self._start, session, content, style, values, replace)
        except Busy as busy:
            session.asked = "run"
            return {**clean, **self.question(busy)}
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
        with self.jobs.starting(caller().person, replace=replace):
            with room_for_both(content, style, most=self.jobs.limits.kept_pixels):
                pictures, wrong = self._read(content, style)
            if not wrong:
                self._begin(session, pictures, values, replace)
            return wrong

    def _read(self, content: str | None, style: str | None) -> tuple[dict[str, Image.Image], Updates]:
        """The two pictures by their names, and what is wrong with them."""
        wrong: Updates = {}
        pictures: dict[str, Image.Image] = {}
        for name, path in (("content", content), ("style", style)):
            place = self.parts[f"{name}-message"]
            if not path:
                wrong[place] = message(say(f"error.choose_{name}"))
                continue
            try:
                pictures[name] = given(path, say(f"the.{name}"), self.jobs.limits.kept_pixels)
            except Exception as error:
                wrong[place] = message(fault(error))
        return pictures, wrong

    def _begin(
        self, session: Session, pictures: dict[str, Image.Image], values: tuple[Any, ...], replace: bool
    ) -> None:
        recipe = self.panel.to_paint(session, values)
        # The page keeps the photo's colours itself, so that they can be switched on and off after the run too.
        plain = recipe if recipe.colours == "matched" else recipe.changed({"colours": "style"})
        both = Pictures(pictures["content"], (pictures["style"], *session.more))
        plain = check_styles(plain, len(both.styles))
        if misfit(plain, pictures["content"].size):
            raise PlaygroundError(say("regions.misfit"))
        job = self.jobs.start(
            both, plain, session.who(), replace=replace, teacher=session.teacher, person=caller().person,
            frames_every=session.frames_every,
        )  # fmt: skip
        self.jobs.choices.show_colours(job, recipe.colours)
        session.put(job)

    def put_up(self, session: Session, said: str = "") -> Updates:
        """The run on the easel as it stands, before following.py shows how it goes on; `said` is for ears."""
        job, parts = session.job, self.parts
        if job is None:
            return NOTHING
        picture = session.content if job.picture is None else session.coloured(job.picture)
        return {
            **self.answered(session),
            **run_buttons(parts, job),
            parts["run-id"]: job.id,
            parts["staged-now"]: "",
            parts["status"]: status_line(job, self.device, seconds_left(job)),
            parts["announce"]: "" if job.ended else said or say("announce.started"),
            parts["preview"]: gr.Image(value=picture, visible=True),
            parts["before-after"]: gr.HTML(visible=False),
            parts["after"]: gr.Row(visible=False),
            parts["summary"]: "",
            parts["repaint"]: gr.Accordion(visible=False),
            parts["repainted"]: None,
            parts["terms-chart"]: {**run_chart.data(job), "others": results.others(session)},
            parts["rounds"]: rounds.table(job),
            parts["kept-pair"]: pair(job),
            parts["coach"]: {},
        }

    # ---------------------------------------------------------------- one run too many

    def question(self, busy: Busy) -> Updates:
        """Ask whether a new run is to take another's place."""
        asked = say("busy.replace_it" if busy.runs == 1 else "busy.replace_oldest")
        said = f"{translated(str(busy).partition(':')[0])}. {asked}"
        return {
            self.parts["busy"]: gr.Row(visible=True),
            self.parts["busy-note"]: message(said, "note"),
            self.parts["announce"]: said,
        }

    def answered(self, session: Session) -> Updates:
        """No question stands any more."""
        session.asked = ""
        return {self.parts["busy"]: gr.Row(visible=False)}

    # ---------------------------------------------------------------- buttons

    def pause(self, session: Session) -> Updates:
        """Pause a running run, or let a paused one go on."""
        return steering.pause_or_resume(session.running(), self.parts, held=self.jobs.classroom.holds(caller().person))

    def stop(self, session: Session) -> Updates:
        """Stop the run."""
        return steering.stop(session.running(), self.parts)

    def want_shares(self, session: Session, wanted: bool) -> str:
        """Measure how strongly each term pulls, or stop measuring."""
        job = session.running()
        if job is not None:
            job.control.want_shares(wanted)
        return tug.tug(None, say("tug.measuring") if wanted and job is not None else tug.unmeasured(wanted))
