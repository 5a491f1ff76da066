"""Tug, Pairs and Echo under the easel: what the network sees in the picture on show, whichever that is.

Laid out and wired by the Studio tab. A lens looks only when its page asks, which it does while its tab is open (lens.js), in a
turn like all other work; it touches no run. What is looked at: a moment of the time machine, the run as it is, the result on
show, or before any run the two pictures that are chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from PIL import Image

from playground.engine.checkpoints import CheckpointError
from playground.engine.first_light import was_shown
from playground.errors import PlaygroundError
from playground.images.convert import cut_picture
from playground.lens import looking
from playground.lens.pulls import pulls_on
from playground.networks.arithmetic_choice import choose
from playground.networks.vgg import Vgg
from playground.recipe.base import DEFAULT_NETWORK, STYLE_BLOCKS
from playground.recipe.model import Recipe
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.web.components import lenses, tug
from playground.web.components.layout import LATEST, Parts
from playground.web.components.messages import fault, message
from playground.web.components.pictures import given
from playground.web.gradio_patches.private_names import event_value
from playground.web.studio.branches import settings_now
from playground.web.studio.history import described
from playground.web.studio.session import Session
from playground.web.words import say

PULLED = 256  # pixels, as the other lenses look at; a run's own pulls are measured at its own size
MIN_SIZE = 64  # pixels, the least that a recipe may ask for
FIRST = {"pairs": "conv4_1", "echo": "conv4_2"}
"""The layer that each lens opens with."""


@dataclass(frozen=True)
class OnShow:
    """What a lens looks at.

    Attributes:
        name: the same for everything that has the same photo and painting.
        version: another one for every picture painted of them.
        shown: None before there is a picture of them.
        said: which picture that is, for people.
        recipe: the settings it was painted with.
    """

    name: str
    version: str
    photo: Image.Image
    painting: Image.Image
    shown: Image.Image | None
    said: str
    recipe: Recipe
    job: Job | None = None

    @property
    def pictures(self) -> tuple[Image.Image, Image.Image, Image.Image | None]:
        return self.photo, self.painting, self.shown


def on_show(session: Session, at: int | None, content: str | None, style: str | None) -> OnShow:
    """The picture that the Studio shows, or that of a moment of the run on the easel.

    Args:
        at: evaluation of the moment; None for the picture on the easel.
        content, style: the two boxes, for a page without a run.

    Raises:
        PlaygroundError: a picture is missing or cannot be used.
    """
    results = session.finished if at is None and session.running() is None else []
    job = results[-1].job if results else session.job
    if job is None or job.content is None:
        if not content or not style:
            raise PlaygroundError(say("error.choose_both"))
        photo, painting = given(content, say("the.content")), given(style, say("the.style"))
        return OnShow(f"boxes{hash((content, style))}", "", photo, painting, None, say("lens.before"), Recipe())
    pair = job.painted_content, cut_picture(job.style, job.recipe.style_crop)
    frame = job.previews.at(at) if at is not None else None
    if frame is not None:
        settings = _settings_at(job, frame.evaluation)
        said = say("lens.first_light") if frame.evaluation == 0 and was_shown(job.notes) else described(job, frame)
        return OnShow(job.name, f"at {frame.evaluation}", *pair, frame.picture, said, settings, job)
    if job.result is not None:
        return OnShow(job.name, "result", *pair, job.result.picture, say("lens.result"), settings_now(job), job)
    shown = Image.fromarray(job.picture) if job.picture is not None else None
    said = say("lens.now", step=job.frame.step if job.frame is not None else 0)
    return OnShow(job.name, f"picture {job.picture_version}", *pair, shown, said, settings_now(job), job)


def _settings_at(job: Job, evaluation: int) -> Recipe:
    """What was set at a moment, as far as it is known still."""
    try:
        return job.checkpoints.settings(evaluation) if job.checkpoints is not None else settings_now(job)
    except CheckpointError:
        return settings_now(job)


class Lenses:
    """Handlers of the tabs."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs

    def pairs(self, session: Session, content: str | None, style: str | None, event: gr.EventData) -> dict[str, Any]:
        """The Gram matrix to touch; only the picture painted where the page has the others already."""

        def look(shown: OnShow, layer: str, network: Vgg) -> dict[str, Any]:
            key, before = f"{shown.name} {layer}", session.pairs_seen
            again = before is not None and before[0] == key and event_value(event, "has") == key
            if again and before is not None and shown.shown is not None:
                picture, seen = shown.shown, before[1]
                found = replace(seen, shown=self._turn(lambda: looking.beside(seen, picture, network)))
            else:
                again = False
                found = self._turn(lambda: looking.pairs(*shown.pictures, layer, network))
            session.pairs_seen = key, found
            layers = [name for name in STYLE_BLOCKS if name in network.layers]
            return {"key": key, **lenses.pairs_value(found, shown.pictures, layers, only_shown=again)}

        return self._answer("pairs", session, content, style, event, look)

    def echo(self, session: Session, content: str | None, style: str | None, event: gr.EventData) -> dict[str, Any]:
        """What a layer finds alike."""

        def look(shown: OnShow, layer: str, network: Vgg) -> dict[str, Any]:
            pictures = [picture for picture in shown.pictures if picture is not None]
            found = self._turn(lambda: looking.echo(pictures, layer, network))
            architecture = network.network.architecture
            return lenses.echo_value(found, shown.pictures, network.layers, architecture)

        return self._answer("echo", session, content, style, event, look)

    def tug(self, session: Session, wanted: bool, event: gr.EventData) -> str:
        """Where the terms pull a moment or a result; while a run goes on, what it has measured last.

        Args:
            wanted: whether a run is to measure its pulls.
        """
        session.tug_at = at = moment(event)
        turn = question(event)
        try:
            shown = on_show(session, at, None, None) if session.job is not None or session.finished else None
            job = shown.job if shown is not None else None
            if shown is None or job is None or shown.shown is None or job.content is None:
                return tug.tug(None, tug.unmeasured(wanted), turn=turn)
            if shown.version.startswith("picture"):
                measuring = say("tug.measuring") if job.control.read().shares else ""
                return tug.tug(job.pulls if measuring else None, measuring, turn=turn)
            content, styles = job.content, job.pictures.styles
            size = max(MIN_SIZE, min(PULLED, max(shown.shown.size)))
            network, recipe = self.jobs.downloads.here(shown.recipe.network), shown.recipe
            said = shown.said
            picture: Image.Image | None = shown.shown
            if shown.version == "at 0" and recipe.init == "content" and recipe.canvas != "hrnet":
                picture = None  # the photo itself: neither first light nor a JPEG, on which content would pull
                said = say("lens.photo") if was_shown(job.notes) else said
            found = self._turn(
                lambda: pulls_on(content, styles[0], picture, recipe, network, more=styles[1:], size=size)
            )
            return tug.tug(found, looked_at=said, turn=turn)
        except Exception as error:
            return f'<div data-turn="{turn}">{message(fault(error))}</div>'

    def _turn(self, work: Callable[[], Any]) -> Any:
        return self.jobs.turn().do(work)

    def _answer(
        self, lens: str, session: Session, content: str | None, style: str | None, event: gr.EventData,
        look: Callable[[OnShow, str, Vgg], dict[str, Any]],
    ) -> dict[str, Any]:  # fmt: skip
        """What a page asked for, or why it cannot be had; with the number of its question, so that each is answered."""
        turn = question(event)
        try:
            shown = on_show(session, moment(event), content, style)
            network = self.network(shown)
            layer = wanted(event, lens, network.layers)
            about = {"turn": turn, "said": shown.said, "version": f"{shown.name} {shown.version} {layer}"}
            if shown.version and event_value(event, "version") == about["version"]:
                return {**about, "same": True}
            return {**about, **look(shown, layer, network)}
        except Exception as error:
            return {"turn": turn, "error": fault(error)}

    def network(self, shown: OnShow) -> Vgg:
        """The network that judged the picture, as its recipe has it.

        Raises:
            PlaygroundError: it is not here.
        """
        recipe = shown.recipe
        network = self.jobs.downloads.here(recipe.network if shown.job is not None else DEFAULT_NETWORK)
        chosen = choose(recipe.arithmetic, recipe.precision).arithmetic  # of no account on a GPU
        return network.configured(recipe.pool, recipe.pool_rescale, recipe.padding, recipe.precision, chosen)


