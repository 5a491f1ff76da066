"""The page is opened: whose it is, and which run comes back to it. Wired by the Studio tab.

A browser keeps a person's secret for all its tabs, and in each tab the id of the run that it showed last (page.js).
Both are unguessable, and they are all that is needed to come back after a reload, also of another server process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from playground.service.job import Job
from playground.web.components.messages import Updates, message
from playground.web.components.pictures import sample_called, samples_like
from playground.web.studio.branches import settings_now
from playground.web.studio.result_actions import ResultActions
from playground.web.studio.result_names import cards
from playground.web.studio.running import Running
from playground.web.studio.session import LINKED, Session, samples_of_link
from playground.web.studio.settings_panel import SettingsPanel
from playground.web.visit import told
from playground.web.words import counted, say, translated

ARRIVED = ("came-back", "teacher", "earlier", "strip")


class Restore:
    """What happens when a page is opened."""

    def __init__(
        self, parts: dict[str, Any], panel: SettingsPanel, running: Running, results: ResultActions,
        is_teacher: Callable[[object], bool],
    ) -> None:  # fmt: skip
        self.parts, self.panel, self.running, self.results = parts, panel, running, results
        self.pages, self.is_teacher = running.pages, is_teacher

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
        self.pages.here(session, request)
        updates: Updates = {self.parts["teacher"]: message(say("restore.teacher"), "note") if session.teacher else ""}
        job = job or taken_over
        if job is not None:
            session.put(job)
        if job is not None:
            updates |= self.panel.show(session, settings_now(job))
            updates[self.parts["came-back"]] = job.id
        session.linked = samples_of_link(dict(request.query_params)) if job is None else {}
        if session.linked:
            updates[self.parts["came-back"]] = "&".join(session.linked.values())
        if job is None or (followed_link and (browser.elsewhere or taken_over)):
            updates |= self.panel.opened(session, request)  # while the run goes on, it waits for the next
        updates |= self._earlier(session)
        said = message(say("restore.taken_over"), "note") if taken_over else ""
        if job is not None:
            updates |= self.running.put_up(session, say("restore.here_again"))
        if why := self.pages.jobs.choices.why_aside(session.who()):
            said += message(counted("restore.aside", len(why), why=translated(why[-1])))
        if job is not None or why:
            updates[self.parts["run-message"]] = said
        return updates

    def pictures(self, session: Session) -> list[Any]:
        """The two pictures of the run that came back, or those of the page's link, for their boxes.

        By an event of their own, since gradio makes an output anew that an event leaves as it is, and these must stay
        the boxes that leave an uploaded file untouched.
        """
        job, session.brought = session.brought or session.job, None
        if job is not None and job.content is not None:
            found = samples_like(job.content, job.style)
            own = zip(found, (job.content, job.style), strict=True)
            return [sample.file() if sample else picture for sample, picture in own]
        asked = {box: sample_called(LINKED[box][1], name) for box, name in session.linked.items()}
        return [sample.file() if (sample := asked.get(box)) else gr.skip() for box in ("content", "style")]

    def _own(self, session: Session, run: str) -> Job | None:
        """The run with this id, if it can be shown still."""
        job = self.pages.jobs.get(run) if run else None
        return job if job is not None and job.content is not None else None  # a training has no content image

    def _left_alone(self, session: Session) -> Job | None:
        """The latest run of this person that goes on and that no open page shows."""
        runs = self.pages.jobs.find(session.who())
        alone = [job for job in runs if not job.ended and job.content is not None and not self.pages.watched(job)]
        return alone[-1] if alone else None

    def _earlier(self, session: Session) -> Updates:
        self.results.recollect(session)
        if not session.finished:
            return {}
        return {self.parts["earlier"]: gr.Column(visible=True), self.parts["strip"]: cards(session)}
