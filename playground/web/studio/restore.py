"""The page is opened: whose it is, and which run comes back to it. Wired by the Studio tab.

A browser keeps a person's secret for all its tabs, and in each tab the id of the run that it showed last (page.js).
Both are unguessable, and they are all that is needed to come back after a reload, also of another server process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from playground.service.job import Job, TrainingJob
from playground.web.components.messages import Updates, message
from playground.web.studio import results
from playground.web.studio.branches import settings_now
from playground.web.studio.running import Running
from playground.web.studio.session import Session
from playground.web.studio.settings import Settings
from playground.web.visit import told

TEACHER = "This page was opened with the teacher's key: its runs go first."
TAKEN_OVER = "This run was begun in this browser, and no page showed it any more: here it is again"
ARRIVED = ("came-back", "teacher", "earlier", "strip")


class Arrival:
    """What happens when a page is opened."""

    def __init__(
        self, parts: dict[str, Any], settings: Settings, running: Running, is_teacher: Callable[[object], bool]
    ) -> None:
        self.parts, self.settings, self.running, self.is_teacher = parts, settings, running, is_teacher

    def opened(self, session: Session, text: str | None, request: gr.Request) -> Updates:
        """The run of this tab or one that nobody watches comes back; else the page shows the recipe of its link."""
        browser = told(text)
        session.visitor = browser.person or session.who()
        session.teacher = self.is_teacher(browser.key)
        job = self._own(session, browser.run)
        followed_link = bool(request.query_params.get("preset") or request.query_params.get("recipe"))
        if job is not None and job.ended and browser.elsewhere and followed_link:
            job = None  # somebody came here for something else, and nothing goes on
        taken_over = None if job is not None or browser.run else self._left_alone(session)
        self.running.here(session, request)
        updates: Updates = {self.parts["teacher"]: message(TEACHER, "note") if session.teacher else ""}
        job = job or taken_over
        if job is not None:
            session.put(job, job in self.running.coloured)
        if job is not None and not (followed_link and (browser.elsewhere or taken_over)):
            updates |= self.settings.show(session, settings_now(job), of_run=True)
            updates[self.parts["came-back"]] = job.id
        else:
            updates |= self.settings.opened(session, request)
        updates |= self._earlier(session)
        if job is not None:
            updates |= self.running.put_up(session, "Your run is here again.")
            updates[self.parts["run-message"]] = message(TAKEN_OVER, "note") if taken_over else ""
        return updates

    def pictures(self, session: Session) -> list[Any]:
        """The two pictures of the run that came back, for their boxes.

        By an event of their own, since gradio makes an output anew that an event leaves as it is, and these must stay
        the boxes that leave an uploaded file untouched.
        """
        job = session.job
        return [job.content, job.style] if job is not None else [None, None]

    def _own(self, session: Session, run: str) -> Job | None:
        """The run with this id, if it can be shown still."""
        job = self.running.jobs.get(run) if run else None
        return None if isinstance(job, TrainingJob) or job is None or job.content is None else job

    def _left_alone(self, session: Session) -> Job | None:
        """The latest run of this person that goes on and that no open page shows."""
        runs = self.running.jobs.find(session.who())
        alone = [job for job in runs if not job.ended and job.content is not None and not self.running.watched(job)]
        return alone[-1] if alone else None

    def _earlier(self, session: Session) -> Updates:
        self.running.recollect(session)
        if not session.finished:
            return {}
        return {self.parts["earlier"]: gr.Column(visible=True), self.parts["strip"]: results.strip(session)}
