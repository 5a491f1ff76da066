"""The page's public endpoint: `/stylize` takes two pictures and settings, streams previews, and ends with the file.

Called by the page while it is built. The endpoint does what the page does and no more: the same loader, the same recipe,
the same jobs, as many runs a person.
"""

from __future__ import annotations

import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.images.pictures import Pictures
from playground.images.regions import check_styles, with_map
from playground.images.save import save_picture
from playground.recipe.model import Recipe
from playground.recipe.parse import Known, parse_settings, recipe_on_preset
from playground.recipe.picture_limits import KEPT_PIXELS
from playground.recipe.presets import find_preset
from playground.recipe.styles import MAX_STYLES
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.web.components.api import upload_path
from playground.web.components.pictures import given, room_for_both
from playground.web.gradio_patches.foreign_files import accept_uploads_only
from playground.web.gradio_patches.unreadable_requests import refuse_unreadable_requests
from playground.web.people import caller

LARGE = 20_000  # characters of settings; a journal of a few hundred changes
REST = 19.0  # times as long as large settings took to be read until the next are: reading them keeps Python from all
STATUS_EVERY = 0.5  # seconds between two status objects while there is no new preview

DESCRIPTION = """Paint the content picture in the style of the style picture.

Streams three values: a preview (JPEG, None until there is one), a status object, and the finished PNG with its recipe \
inside (None until the end). The status holds `state` ("waiting", "loading", "running", "paused", then "done", \
"stopped", "time" or "recovered"), `ended`, `place` in the queue, `step`, `steps`, `evaluations`, `seconds`, `size`, \
`losses` {content, style, variation, total}, `doing` and `notes` in words, and at the end the `recipe`. Cancelling or \
hanging up stops the run. What cannot be used is refused with one sentence that says why."""


SEVERAL = """

Further paintings are blended by the setting `style_weights`, a list with a weight for each; with a map each goes where \
its colour is."""


class _Sparing:
    """Lets one at a time do what keeps Python from everybody, and leaves it to the others for a while after each."""

    def __init__(self) -> None:
        self._lock, self._free_at = threading.Lock(), 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        with self._lock:
            time.sleep(max(0.0, self._free_at - time.monotonic()))
            began = time.monotonic()
            try:
                yield
            finally:
                now = time.monotonic()
                self._free_at = now + REST * (now - began)


_sparing = _Sparing()


def add_api(jobs: Jobs) -> None:
    """Add the endpoints to the Blocks under construction."""
    accept_uploads_only()
    refuse_unreadable_requests()
    with gr.Group(visible=False):
        inputs, more, outputs = _parts()
        button, other_button = gr.Button(), gr.Button()

    def stylize_several(
        content: dict[str, Any] | None,
        style: dict[str, Any] | None,
        preset: str = "default",
        overrides: str = "{}",
        replace: bool = False,
        styles: list[dict[str, Any]] | None = None,
        regions: dict[str, Any] | None = None,
    ) -> Iterator[tuple[Any, dict[str, Any], str | None]]:
        who = caller()
        try:
            with jobs.starting(who.person, replace=replace is True):
                recipe, limited = requested_recipe(preset, overrides, jobs.limits, jobs.downloads.look)
                pictures = read_pictures(content, [style, *more_of(styles)], jobs.limits.kept_pixels)
                recipe = _for_pictures(recipe, pictures, regions)
                nobody = secrets.token_urlsafe(16)  # since no page finds it again
                job = jobs.start(pictures, recipe, nobody, replace=replace is True, person=who.person)
            if limited:
                job.note(limited)
        except PlaygroundError as error:
            raise gr.Error(str(error), print_exception=False) from None
        try:
            yield from watch(job, lambda: who.listens)
        finally:
            if not job.ended:
                job.control.stop()  # the caller hung up

    def stylize(
        content: dict[str, Any] | None,
        style: dict[str, Any] | None,
        preset: str = "default",
        overrides: str = "{}",
        replace: bool = False,
    ) -> Iterator[tuple[Any, dict[str, Any], str | None]]:
        yield from stylize_several(content, style, preset, overrides, replace)

    # gradio would decode the pictures before our own loader has judged them
    shared: dict[str, Any] = {"preprocess": False, "show_progress": "hidden"}
    button.click(stylize, inputs, outputs, api_name="stylize", api_description=DESCRIPTION, **shared)
    other_button.click(
        stylize_several,
        [*inputs, *more],
        outputs,
        api_name="stylize_several",
        api_description=DESCRIPTION + SEVERAL,
        **shared,
    )


