"""What the page shows of a finished run: before and after, the figure, files to download, the strip of earlier results.

Called by running.py when a run ends and by the Studio tab for what can be done with a result.
"""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from playground.engine.frames import Result
from playground.engine.losses import unweighted
from playground.images.finish import finished
from playground.images.save import encode_picture
from playground.measure.distances import photorealism
from playground.recipe.picture_limits import DPI
from playground.recipe.styles import Colours
from playground.service.job import Job
from playground.web.components import rounds, run_chart, viewer
from playground.web.components.format import duration, ending, number, on_paper, term
from playground.web.gradio_patches.private_names import served_bytes
from playground.web.studio.kept_pictures import pair
from playground.web.studio.result_names import called
from playground.web.studio.session import MAX_FINISHED, Finished, Session
from playground.web.words import counted, decimal, say

FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WebP"}


def finish(job: Job, content: Image.Image, colours: Colours) -> Finished:
    """A job that has ended as something to show; the engine paints in the painting's colours, the page changes them."""
    assert job.result is not None
    at_size = content.resize(job.result.picture.size, Image.Resampling.LANCZOS)
    done = Finished(job.result.picture, at_size, job.result.recipe, job, job.result.picture)
    recolour(done, colours)
    return done


def recolour(done: Finished, colours: Colours) -> None:
    """Show a finished picture in other colours; the recipe inside its files says so too.

    One that was painted with matched colours stays as it is: there are no others of it.
    """
    if done.recipe.colours == "matched" or colours == "matched":
        return
    done.small = None
    done.shown = finished(done.painted, done.content, done.job.pictures.styles, done.recipe, colours)
    done.recipe = done.recipe.changed({"colours": colours})


def files(done: Finished, place: gr.components.Component) -> dict[str, str]:
    """The result as files with the recipe inside, and the recipe itself, served at `place`; paths by suffix."""
    text, stem = done.recipe.to_json(), f"painted-{done.recipe.preset or 'own'}-{done.recipe.seed}"
    data = {suffix: encode_picture(done.shown, suffix, text, dpi=DPI) for suffix in FORMATS}
    data["json"] = text.encode()
    return {suffix: served_bytes(content, f"{stem}.{suffix}", place) for suffix, content in data.items()}


def shown(parts: dict[str, Any], done: Finished) -> dict[Any, Any]:
    """Updates that show a finished picture: before and after in the place of the preview, and the files."""
    saved = files(done, parts["save-png"])
    return {
        parts["preview"]: gr.Image(value=np.asarray(done.shown), visible=False),
        parts["before-after"]: gr.HTML(viewer.value(done.content, done.shown, parts["save-png"]), visible=True),
        parts["after"]: gr.Row(visible=True),
        parts["repaint"]: gr.Accordion(visible=done.job.result is not None and done.job.result.generator is not None),
        **{parts[f"save-{suffix}"]: gr.DownloadButton(value=path) for suffix, path in saved.items()},
    }


def curves(session: Session, parts: dict[str, Any], done: Finished) -> dict[Any, Any]:
    """The chart of a finished run, with the others of this visit to lay over it, and its summary."""
    told = {parts["rounds"]: rounds.table(done.job), parts["kept-pair"]: pair(done.job)}
    return {parts["terms-chart"]: chart(session, done), parts["summary"]: summary(done), **told}


def chart(session: Session, done: Finished) -> dict[str, Any]:
    """What run_chart.js draws of a finished run, with the others of this visit."""
    return {**run_chart.data(done.job), "others": others(session)}


def others(session: Session) -> list[dict[str, Any]]:
    """The curves of this visit's results, newest first, for laying over the chart."""
    newest = list(reversed(session.finished))
    return [run_chart.overlay(name, done.job) for done, name in zip(newest, called(newest), strict=True)]


def summary(done: Finished) -> str:
    """How a run ended and with what losses, as one paragraph of HTML."""
    result = done.job.result
    assert result is not None
    width, height = result.picture.size
    changes = len(done.recipe.journal)
    said = [
        say(
            "summary.how", how=ending(result.ended, "summary"), steps=result.steps, time=duration(result.seconds),
            width=width, height=height, seed=done.recipe.seed, network=done.recipe.network,
        )
    ]  # fmt: skip
    if plain := plain_losses(result):
        said.append(say("summary.losses", losses=", ".join(f"{term(name)} {number(plain[name])}" for name in plain)))
    if result.generator is not None:
        kept = photorealism(done.content, done.shown if done.recipe.colours == "fitted" else done.painted)
        said.append(
            say("summary.drawing", structure=decimal(f"{kept['structure']:.2f}"), edges=decimal(f"{kept['edges']:.2f}"))
        )
    if changes:
        said.append(counted("summary.steered", changes))
    said.append(say("summary.paper", cm=on_paper(max(width, height)), dpi=DPI))
    return f'<p class="summary">{escape(" ".join(said))}</p>'


def plain_losses(result: Result) -> dict[str, float]:
    """The terms of a result's picture before their weights, as the chart shows them first; those that were on at its end."""
    steered = {change.key: change.value for change in result.recipe.journal}
    plain = unweighted(result.layers, result.recipe.changed({**steered, "journal": ()}))
    return {name: value for name, value in plain.items() if ":" not in name}


def remember(session: Session, done: Finished) -> None:
    """Add a result to this visit's, dropping the oldest that is not pinned when there are too many."""
    kept = [*(other for other in session.finished if other is not done), done]
    while len(kept) > MAX_FINISHED:
        kept.remove(next((other for other in kept[:-1] if not other.job.pinned), kept[0]))
    session.finished = kept
