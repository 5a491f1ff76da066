"""What can be done with a result on the page: its colours, a new run from it, another photo, an earlier one.

Wired by the Studio tab; results.py shows what is done here.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from playground.engine.run import check_pictures
from playground.errors import PlaygroundError
from playground.images.convert import resize_picture, to_picture, to_tensor
from playground.images.local_colours import take_light
from playground.networks.hrnet import Repainter
from playground.recipe.styles import Colours
from playground.web.components import controls
from playground.web.components.messages import NOTHING, Updates, message
from playground.web.components.pictures import given
from playground.web.studio import results
from playground.web.studio.result_names import cards
from playground.web.studio.session import MAX_FINISHED, Finished, Session
from playground.web.studio.settings_panel import SettingsPanel
from playground.web.studio.steering import own
from playground.web.words import say

COLOURS_SAID = f"message-{controls.FIELDS['colours']}"
"""Where something is said about whose colours are chosen."""


class ResultActions:
    """Handlers of what stands under a result, and of the strip of earlier ones."""

    def __init__(self, parts: dict[str, Any], panel: SettingsPanel) -> None:
        self.parts, self.panel, self.jobs = parts, panel, panel.jobs

    def recollect(self, session: Session) -> None:
        """Bring results of this person that the page has not shown, such as those from before a reload, into the strip."""
        known = {done.job for done in session.finished} | {session.job}
        runs = self.jobs.find(session.who())
        for job in [*(job for job in runs[:-MAX_FINISHED] if job.pinned), *runs[-MAX_FINISHED:]]:
            if job not in known and job.result is not None and job.content is not None:
                content = resize_picture(job.painted_content, job.recipe.size)
                results.remember(session, results.finish(job, content, job.colours))

    def colours(self, session: Session, wanted: Colours) -> Updates:
        """Other colours: at once in the previews of a run, and in a result without a new run.

        Matched ones change what is painted: they wait for the next run, and a run that has them keeps them.
        """
        return self.panel.guarded("run-message", self._colours, session, wanted)

    def _colours(self, session: Session, wanted: Colours) -> Updates:
        own(session, "colours", wanted)
        shown = session.running() or (session.finished[-1].job if session.finished else session.job)
        place = self.parts[COLOURS_SAID]
        if shown is not None and "matched" in (wanted, shown.recipe.colours):
            return {place: message(say("paintings.next_run"), "note") if wanted != shown.recipe.colours else ""}
        session.colours = wanted
        if shown is not None:
            self.jobs.choices.show_colours(shown, wanted)
        if session.running() or not session.finished:
            return {place: ""}
        done = session.finished[-1]
        results.recolour(done, wanted)
        return {**results.shown(self.parts, done), self.parts["strip"]: cards(session), place: ""}

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
        network, recipe, fitted = result.generator, result.recipe, session.colours == "fitted"

        def repainted() -> Updates:
            if not path:
                raise PlaygroundError(say("error.choose_photo"))
            content = resize_picture(given(path, say("the.other")), recipe.size)
            check_pictures(content, recipe.size)
            small = resize_picture(content, recipe.painted_size)
            paint = Repainter(network, self.jobs.here)
            picture = to_picture(self.jobs.turn().do(partial(paint, to_tensor(small))))
            if fitted:
                picture = take_light(picture, content)
            return {self.parts["repainted"]: picture, self.parts["repaint-message"]: ""}

        return self.panel.guarded("repaint-message", repainted)

    def bring_back(self, session: Session, done: Finished) -> Updates:
        """An earlier result was picked on the shelf: its picture, its curves and its recipe come back."""

        def back() -> Updates:
            updates = self.panel.offered(session, done.recipe, say("results.back"))
            if session.running():
                return updates
            session.colours = done.recipe.colours
            session.brought = done.job
            session.finished = [*(other for other in session.finished if other is not done), done]
            return {
                **updates, **results.shown(self.parts, done), **results.curves(session, self.parts, done),
                self.parts["strip"]: cards(session), self.parts["came-back"]: f"{done.job.id} {time.monotonic_ns()}",
            }  # fmt: skip

        return self.panel.fill(session, back)
