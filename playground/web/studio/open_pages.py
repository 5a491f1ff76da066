"""Which pages are open, and what happens to a run when its page goes away.

Shared by everything that starts or follows runs in the Studio. Knows no component: it neither shows nor says anything.
"""

from __future__ import annotations

import threading
from collections import deque

import gradio as gr

from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.web.studio.branches import family
from playground.web.studio.session import Session

MAX_PAGES_AT_FULL_RATE = 4  # more open pages than these look at their runs less often


class OpenPages:
    """The pages that are open, by gradio's session hash."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self.open: dict[str, Session] = {}
        self._left: deque[str] = deque(maxlen=1000)  # pages that were closed, perhaps before they were quite open
        self._door = threading.Lock()  # over the two above

    def here(self, session: Session, request: gr.Request, *, acts: bool = False) -> None:
        """The page is open, unless it was closed while it was opened; one that `acts` is there whatever was said."""
        name = request.session_hash
        with self._door:
            session.gone = name in self._left and not acts
            if name and not session.gone:
                self.open[name] = session
                self.jobs.people.add(session.who())

    def crowd(self) -> float:
        """How many times as long to wait between two looks at runs: 1 for a few open pages, 7.5 for thirty."""
        return max(1.0, len(self.open) / MAX_PAGES_AT_FULL_RATE)

    def watched(self, job: Job) -> bool:
        """Whether an open page has a run on its easel."""
        with self._door:
            return any(session.job is job for session in self.open.values())

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
                self.jobs.people.discard(session.visitor)
        if session.job is not None:
            for job in family(self.jobs, session.job):
                job.touch()  # the grace period begins now
