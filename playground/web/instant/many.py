"""Many pictures, GIFs and films in the style that is taken, as a task that ends when nobody watches any more.

Wired by the Instant styles tab.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from playground.errors import PlaygroundError
from playground.feedforward.apply import stylize_picture
from playground.feedforward.video import FILMS, check_film, is_film, stylize_film
from playground.images.convert import resize_picture
from playground.images.save import encode_picture
from playground.service.jobs import Jobs
from playground.service.tasks import Task
from playground.web.components import pictures
from playground.web.components.layout import (
    Parts,
    news,
)
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.gradio_patches.private_names import served_file
from playground.web.instant.state import MAX_SIDE, Easel, check_sides, plain
from playground.web.people import caller
from playground.web.threads import off_loop
from playground.web.words import say, translated

MAX_FILES = 60


class ManyPictures:
    """Handlers of the panel for many pictures.

    Args:
        jobs: for the task.
        parts: the tab's components by name.
    """

    def __init__(self, jobs: Jobs, parts: Parts) -> None:
        self.jobs, self.parts = jobs, parts

    async def paint_many(
        self, easel: Easel, files: Sequence[str] | None, steady: bool, strength: float, colours: bool
    ) -> AsyncIterator[Updates]:
        """Paint every file, saying how far it is; results as they come, files and a zip of all at the end."""
        parts = self.parts
        yield NOTHING
        try:
            task = easel.task = self._start_many(easel, list(files or ()), steady is True, strength, colours)
        except Exception as error:
            yield {parts["many-status"]: message(fault(error))}
            return
        yield {
            parts["many-go"]: gr.Button(interactive=False), parts["many-stop"]: gr.Button(interactive=True),
            parts["many-done"]: gr.File(visible=False), parts["many-gallery"]: gr.Gallery([], visible=False),
        }  # fmt: skip
        async for updates in news(task, parts["many-status"], self._gallery):
            yield updates
        paths = [path for path, _ in task.found]
        if len(paths) > 1:
            paths.insert(0, await off_loop(_zipped, paths, parts["many-done"]))
        how = "many.stopped" if task.stopped else "many.done"
        said = message(translated(task.error)) if task.error else message(say(how, count=len(task.found)), "note")
        yield {
            parts["many-status"]: said,
            **self._gallery(task.found),
            parts["many-done"]: gr.File(paths, visible=bool(paths)),
            parts["many-go"]: gr.Button(interactive=True),
            parts["many-stop"]: gr.Button(interactive=False),
        }  # fmt: skip

    def _gallery(self, found: Sequence[tuple[str, Image.Image | None]]) -> Updates:
        """The gallery of what is painted so far; films have none."""
        faces = [small for _, small in found if small is not None]
        return {self.parts["many-gallery"]: gr.Gallery(faces, visible=bool(faces))}

    def _start_many(self, easel: Easel, files: list[str], steady: bool, strength: float, colours: bool) -> Task:
        stylizer = easel.stylizer
        if stylizer is None:
            raise PlaygroundError(say("instant.pick_first"))
        if not files:
            raise PlaygroundError(say("many.choose"))
        if len(files) > MAX_FILES:
            raise PlaygroundError(say("many.too_many", most=MAX_FILES))
        place, style, strokes = self.parts["many-done"], plain(easel.style), easel.strokes

        def work(task: Task) -> None:
            with tempfile.TemporaryDirectory() as folder:
                for number, source in enumerate(map(Path, files)):
                    if task.stopped:
                        return
                    words_so_far = say("many.file", number=number + 1, count=len(files), name=source.name)
                    task.report(words_so_far, number / len(files))
                    film = is_film(source)
                    suffix = ".png" if not film else ".mp4" if source.suffix.lower() in FILMS else ".gif"
                    output = Path(folder) / f"{plain(source.stem)}-{style}{suffix}"
                    if not film:
                        content = pictures.given(source, source.name)
                        content = resize_picture(content, min(max(content.size), MAX_SIDE))
                        check_sides(content)
                        work_on = partial(stylize_picture, stylizer, content, strokes=strokes)
                        painted = task.control.turn().do(work_on).at(strength, colours)
                        output.write_bytes(encode_picture(painted, "png"))
                        thumbnail = resize_picture(painted, min(pictures.THUMBNAIL, max(painted.size)))
                    else:
                        check_film(source)
                        thumbnail = None
                        frames = stylize_film(stylizer, source, output, strength, colours, steady, strokes)
                        done: float | None = 0.0
                        while done is not None and not task.stopped:
                            done = task.control.turn().do(partial(next, frames, None))
                            fraction = done if done is not None else 1.0
                            task.report(
                                say("many.frames", file=words_so_far, share=f"{fraction:.0%}"),
                                (number + fraction) / len(files),
                            )
                        frames.close()
                        if not output.exists():
                            return
                    task.found.append((served_file(output, place), thumbnail))

        return self.jobs.task(caller().person, work)

    def stop_many(self, easel: Easel) -> Any:
        """End after the picture or the frame that is being painted."""
        if easel.task is not None:
            easel.task.control.stop()
        return gr.Button(interactive=False)


def _zipped(paths: Sequence[str], place: gr.components.Component) -> str:
    """All files in one zip, served at `place`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "painted.zip"
        with zipfile.ZipFile(file, "w") as archive:  # stored: pictures and films do not get any smaller
            for number, path in enumerate(map(Path, paths)):
                archive.write(path, f"{number + 1:02d}-{path.name}")
        return served_file(file, place)
