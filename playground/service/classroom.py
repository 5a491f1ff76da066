"""A class at one server: which lesson the teacher has opened, who votes for what, whose pictures may hang on the wall.

Pure state behind one lock, bounded in memory, with no clock of its own; web/classroom/ tells it who asks. It knows no run,
no picture and no page: pictures are names that whoever draws them has given. What one pupil may know of the others is
`View.counts`, and that only when the teacher shows it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, get_args

from playground.errors import PlaygroundError

Phase = Literal["vote", "discuss", "again", "reveal", "run"]
"""Of a lesson, in this order, though the teacher may leave some out: predict, talk, predict again, see what all think, run."""
Standing = Literal["none", "hangs", "off", "private", "removed"]
"""Of a picture towards the wall: there is none or its pupil is not here; it hangs; the pupil wants none there; it is of the
pupil's own and not shown; the teacher has taken it off."""
PHASES: tuple[Phase, ...] = get_args(Phase)
CLEARED = "the teacher has cleared the room"  # what a run is told that ends with it
OPEN = ("vote", "again")  # phases in which a vote counts
AWAY_SECONDS = 600.0  # of a teacher: after them nobody is held up any more; of a pupil: their picture leaves the wall
HERE_SECONDS = 30.0  # since a page last asked, for who counts as here
MAX_PEOPLE = 256  # pupils that are remembered; a server lets fewer pages be open
MAX_TEACHERS = 8
MAX_REMOVED = 32  # pictures of one pupil that the teacher has taken off the wall


@dataclass(frozen=True)
class View:
    """What one page may know of the class.

    Attributes:
        version: grows with everything that the teacher does.
        lesson: name of the lesson that is open, "" for none.
        phase: of it; "" without a lesson.
        round: 1 while the first votes are made, then 2.
        vote: this pupil's in this round, as an option's index.
        locked: whether the lesson's Run waits for the teacher.
        counts: votes for each option, of the first round and of the second if there was one; () until they are shown.
        wall: whether the wall hangs.
        on_wall: whether this pupil's pictures may hang there.
        paused: whether nothing is painted now.
        here, voted: for the teacher alone: pupils whose pages are open, and who have voted in this round; else 0.
    """

    version: int
    lesson: str
    phase: str
    round: int
    vote: int | None
    locked: bool
    counts: tuple[tuple[int, ...], ...]
    wall: bool
    on_wall: bool
    paused: bool
    here: int = 0
    voted: int = 0


@dataclass
class _Pupil:
    seen: float
    votes: dict[int, int] = field(default_factory=dict)  # option by round
    on_wall: bool = True
    told: bool = False  # whether their page has said that the wall hangs
    shared: str = ""  # the picture of their own that they show
    removed: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_REMOVED))

    def vote_again(self) -> None:
        """Begin a second round with the vote of the first: whoever does not change it stays with it."""
        self.votes.pop(2, None)
        if 1 in self.votes:
            self.votes[2] = self.votes[1]