def _parts() -> tuple[list[Any], list[Any], list[Any]]:
    """What `/stylize` takes, what `/stylize_several` takes besides, and what both give."""
    inputs = [
        gr.Image(type="filepath", label="The picture to paint"),
        gr.Image(type="filepath", label="The picture whose style to paint in"),
        gr.Textbox("default", label="The name of a preset to start from"),
        gr.Textbox("{}", label='Settings to change, as a JSON object such as {"size": 256, "style_weight": 2}'),
        gr.Checkbox(False, label="Stop your run that is going on, if there is one, rather than be refused"),
    ]
    more = [
        gr.File(file_count="multiple", label="More pictures whose style to paint in, up to three"),
        gr.Image(type="filepath", label="Which style goes where: red, green, blue, yellow; black stays as it is"),
    ]
    outputs = [
        gr.Image(format="jpeg", label="Preview"),
        gr.JSON(label="Status"),
        gr.File(label="The finished picture"),
    ]
    return inputs, more, outputs


def _for_pictures(recipe: Recipe, pictures: Pictures, regions: Any) -> Recipe:
    """The recipe with the map of regions, if one was given, and the weights of so many styles.

    Raises:
        PlaygroundError: the map, or a weight, cannot be used.
    """
    if regions:
        assert pictures.content is not None
        recipe = with_map(recipe, upload_path(regions, "the map of regions"), pictures.content.size)
    return check_styles(recipe, len(pictures.styles))


def read_pictures(content: Any, styles: Sequence[Any], most: int = KEPT_PIXELS) -> Pictures:
    """Uploaded files as clean pictures.

    Args:
        most: pixels that are kept of each.

    Raises:
        PlaygroundError: one is missing, or cannot be used.
    """
    content_path = upload_path(content, "the content picture")
    style_paths = [upload_path(style, "the style picture") for style in styles]
    with room_for_both(content_path, *style_paths, most=most):
        return Pictures(
            given(content_path, "the content picture", most),
            tuple(given(path, "the style picture", most) for path in style_paths),
        )


def more_of(styles: Any) -> list[Any]:
    """The further styles that a caller gives.

    Raises:
        PlaygroundError: they are no list, or too many.
    """
    if styles is None:
        return []
    if not isinstance(styles, list) or len(styles) >= MAX_STYLES:
        raise PlaygroundError(f"The further styles must be a list of at most {MAX_STYLES - 1} pictures: upload fewer.")
    return styles


def watch(
    job: Job, somebody_listens: Callable[[], bool] = lambda: True
) -> Iterator[tuple[Any, dict[str, Any], str | None]]:
    """Preview, status and finished file of a job, at once and then whenever there is something new to say.

    While nobody listens, the job's grace period goes on.

    Raises:
        gr.Error: the run failed; its text says why.
    """
    version, shown = job.version, job.picture_version
    yield job.picture, status(job), None
    while not job.ended:
        until = time.monotonic() + STATUS_EVERY
        while not job.ended and job.picture_version == shown and (left := until - time.monotonic()) > 0:
            version = job.wait(version, left, watching=somebody_listens())
        if not job.ended:
            shown = job.picture_version
            yield job.picture, status(job), None
    if job.error is not None:
        raise gr.Error(job.error, print_exception=False)
    if job.result is None:  # stopped before it was painted
        yield job.picture, status(job), None
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "painted.png"
        save_picture(job.result.picture, path, recipe=job.result.recipe.to_json())
        yield job.picture, status(job), str(path)


def status(job: Job) -> dict[str, Any]:
    """What a caller may know of a job, as plain JSON data."""
    frame, result = job.frame, job.result
    return {
        "state": job.state,
        "ended": result.ended if result else job.state if job.ended else None,
        "place": job.place,
        "step": frame.step if frame else 0,
        "steps": frame.steps if frame else job.recipe.iterations,
        "evaluations": frame.evaluations if frame else 0,
        "seconds": round(frame.seconds, 3) if frame else 0.0,
        "size": list(frame.size) if frame else None,
        "losses": frame.losses if frame else {},
        "doing": job.doing,
        "notes": job.notes,
        "recipe": result.recipe.model_dump(mode="json") if result else None,
    }


def requested_recipe(preset: str, overrides: str, limits: Limits, known: Known | None = None) -> tuple[Recipe, str]:
    """A preset's recipe with the caller's settings over it; a network that it names takes the preset's numbers for it.

    What the preset itself asks beyond the server's limits is brought within them, and said in the line beside it.

    Args:
        known: tells what is known of a network of this server.

    Raises:
        PlaygroundError: no such preset, no JSON object, or a setting or a network that cannot be used.
    """
    with _sparing.turn() if len(str(overrides)) > LARGE else nullcontext():
        changes = parse_settings(
            overrides or "{}",
            no_json='the settings are not valid JSON; write an object such as {"size": 256}',
            no_object='the settings must be a JSON object such as {"size": 256}',
        )
        return limits.fitted(
            recipe_on_preset(find_preset(str(preset or "default")).name, changes, known=known), changes
        )