def question(event: gr.EventData) -> int:
    """The number of a page's question."""
    asked = event_value(event, "turn")
    return asked if isinstance(asked, int) else 0


def moment(event: gr.EventData) -> int | None:
    """The evaluation that a page looks at; None for what is on the easel."""
    at = event_value(event, "at")
    return int(at) if isinstance(at, (int, float)) and abs(at) < 1e9 else None


def wanted(event: gr.EventData, lens: str, layers: Sequence[str]) -> str:
    """The layer that a page asks for, where the network has it; else the one that the lens opens with."""
    layer = event_value(event, "layer")
    return layer if isinstance(layer, str) and layer in layers else FIRST[lens]


def build_tug(parts: Parts, wanted: bool) -> None:
    script = (lenses.ASSETS / "tug.js").read_text("utf-8")
    parts["shares"] = gr.HTML(
        tug.tug(None, tug.unmeasured(wanted)), js_on_load=script, elem_id="shares", apply_default_css=False
    )


def build_pairs(parts: Parts) -> None:
    parts["pairs"] = lenses.place("pairs", _group("pairs"))


def build_echo(parts: Parts) -> None:
    parts["echo"] = lenses.place("echo", _group("echo"))


def _group(lens: str) -> str:
    return f'<div class="lens {lens}" role="group" aria-label="{say(f"under.{lens}")}"></div>'


def wire_lenses(parts: Parts, jobs: Jobs) -> None:
    """Bind the tabs."""
    looks, asked = Lenses(jobs), [parts["session"], parts["content"], parts["style"]]
    parts["shares"].select(looks.tug, [parts["session"], parts["wants-shares"]], parts["shares"], **LATEST)
    for name, look in (("pairs", looks.pairs), ("echo", looks.echo)):
        parts[name].select(look, asked, parts[name], **LATEST)
