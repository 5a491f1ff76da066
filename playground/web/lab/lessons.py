"""Lessons on the page: a question, a prediction, then the sheet that answers it.

Laid out and wired by tab.py; what a lesson asks and what was seen stands in presets/lessons/, in the reader's language in words/.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from html import escape
from typing import Any

import gradio as gr
from PIL import Image

from playground.errors import PlaygroundError
from playground.experiments.experiment import Experiment
from playground.experiments.lessons import Lesson, find_lesson, lessons
from playground.images.convert import resize_picture
from playground.web.components.data_urls import url_of_picture
from playground.web.components.messages import NOTHING, Updates, fault, message
from playground.web.components.pictures import given, given_pair, sample_at, sample_called, samples, titled
from playground.web.lab.bench import Bench, Pair, Plan, Sheet
from playground.web.lab.ears import listened, meters
from playground.web.people import caller
from playground.web.threads import off_loop
from playground.web.words import say

FIRST = "tiles"
PAIR_SIZE = 192  # pixels, of the pictures that a lesson is painted from
ASKED = ("question", "options", "cost", "said", "skip")
FOLLOWED = ("options", "run", "skip")
"""What changes where a class goes on to another phase."""


class Lessons(Bench):
    """Handlers of the lessons."""

    RUN = "lab.run"

    # ---------------------------------------------------------------- asking

    def choose(self, sheet: Sheet, name: str, content: str | None, style: str | None) -> Updates:
        """Ask another lesson's question; what the last one painted stays in the cache."""
        if name not in lessons():
            return NOTHING
        lesson = lessons()[name]
        self.stop(sheet)
        sheet.plan = sheet.task = sheet.predicted = None
        sheet.lesson, sheet.works, sheet.skipped = name, {}, False
        return {
            **self.cleared(),
            self.part("question"): question(lesson),
            self.part("options"): gr.Radio(options(lesson), value=None, interactive=True),
            self.part("said"): "",
            self.part("skip"): gr.Button(interactive=True),
            self.part("run"): gr.Button(say(self.RUN), interactive=False),
            self.part("stop"): gr.Button(interactive=False),
            **self.price(sheet, sheet.own, content, style),
            **self._as_in_class(sheet),
        }

    def follow(self, sheet: Sheet) -> Updates:
        """The class has gone on to another phase of the lesson that it has open."""
        return self._as_in_class(sheet) or NOTHING

    def _as_in_class(self, sheet: Sheet) -> Updates:
        """The vote that was made, whether another counts, whether Run waits for the teacher; nothing outside a class.

        While the lesson runs neither is free, whatever the class does.
        """
        room, person, name = self.jobs.classroom, caller().person, sheet.lesson or FIRST
        if name != room.lesson:
            return {}
        asks, locked, held = room.asks(name), room.locked(person, name), room.holds(person)
        sheet.predicted = room.predicted(person)
        shown = room.voted(person, name) if asks else sheet.predicted
        updates: Updates = {
            self.part("options"): gr.Radio(
                options(lessons()[name]), value=shown, interactive=not sheet.busy and (asks or not locked)
            ),
            self.part("skip"): gr.Button(interactive=not (sheet.busy or locked or held)),
        }
        if not sheet.busy:
            ready = sheet.predicted is not None or sheet.skipped
            updates[self.part("run")] = gr.Button(interactive=ready and not (locked or held))
        return updates

    def _waits(self, sheet: Sheet) -> bool:
        """Whether Run is not to be pressed now, predicted or not."""
        room, person = self.jobs.classroom, caller().person
        return sheet.busy or room.holds(person) or room.locked(person, sheet.lesson or FIRST)

    def price(self, sheet: Sheet, own: bool, content: str | None, style: str | None) -> Updates:
        """What the lesson will cost on its own pair or a person's."""
        sheet.own = bool(own)
        lesson = lessons()[sheet.lesson or FIRST]
        try:
            if lesson.kind == "ears":
                return {self.part("cost"): f'<p class="hint">{say("lab.cost.ears")}</p>'}
            pair = self.pair(lesson, sheet.own, content, style)
            shown = pair_shown(pair, (content, style) if sheet.own else own_files(lesson))
            return {self.part("cost"): shown + self.cost(lesson.experiment(), pair)}
        except Exception as error:
            return {self.part("cost"): message(fault(error))}

    def predict(self, sheet: Sheet, option: Any) -> Updates:
        """A prediction was made: Run is free, unless a class votes, where it is counted."""
        if not isinstance(option, int):
            return NOTHING
        sheet.predicted, sheet.skipped = option, False
        self.jobs.classroom.vote(caller().person, sheet.lesson or FIRST, option)
        return NOTHING if self._waits(sheet) else {self.part("run"): gr.Button(interactive=True)}

    def skip(self, sheet: Sheet) -> Updates:
        """Somebody would rather see first."""
        if self._waits(sheet):
            return NOTHING
        sheet.predicted, sheet.skipped = None, True
        return {self.part("run"): gr.Button(interactive=True), self.part("options"): gr.Radio(value=None)}

    @staticmethod
    def linked(name: str) -> Lesson | None:
        """The lesson that a page's address asks for, by number or name."""
        try:
            return find_lesson(name) if name else None
        except PlaygroundError:
            return None

    # ---------------------------------------------------------------- answering

    async def answer(self, sheet: Sheet, own: bool, content: str | None, style: str | None) -> AsyncIterator[Updates]:
        """Run the lesson, then say what was predicted and what was seen."""
        if sheet.busy:
            yield NOTHING
            return
        lesson = lessons()[sheet.lesson or FIRST]
        sheet.own = bool(own)
        if self.jobs.classroom.locked(caller().person, lesson.name):
            yield {self.part("message"): message(say("class.locked"), "note")}
            return
        if lesson.kind == "ears":
            yield {**self.begun(), self.part("said"): ""}
            found = await off_loop(self._listen, sheet, lesson, style)
            if sheet.lesson in (lesson.name, ""):
                yield {**found, self.part("run"): self.free()}
            return
        yield {self.part("options"): gr.Radio(interactive=False), self.part("skip"): gr.Button(interactive=False),
               self.part("said"): ""}  # fmt: skip
        async for updates in self.run(sheet, lambda: self.planned(lesson, sheet.own, content, style)):
            yield updates
        if sheet.lesson not in (lesson.name, ""):
            return
        said = self.verdict(sheet, lesson) if sheet.results else ""
        yield {self.part("options"): gr.Radio(interactive=True), self.part("skip"): gr.Button(interactive=True),
               self.part("said"): said, **self._as_in_class(sheet)}  # fmt: skip

    def planned(self, lesson: Lesson, own: bool, content: str | None, style: str | None) -> Plan:
        """A lesson as a sheet."""
        experiment = lesson.experiment()
        titles = tuple(cell_title(lesson, index, experiment) for index in range(len(experiment.cells)))
        pair = self.pair(lesson, own, content, style)
        return Plan(experiment, pair, titles, say(f"lesson.{lesson.name}.question"), lesson.shows)

    @staticmethod
    def pair(lesson: Lesson, own: bool, content: str | None, style: str | None) -> Pair:
        """The two pictures, clean RGB, from the same files that the Studio opens.

        Raises:
            PlaygroundError: one of a person's own is missing or cannot be used.
        """
        if own:
            if not content or not style:
                raise PlaygroundError(say("error.choose_both"))
            return given_pair(content, style)
        photo, painting = own_files(lesson)
        return given_pair(photo, painting)

    def _listen(self, sheet: Sheet, lesson: Lesson, style: str | None) -> Updates:
        try:
            self.jobs.classroom.may_work(caller().person)
            painting = self._painting(sheet, lesson, style)
            heard = [(edit, listened(self.jobs, painting, edit, None)[0]) for edit in lesson.edits]
        except Exception as error:
            return {self.part("message"): message(fault(error)), self.part("status"): ""}
        if self.show_sheet is not None:
            self.show_sheet(caller().person, lesson.name, [painting], [found.picture for _, found in heard])
        cells = "".join(
            f'<figure><img src="{url_of_picture(found.picture)}" alt="">'
            f"<figcaption><b>{escape(say(f'lab.edit.{edit}'))}</b></figcaption>"
            f"{meters(found.found, found.another, layers=False)}</figure>"
            for edit, found in heard
        )
        return {
            self.part("sheet"): f'<div class="lab-grid lab-heard" style="--columns:{len(heard)}">{cells}</div>',
            self.part("status"): say("ending.done.state"),
            self.part("said"): self.verdict(sheet, lesson),
        }

    @staticmethod
    def _painting(sheet: Sheet, lesson: Lesson, style: str | None) -> Image.Image:
        if not sheet.own:
            return given(own_files(lesson)[1], say("the.style"))
        if not style:
            raise PlaygroundError(say("lab.choose_painting"))
        return given(style, say("the.style"))

    @staticmethod
    def verdict(sheet: Sheet, lesson: Lesson) -> str:
        """Prediction against result in one sentence, then what there is to see and what not to conclude."""
        seen = say(f"lesson.{lesson.name}.option.{lesson.answer}")
        if sheet.predicted is None or not 0 <= sheet.predicted < len(lesson.options):
            first = say("lab.verdict.skipped", seen=seen)
        else:
            right = "right" if sheet.predicted == lesson.answer else "wrong"
            guess = say(f"lesson.{lesson.name}.option.{sheet.predicted}")
            first = say(f"lab.verdict.{right}", predicted=guess, seen=seen)
        said = [f'<p class="verdict">{escape(first)}</p>', f"<p>{escape(say(f'lesson.{lesson.name}.saw'))}</p>"]
        if sheet.own:
            said.append(f'<p class="hint">{escape(say("lab.verdict.own"))}</p>')
        return "".join(said) + f'<p class="hint">{escape(say(f"lesson.{lesson.name}.limits"))}</p>'


