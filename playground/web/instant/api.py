"""The page's endpoint `/instant`: a photo painted in one pass, in the shipped styles, like any painting, or in a blend of them.

Called by page.py while the page is built. It does what the Instant styles tab does: the same loader, networks and turns.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import gradio as gr
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from playground.errors import PlaygroundError
from playground.feedforward.apply import STROKES, Stylized, stylize_picture
from playground.feedforward.model import Model, load_model, shipped_styles
from playground.images.convert import resize_picture
from playground.images.save import save_picture
from playground.recipe.complaints import MAX_NAME, in_one_sentence, suggestion
from playground.recipe.parse import parse_settings
from playground.recipe.styles import MAX_STYLES
from playground.service.jobs import Jobs
from playground.service.tasks import Task
from playground.web.components.api import upload_path
from playground.web.components.pictures import given, room_for_both
from playground.web.instant.choice import made_ready, small
from playground.web.instant.state import MAX_SIDE, check_sides
from playground.web.people import caller

DESCRIPTION = """Paint the content picture in one pass, in a blend of up to four styles: paintings that are uploaded, then \
trained styles by their names.

Gives the finished PNG and a status object with `size`, `styles` and `seconds` of the pass. One picture a person at a \
time. What cannot be used is refused with one sentence that says why."""


class PassSettings(BaseModel):
    """What a caller may set besides the pictures."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    trained: tuple[str, ...] = Field((), max_length=MAX_STYLES)
    weights: tuple[Annotated[float, Field(ge=0)], ...] | None = Field(None, max_length=MAX_STYLES)
    size: int | None = Field(None, ge=64, le=MAX_SIDE)
    strength: float = Field(1.0, ge=0, le=1)
    strokes: float = Field(1.0, ge=STROKES[0], le=STROKES[1])
    original_colours: bool = False

    @classmethod
    def of(cls, text: str) -> PassSettings:
        """From a caller's JSON text.

        Raises:
            PlaygroundError: no JSON object, or a setting that cannot be used, in one sentence.
        """
        data = parse_settings(
            text or "{}",
            no_json='the settings are not valid JSON; write an object such as {"strength": 0.8}',
            no_object='the settings must be a JSON object such as {"strength": 0.8}',
        )
        try:
            settings = cls.model_validate(data)
        except ValidationError as error:
            raise PlaygroundError(in_one_sentence(error, cls.model_fields)) from None
        for name in settings.trained:
            if name not in shipped_styles():
                shown = name[:MAX_NAME]
                raise PlaygroundError(
                    f"there is no trained style {shown!r}; {suggestion(shown, shipped_styles(), 'there are')}"
                )
        return settings


def add_instant_api(jobs: Jobs) -> None:
    """Add the endpoint to the Blocks under construction, in which api.py's stand."""
    with gr.Group(visible=False):
        inputs = [
            gr.Image(type="filepath", label="The picture to paint"),
            gr.File(file_count="multiple", label="Pictures to paint like, up to four; none for trained styles alone"),
            gr.Textbox(
                "{}",
                label='Settings, as a JSON object such as {"trained": ["NAME"], "weights": [1, 0.5], "size": 1024, '
                '"strength": 0.8, "strokes": 1.5, "original_colours": true}; "weights" has one for each style',
            ),
        ]
        outputs = [gr.File(label="The finished picture"), gr.JSON(label="Status")]
        button = gr.Button()

    def instant(
        content: dict[str, Any] | None, styles: list[dict[str, Any]] | None = None, settings: str = "{}"
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        try:
            picture, about = _paint(jobs, content, styles, PassSettings.of(settings))
        except PlaygroundError as error:
            raise gr.Error(str(error), print_exception=False) from None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "painted.png"
            save_picture(picture, path)
            yield str(path), about  # gradio takes its copy before it asks for more

    button.click(
        instant, inputs, outputs, api_name="instant", api_description=DESCRIPTION, preprocess=False, show_progress="hidden"
    )  # fmt: skip


def _paint(jobs: Jobs, content: Any, styles: Any, settings: PassSettings) -> tuple[Image.Image, dict[str, Any]]:
    """The finished picture and what is told about it; in a task, of which a person has one at a time.

    Raises:
        PlaygroundError: what cannot be used, or the person's last task is not over.
    """
    photo, paintings = _pictures(content, styles, jobs.limits.kept_pixels)
    named: list[tuple[str, Model | Image.Image]] = [
        *((f"painting {number}", picture) for number, picture in enumerate(paintings, start=1)),
        *((name, load_model(name)) for name in settings.trained),
    ]
    if not 1 <= len(named) <= MAX_STYLES:
        raise PlaygroundError(f"one to {MAX_STYLES} styles are blended, paintings and trained ones, not {len(named)}")
    weights = settings.weights or (1.0,) * len(named)
    if len(weights) != len(named):
        raise PlaygroundError(f"weights: there are {len(weights)} for {len(named)} styles; give one for each")
    size = settings.size or min(MAX_SIDE, max(photo.size))
    photo = photo if size == max(photo.size) else resize_picture(photo, size)
    check_sides(photo)

    def work(task: Task) -> None:
        blend = [(source, weight) for (_, source), weight in zip(named, weights, strict=True)]
        stylizer = made_ready(jobs, blend, "")
        began = time.perf_counter()
        task.found.append(task.control.turn().do(partial(stylize_picture, stylizer, photo, strokes=settings.strokes)))
        task.found.append(time.perf_counter() - began)

    task = jobs.task(caller().person, work)
    task.over.wait()
    if task.error is not None:
        raise PlaygroundError(task.error)
    if not task.found:
        raise PlaygroundError("it was stopped before it was painted")
    painted: Stylized
    painted, seconds = task.found
    about = {"size": list(photo.size), "styles": [name for name, _ in named], "seconds": round(seconds, 3)}
    return painted.at(settings.strength, settings.original_colours), about


def _pictures(content: Any, styles: Any, most: int) -> tuple[Image.Image, Sequence[Image.Image]]:
    """The photo and the paintings, clean."""
    if styles is not None and (not isinstance(styles, list) or len(styles) > MAX_STYLES):
        raise PlaygroundError(f"the paintings must be a list of at most {MAX_STYLES} pictures: upload fewer")
    content_path = upload_path(content, "the content picture")
    paths = [upload_path(style, "the style picture") for style in styles or ()]
    with room_for_both(content_path, *paths, most=most):
        return given(content_path, "the content picture", most), [
            small(given(path, "the style picture", most)) for path in paths
        ]