class Classroom:
    """One room of a server. Any thread may call anything.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self._lock = clock, threading.Lock()
        self._pupils: dict[str, _Pupil] = {}
        self._teachers: dict[str, float] = {}  # when each was last seen
        self._lesson, self._options, self._phase, self._round = "", 0, "", 1
        self._shown = self._wall = self._paused = False
        self._taught, self._version = clock(), 0  # when a teacher was last seen

    # ---------------------------------------------------------------- everybody

    def look(self, person: str, *, teacher: bool = False) -> View:
        """A page asks how the class stands; from now on its person is here.

        Args:
            person: as people.py names a caller.
            teacher: whether the page has shown the teacher's key.
        """
        with self._lock:
            now = self.clock()
            if teacher:
                self._pupils.pop(person, None)  # whoever teaches is no pupil
                self._teachers.pop(person, None)
                self._teachers[person] = self._taught = now
                if len(self._teachers) > MAX_TEACHERS:
                    del self._teachers[next(iter(self._teachers))]
            self._settle()
            pupil = None if person in self._teachers else self._pupil(person)
            if pupil is not None:
                pupil.seen, pupil.told = now, pupil.told or self._wall
            return self._view(pupil, teacher)

    def vote(self, person: str, lesson: str, option: int) -> bool:
        """Count a pupil's vote in place of their last of this round; False where none is asked for."""
        with self._lock:
            self._settle()
            if lesson != self._lesson or self._phase not in OPEN or not 0 <= option < self._options:
                return False
            pupil = None if person in self._teachers else self._pupil(person)
            if pupil is None:
                return False
            pupil.votes[self._round] = option
            return True

    def voted(self, person: str, lesson: str) -> int | None:
        """A pupil's vote in this round of a lesson, if it is the one that is open."""
        with self._lock:
            pupil = self._pupils.get(person)
            return pupil.votes.get(self._round) if pupil is not None and lesson and lesson == self._lesson else None

    def predicted(self, person: str) -> int | None:
        """A pupil's latest vote in the lesson that is open, of either round, for their own page alone."""
        with self._lock:
            return self._latest(person)

    def shown_prediction(self, person: str, lesson: str) -> int | None:
        """What all may see of a pupil's prediction in a lesson: their latest vote, once its votes are shown."""
        with self._lock:
            return self._latest(person) if self._shown and lesson and lesson == self._lesson else None

    def asks(self, lesson: str) -> bool:
        """Whether votes count now in this lesson."""
        with self._lock:
            self._settle()
            return bool(lesson) and lesson == self._lesson and self._phase in OPEN

    def locked(self, person: str, lesson: str) -> bool:
        """Whether a lesson's Run waits for the teacher, who may always run it."""
        with self._lock:
            self._settle()
            return lesson == self._lesson and self._locks() and person not in self._teachers

    def may_work(self, person: str) -> None:
        """Ask whether somebody may begin something, or go on.

        Raises:
            PlaygroundError: the room is paused, and they do not teach.
        """
        if self.holds(person):
            raise PlaygroundError("The teacher has paused the room: wait until it goes on.")

    def holds(self, person: str) -> bool:
        """Whether the room is paused for somebody."""
        with self._lock:
            self._settle()
            return self._paused and person not in self._teachers

    def teaches(self, person: str) -> bool:
        """Whether somebody has shown the teacher's key here."""
        with self._lock:
            return person in self._teachers

    @property
    def lesson(self) -> str:
        """The lesson that is open, "" for none."""
        with self._lock:
            return self._lesson

    # ---------------------------------------------------------------- the teacher

    def open(self, lesson: str, options: int) -> None:
        """Offer a lesson to everybody; its votes begin.

        Args:
            options: how many there are to vote for.
        """
        with self._changed():
            self._begin(lesson, options, "vote")

    def move(self, phase: Phase) -> None:
        """Go on to another phase of the lesson; a second round begins with the votes of the first, and what was shown stays so
        while it is run."""
        with self._changed():
            if not self._lesson:
                return
            if phase == "vote":
                self._begin(self._lesson, self._options, phase)
            if phase == "again":
                self._round = 2
                for pupil in self._pupils.values():
                    pupil.vote_again()
            self._phase, self._shown = phase, phase == "reveal" or (phase == "run" and self._shown)

    def close(self) -> None:
        """The lesson is over."""
        with self._changed():
            self._begin("", 0, "")

    def hang(self, wall: bool) -> None:
        """Hang the wall up or take it down; hung up, it has only pictures of those whom their page has told."""
        with self._changed():
            self._wall = wall
            if not wall:
                for pupil in self._pupils.values():
                    pupil.told = False

    def pause(self, paused: bool) -> None:
        """Let nobody but teachers begin anything, or let them again."""
        with self._changed():
            self._paused = paused

    def clear(self) -> None:
        """An empty room: no lesson, no votes, no wall, nothing paused; who wants to stay off the wall still does."""
        with self._changed():
            self._begin("", 0, "")
            self._wall = self._paused = False
            for pupil in self._pupils.values():
                pupil.told, pupil.shared = False, ""

    # ---------------------------------------------------------------- the wall

    def want_wall(self, person: str, wanted: bool) -> None:
        """A pupil's pictures may hang on the wall, or none of them may."""
        with self._lock:
            if (pupil := self._pupil(person)) is not None:
                pupil.on_wall = wanted

    def share(self, person: str, picture: str, wanted: bool = True) -> None:
        """A pupil shows a picture of their own on the wall, or no longer; it alone, and not the one after it."""
        with self._lock:
            if (pupil := self._pupil(person)) is not None:
                pupil.shared = picture if wanted else ""

    def remove(self, person: str, picture: str) -> None:
        """The teacher takes a picture of a pupil's off the wall, for good."""
        with self._lock:
            pupil = self._pupils.get(person)
            if pupil is not None and picture not in pupil.removed:
                pupil.removed.append(picture)

    def standing(self, person: str, picture: str, own: bool) -> Standing:
        """How a pupil's picture stands towards the wall.

        Args:
            picture: its name; equal for all that are painted from the same pictures.
            own: whether it was painted from pictures of theirs rather than the playground's.
        """
        with self._lock:
            pupil = self._pupils.get(person)
            if pupil is None or not self._wall or not pupil.told or self.clock() - pupil.seen > AWAY_SECONDS:
                return "none"
            if picture in pupil.removed:
                return "removed"
            return "off" if not pupil.on_wall else "private" if own and picture != pupil.shared else "hangs"

    def pupils(self) -> list[str]:
        """Everybody who is remembered, in the order in which they came."""
        with self._lock:
            return list(self._pupils)

    # ---------------------------------------------------------------- with the lock held

    @contextmanager
    def _changed(self) -> Iterator[None]:
        """The lock, while a teacher, who is here then, changes something."""
        with self._lock:
            self._taught = self.clock()
            yield
            self._version += 1

    def _latest(self, person: str) -> int | None:
        pupil = self._pupils.get(person)
        return pupil.votes[max(pupil.votes)] if pupil is not None and pupil.votes else None

    def _pupil(self, person: str) -> _Pupil | None:
        """A pupil, known from now on; None where there is no room for one more."""
        pupil = self._pupils.get(person)
        if pupil is None:
            if len(self._pupils) >= MAX_PEOPLE:
                longest = min(self._pupils, key=lambda name: self._pupils[name].seen)
                if self.clock() - self._pupils[longest].seen < AWAY_SECONDS:
                    return None  # nobody who is here loses their vote to whoever comes under many names
                del self._pupils[longest]
            pupil = self._pupils[person] = _Pupil(self.clock())
        return pupil

    def _settle(self) -> None:
        """Where no teacher has been seen for long, nobody is held up any more; votes stay as hidden as they are."""
        if self.clock() - self._taught <= AWAY_SECONDS:
            return
        self._teachers.clear()
        if self._locks() or self._paused or self._wall:
            self._version += 1
            self._paused = self._wall = False
            self._phase = "run" if self._lesson else ""

    def _locks(self) -> bool:
        return bool(self._lesson) and self._phase != "run"

    def _begin(self, lesson: str, options: int, phase: Phase | Literal[""]) -> None:
        self._lesson, self._options, self._phase, self._round, self._shown = lesson, options, phase, 1, False
        for pupil in self._pupils.values():
            pupil.votes.clear()

    def _view(self, pupil: _Pupil | None, teacher: bool) -> View:
        now, rounds = self.clock(), range(1, self._round + 1)
        everybody = self._pupils.values()
        counts = tuple(
            _counted([one.votes.get(number) for one in everybody], self._options) for number in rounds if self._shown
        )
        near = [one for one in everybody if now - one.seen < HERE_SECONDS] if teacher else []
        return View(
            self._version, self._lesson, self._phase, self._round, pupil.votes.get(self._round) if pupil else None,
            self._locks() and not teacher, counts, self._wall, pupil is None or pupil.on_wall, self._paused, len(near),
            sum(self._round in one.votes for one in everybody) if teacher else 0,
        )  # fmt: skip


def _counted(votes: Iterable[int | None], options: int) -> tuple[int, ...]:
    """How many votes each option has."""
    found = [0] * options
    for option in votes:
        if option is not None:
            found[option] += 1
    return tuple(found)
