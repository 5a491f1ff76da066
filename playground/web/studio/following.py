"""A run is followed: a generator that only looks shows what it has to tell, and at its end what it has left.

It subscribes to a job and never holds it up: if its page goes away the job ends after its own grace period. Wired by the
Studio tab to everything that puts a run on the easel.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from playground.engine.first_light import was_shown
from playground.service.classroom import CLEARED
from playground.service.job import Job
from playground.system.device import describe_device
from playground.web.components import rounds, run_chart, tug
from playground.web.components.forecast import seconds_left
from playground.web.components.format import ending, status_line
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.people import caller
from playground.web.studio import results
from playground.web.studio.coach import coached
from playground.web.studio.open_pages import OpenPages
from playground.web.studio.result_actions import ResultActions
from playground.web.studio.result_names import cards
from playground.web.studio.running import run_buttons
from playground.web.studio.session import Session
from playground.web.threads import off_loop
from playground.web.words import say, translated

LOOK_EVERY = 0.05  # seconds between two looks at the job
NEWS_EVERY = 0.25  # at most four pictures and updates of figures a second, together, since every update costs
NEWS_PER_PAGE = (
    0.12  # seconds more between two updates for every open page, so that showing thirty does not slow painting
)
SHARES_EVERY = 1.0
LIGHT_STAYS = 0.25  # first light, which the first small steps overtake within some hundredths
JUST_BEGUN = 2.0  # of painting: whoever opens the page later is not shown how it began
WHOLE_EVERY = 3.0  # the whole curve anew; between, its last points
SIGN_EVERY = 4.0  # an event costs about a hundredth of a second, whether or not it says anything


class Following:
    """Handlers that follow the run on the easel.

    Args:
        parts: the page's components by name.
        pages: the open pages; the more there are, the less often each looks.
        results: for what a run leaves.
    """

    def __init__(self, parts: dict[str, Any], pages: OpenPages, results: ResultActions) -> None:
        self.parts, self.pages, self.results = parts, pages, results
        self.device = describe_device(pages.jobs.device)

    async def follow(self, session: Session) -> AsyncIterator[Updates]:
        """Show what a run has to tell until it ends, another takes its place, or the page goes away."""
        try:
            async for updates in self._follow(session):
                yield updates
        except GeneratorExit:
            self.pages.left(session)
            raise

    async def _follow(self, session: Session) -> AsyncIterator[Updates]:
        job, parts = session.watched, self.parts
        seen, seen_picture, said_notes, said_state = -1, 0, 0, ""
        next_news = next_whole = next_shares = light_until = 0.0
        yield NOTHING
        next_sign, said_line, moved, said_held = 0.0, dict[str, str](), False, False
        # Not `session.gone`: on a busy machine gradio's sign of life may fail while the page is still being told. A page
        # that really went away closes this generator at its next yield.
        while job is not None and job is session.watched and not job.ended:
            if caller().listens:
                job.touch()
            now, updates = time.monotonic(), dict[Any, Any]()
            # A first step is told at once, but for first light.
            if job.version != seen and (now >= next_news or (_moves(job) and not moved and now >= light_until)):
                light = await off_loop(_light, job) if seen_picture == 0 and job.picture_version else None
                moved = _moves(job) and light is None
                seen, next_news = job.version, now + max(NEWS_EVERY, NEWS_PER_PAGE * len(self.pages.open))
                updates[parts["status"]] = self._line(job)
                if light is not None:  # what has overtaken it is news at the next look
                    seen, seen_picture, light_until = -1, -1, now + LIGHT_STAYS
                    updates[parts["preview"]] = await off_loop(session.coloured, light)
                elif job.picture_version != seen_picture:
                    seen_picture = job.picture_version
                    updates[parts["preview"]] = await off_loop(session.coloured, job.picture)
                whole = now >= next_whole
                if job.curve:
                    updates[parts["terms-chart"]] = run_chart.data(job, whole=whole)
                if whole:
                    next_whole = now + WHOLE_EVERY
                    if job.reported.rounds:
                        updates[parts["rounds"]] = rounds.table(job)
                if now >= next_shares:
                    next_shares = now + SHARES_EVERY
                    if (line := await off_loop(coached, job)) != said_line:
                        said_line = updates[parts["coach"]] = line
                    if job.control.read().shares and job.pulls and session.tug_at is None:
                        updates[parts["shares"]] = tug.tug(job.pulls)
                if len(job.notes) != said_notes:
                    said_notes = len(job.notes)
                    updates[parts["notes"]] = message(translated(job.notes[-1]), "note")
            if job.state != said_state:
                ended_pause = "resumed" if said_state == "paused" else ""
                news = job.state if job.state in ("paused", "waiting") else ended_pause
                said, said_state = say(f"announce.{news}") if news else "", job.state
                if said:
                    updates[parts["announce"]] = said
                if news in ("paused", "resumed"):
                    updates[parts["run"]] = gr.Button(say("run.paused" if news == "paused" else "run.running"))
            if (held := self._held(job)) != said_held:
                said_held, updates[parts["pause"]] = held, gr.Button(interactive=not held)
                updates[parts["status"]] = self._line(job)
            if updates or now >= next_sign:  # without a yield from time to time nobody notices that the page has gone
                next_sign = now + SIGN_EVERY
                yield updates or NOTHING
            await asyncio.sleep(LOOK_EVERY * (self.pages.crowd() if moved else min(2.0, self.pages.crowd())))

    def _held(self, job: Job) -> bool:
        """Whether a run waits because the teacher has paused the room."""
        return job.state == "paused" and self.pages.jobs.classroom.holds(job.person)

    def _line(self, job: Job) -> str:
        """The status line, behind what the teacher has done to the run."""
        line = status_line(job, self.device, seconds_left(job))
        if CLEARED in job.notes:
            return f"{translated(CLEARED[0].upper() + CLEARED[1:])} · {line}"
        return f"{say('class.held')} · {line}" if self._held(job) else line

    async def finish(self, session: Session) -> AsyncIterator[Updates]:
        """Show what a run has left once it has ended; nothing where none was started, or another has taken its place."""
        job = session.watched
        yield NOTHING
        if job is None or not job.ended or session.content is None:
            return
        session.watched = None
        try:
            async for updates in self._finished(session, job, session.content):
                yield self._beside(session, job, updates)
        except Exception as error:
            said = {self.parts["run-message"]: message(fault(error)), **run_buttons(self.parts, None)}
            yield self._beside(session, job, said)

    def _beside(self, session: Session, job: Job, updates: Updates) -> Updates:
        """What a run has left, without what is another's if one has taken its place on the easel meanwhile."""
        if session.job is job:
            return updates
        kept = {self.parts[name] for name in ("earlier", "strip")}
        return {part: update for part, update in updates.items() if part in kept} or NOTHING

    async def _finished(self, session: Session, job: Job, content: Image.Image) -> AsyncIterator[Updates]:
        parts = self.parts
        updates: Updates = {
            **run_buttons(self.parts, None),
            parts["status"]: self._line(job),
            parts["announce"]: ending(job.state, "announcement"),
            parts["terms-chart"]: run_chart.data(job),
            parts["rounds"]: rounds.table(job),
            parts["coach"]: {},
            parts["notes"]: message(translated(job.notes[-1]), "note") if job.notes else "",
        }
        if job.result is None:
            if job.error:
                updates[parts["run-message"]] = message(translated(job.error))
            yield updates
            return
        await off_loop(self.results.recollect, session)
        again = [other for other in session.finished if other.job is job]
        done = again[0] if again else await off_loop(results.finish, job, content, session.colours)
        results.remember(session, done)
        result = await off_loop(results.shown, parts, done)
        result[parts["earlier"]] = gr.Column(visible=True)
        yield {**updates, **result, parts["strip"]: cards(session)}
        # The result, what hides and what may be pressed is said twice: a page that is busy with its parts, after a reload,
        # when a run ends within a second or on a slow machine, may lose it once.
        yield {
            **await off_loop(results.curves, session, parts, done),
            **result,
            parts["preview"]: gr.Image(visible=False),  # its picture once is enough
            **run_buttons(parts, None),
        }


def _moves(job: Job) -> bool:
    """Whether a run has made its first step."""
    return job.frame is not None and job.frame.step > 0


def _light(job: Job) -> np.ndarray | None:
    """First light of a run that has just begun, where it has any."""
    if job.frame is None or job.frame.seconds > JUST_BEGUN or not was_shown(job.notes):
        return None
    first = job.previews.at(0) if job.frame.evaluations else None
    return job.picture if first is None else np.asarray(first.picture)
