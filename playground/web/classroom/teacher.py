"""What the teacher does to a class: a lesson opened, a phase begun, the wall, the room paused or cleared.

Called by routes.py once it knows that the teacher asks. The state is service/classroom.py's; here it meets runs and lessons.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, cast

from playground.errors import PlaygroundError
from playground.experiments.lessons import find_lesson, lessons
from playground.service.classroom import CLEARED, PHASES, Phase, View
from playground.service.jobs import Jobs
from playground.web.classroom.wall import Wall, WallPicture
from playground.web.words import say


class ClassDesk:
    """One class's desk.

    Attributes:
        room: the state of the class.
        wall: everybody's pictures.
    """

    def __init__(self, jobs: Jobs) -> None:
        self.jobs, self.room, self.wall = jobs, jobs.classroom, Wall(jobs)
        self._lock = threading.Lock()
        self._paused = False  # whether what goes on was paused with the room
        self._held: set[str] = set()  # ids of the runs that were

    # ---------------------------------------------------------------- everybody

    def told(self, person: str, *, teacher: bool = False) -> dict[str, Any]:
        """What a page is told of the class, as plain data in the reader's language."""
        view = self.room.look(person, teacher=teacher)
        self._settle()
        found = {name: getattr(view, name) for name in View.__dataclass_fields__}
        found["standing"], found["own"] = self.wall.standing(person) if view.wall and not teacher else ("none", False)
        lesson = lessons().get(view.lesson)
        if lesson is not None:
            found["number"], found["title"] = lesson.number, say(f"lesson.{lesson.name}.title")
            found["question"] = say(f"lesson.{lesson.name}.question")
            found["options"] = [say(f"lesson.{lesson.name}.option.{index}") for index in range(len(lesson.options))]
        return {**found, "teacher": teacher}

    # ---------------------------------------------------------------- the teacher

    def act(self, what: str, asked: Mapping[str, Any]) -> None:
        """Do what a button of the teacher's page says.

        Args:
            what: "open", "move", "close", "hang", "pause", "clear" or "remove".
            asked: the rest of the request; nothing in it can be trusted to be there.

        Raises:
            PlaygroundError: there is no such thing to do, or no such lesson or phase.
        """
        wanted = asked.get("on") is True
        if what == "open":
            lesson = find_lesson(str(asked.get("lesson"))[:40])
            self.room.open(lesson.name, len(lesson.options))
        elif what == "move" and asked.get("phase") in PHASES:
            self.room.move(cast(Phase, asked["phase"]))
        elif what == "close":
            self.room.close()
        elif what == "hang":
            self.room.hang(wanted)
        elif what == "pause":
            self._pause(wanted)
        elif what == "clear":
            self._clear()
        elif what == "remove" and isinstance(asked.get("id"), int):
            self.wall.remove(asked["id"])
        else:
            raise PlaygroundError(say("class.no_such"))

    def tiles(self, have: object) -> list[WallPicture]:
        """What hangs on the wall; pictures only where the page lacks them."""
        return self.wall.tiles(have if isinstance(have, dict) else {})

    def _pause(self, paused: bool) -> None:
        self.room.pause(paused)
        if not paused:
            self._settle()
            return
        self._paused = True
        self.jobs.tasks.pause(True, but=self.room.teaches)
        with self._lock:
            for job in self.jobs.going_on():
                if not self.room.teaches(job.person) and not job.control.read().paused:
                    job.control.pause()
                    self._held.add(job.id)

    def _settle(self) -> None:
        """Let go on what was paused with the room, once the room is not paused any more, whoever ended that."""
        if not self._paused or self.room.holds(""):
            return
        with self._lock:
            self._paused = False
            held, self._held = self._held, set()
        self.jobs.tasks.pause(False)
        for job in self.jobs.going_on():
            if job.id in held:
                job.control.resume()

    def _clear(self) -> None:
        """An empty room: nothing goes on but what is the teacher's."""
        self.room.clear()
        for job in self.jobs.going_on():
            if not self.room.teaches(job.person):
                job.note(CLEARED)
                job.control.stop()
        self.jobs.tasks.stop(but=self.room.teaches)
        self.wall.clear()
        with self._lock:
            self._held.clear()