def own_files(lesson: Lesson) -> tuple[str, str]:
    """The lesson's own photo and painting, as the page serves its samples.

    Raises:
        PlaygroundError: one is not there.
    """
    photo, painting = sample_called("photos", lesson.content), sample_called("styles", lesson.style)
    if photo is None or painting is None:
        raise PlaygroundError(say("error.choose_both"))
    return photo.file(), painting.file()


def pair_shown(pair: Pair, files: Sequence[str | None]) -> str:
    """The two pictures that a lesson paints from, small and by name; HTML."""
    figures = []
    for picture, file, kind, own in zip(pair, files, ("photos", "styles"), ("the.content", "the.style"), strict=True):
        index = sample_at(kind, file)
        name = say(own) if index is None else titled(samples(kind)[index])
        address = url_of_picture(resize_picture(picture, PAIR_SIZE))
        figures.append(f'<figure><img src="{address}" alt=""><figcaption>{escape(name)}</figcaption></figure>')
    return f'<div class="lab-pair">{"".join(figures)}</div>'


def cell_title(lesson: Lesson, index: int, experiment: Experiment) -> str:
    """What sets a cell apart, in the reader's language."""
    return say(f"lesson.{lesson.name}.cell.{index}") if lesson.cells else ", ".join(experiment.cells[index].labels)


def question(lesson: Lesson) -> str:
    """A lesson's heading and question; HTML."""
    return (
        f'<p class="lab-number" data-lesson="{lesson.name}">{say("lab.lesson", number=lesson.number)} · '
        f"{say(f'lesson.{lesson.name}.title')} "
        f'<a href="?lesson={lesson.number}">{say("lab.link")}</a></p>'
        f'<p class="lab-lead" id="lesson-asked">{say(f"lesson.{lesson.name}.question")}</p>'
    )


def options(lesson: Lesson) -> list[tuple[str, int]]:
    """What may be predicted."""
    return [(say(f"lesson.{lesson.name}.option.{index}"), index) for index in range(len(lesson.options))]


def choices() -> list[tuple[str, str]]:
    """All lessons."""
    return [(f"{lesson.number} {say(f'lesson.{name}.title')}", name) for name, lesson in lessons().items()]
