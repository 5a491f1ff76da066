"""Every picture of a run as a zip, where somebody wants them kept, and the last picture beside the best.

Laid out and wired here for the Studio; service/kept_frames.py keeps the pictures while a run paints.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from playground.errors import PlaygroundError
from playground.images.convert import resize_picture
from playground.images.finish import finished
from playground.images.save import encode_picture
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.web.components.data_urls import url_of_picture
from playground.web.components.layout import LIGHT, SAVE_FILE, WATCHING, Parts, html, listed
from playground.web.components.messages import Updates, fault, message
from playground.web.gradio_patches.private_names import served_bytes, served_file
from playground.web.studio.session import Session
from playground.web.words import say

EVERY = (0, 1, 5, 50)
BESIDE = 384  # long side of the two pictures beside each other


def build_kept(parts: Parts, jobs: Jobs) -> None:
    """Lay the panel out where the page stands just now."""
    with gr.Accordion(say("kept.title"), open=False, elem_id="kept", elem_classes=["sheet"]) as parts["kept"]:
        chosen = [(_called(every), every) for every in EVERY]
        parts["keep-every"] = gr.Dropdown(
            chosen, value=0, label=say("kept.keep"), info=say("kept.help", megabytes=f"{jobs.limits.frames_mb:g}"),
            filterable=False, elem_id="keep-every", elem_classes=["setting"],
        )  # fmt: skip
        with gr.Row(elem_classes=["buttons"]):
            parts["kept-zip"] = gr.Button(say("kept.zip"), size="sm", elem_id="kept-zip")
            parts["kept-last"] = gr.Button(say("kept.save_last"), size="sm", elem_id="kept-last")
        html(parts, "kept-message")
        html(parts, "kept-pair")
        parts["kept-file"] = gr.File(visible=False)


def _called(every: int) -> str:
    return say("kept.none") if every == 0 else say("kept.each") if every == 1 else say("kept.nth", count=every)


def wire_kept(parts: Parts, jobs: Jobs) -> None:
    """Bind the panel."""
    kept, session = Kept(parts, jobs), parts["session"]
    parts["keep-every"].input(kept.wanted, [session, parts["keep-every"]], parts["kept-message"], **LIGHT)
    files = listed(parts, ("kept-file", "kept-message"))
    for button, make in (("kept-zip", kept.zipped), ("kept-last", kept.last)):
        made = parts[button].click(make, session, files, **WATCHING)
        made.then(None, parts["kept-file"], None, js=SAVE_FILE, **LIGHT)


class Kept:
    """Handlers of the panel."""

    def __init__(self, parts: Parts, jobs: Jobs) -> None:
        self.parts, self.jobs = parts, jobs

    def wanted(self, session: Session, every: Any) -> str:
        """How often a picture is to be kept: of the run that goes on from now on, and of those to come."""
        session.frames_every = every if every in EVERY else 0
        job = session.running()
        if job is not None:
            self.jobs.choices.keep_frames(job, session.frames_every)
        if session.frames_every and (self.jobs.store is None or not self.jobs.limits.frames_mb):
            return message(say("kept.not_here"))
        return ""

    def zipped(self, session: Session) -> Updates:
        """Every picture that is kept of the run on the easel."""

        def made(job: Job, place: gr.components.Component) -> str:
            if job.kept is None or not len(job.kept):
                raise PlaygroundError(say("kept.nothing"))
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"pictures-{job.recipe.preset or 'own'}-{job.recipe.seed}.zip"
                job.kept.zip_to(path)
                return served_file(path, place)

        return self._saved(session, made)

    def last(self, session: Session) -> Updates:
        """The last picture of the run on show, with the recipe inside."""

        def made(job: Job, place: gr.components.Component) -> str:
            last = last_of(job)
            if last is None or job.result is None:
                raise PlaygroundError(say("kept.no_last"))
            name = f"last-{job.recipe.preset or 'own'}-{job.recipe.seed}.png"
            return served_bytes(encode_picture(last, "png", job.result.recipe.to_json()), name, place)

        return self._saved(session, made)

    def _saved(self, session: Session, make: Callable[[Job, gr.components.Component], str]) -> Updates:
        place, said = self.parts["kept-file"], self.parts["kept-message"]
        try:
            job = session.job if session.running() or not session.finished else session.finished[-1].job  # on show
            if job is None:
                raise PlaygroundError(say("time.no_run"))
            return {place: make(job, place), said: ""}
        except Exception as error:
            return {place: None, said: message(fault(error))}


def last_of(job: Job) -> Image.Image | None:
    """The picture as the optimiser left it, in the colours that the run is shown in."""
    last = job.result.last if job.result is not None else None
    return _coloured(job, last) if last is not None else None


def _coloured(job: Job, picture: Image.Image) -> Image.Image:
    if job.colours in ("style", "matched"):
        return picture
    return finished(picture, job.painted_content, job.pictures.styles, job.recipe, job.colours)


def pair(job: Job | None) -> str:
    """HTML: the best picture of a run and its last, side by side; "" before it has ended."""
    last = last_of(job) if job is not None else None
    if job is None or job.result is None or last is None:
        return ""
    both = (_coloured(job, job.result.picture), "kept.best"), (last, "kept.last")
    figures = "".join(_figure(picture, say(key)) for picture, key in both)
    return f'<div class="best-and-last">{figures}</div>'


def _figure(picture: Image.Image, said: str) -> str:
    address = url_of_picture(resize_picture(picture, min(BESIDE, max(picture.size))), subsampling=2)
    return f'<figure><img src="{address}" alt="{escape(said)}"><figcaption>{escape(said)}</figcaption></figure>'
