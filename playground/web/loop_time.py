"""Who has lately kept the event loop busy waits a little before their next request, where others are there too.

Everybody's page hangs on one loop, and the painters wait for Python while it works. A request costs it milliseconds, a hostile
one many: the guard (security.py) has one `LoopTime`, lets a request wait for its person's turn and charges what it took; so is what
the queue does with it at first (gradio_patches/fair_queue.py). Pages, files and pictures are given at once, and whoever is
alone waits for nothing. Whoever listens to nothing, as an open page does to the server, has less of the loop than who does.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, Generic, TypeVar

from starlette.requests import HTTPConnection

from playground.web.people import person_of

Made = TypeVar("Made")

PART = 0.25  # of the loop's time, for all with a page open who have used up their allowance together
UNHEARD_PART = 0.05  # the same for all others
ALLOWANCE = 0.5  # seconds of the loop that they may take at once; opening the page takes 0.07
UNHEARD_ALLOWANCE = 0.15  # of all others: some forty requests
MOST_AHEAD = 0.3  # seconds beyond it that one request is charged at most; thousands of uploads at once take seconds
MOST_PEOPLE = 40  # whose number counts: many names of one person would slow all others down
HERE_SECONDS = 10.0  # since somebody's last request
LOOK_EVERY = 0.25  # seconds until whoever waits is looked at again: they may listen by then, and others have gone
REQUEST_SECONDS = 0.002  # of the loop, to take a request in, before anybody has looked at it
REFUSED_SECONDS = 0.02  # that a refusal is charged: more than it takes, since whoever has too much asks on and on
FIRST_SECONDS = 1.0  # of a stream and of an event, which are charged for; whoever follows a run pays no more
IN_SCOPE = "playground.loop_time"


class LoopTime:
    """The loop's time by person.

    Args:
        listens: whether a person has anything open that listens to the server.
        clock: in seconds.
    """

    def __init__(
        self, listens: Callable[[str], bool] = lambda person: True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._listens, self._clock = listens, clock
        self._had: dict[str, tuple[float, float]] = {}  # seconds of the loop that somebody has had, and as of when
        self._lines: dict[str, asyncio.Lock] = {}  # of those who wait
        self._counted_at = float("-inf")
        self._people = Counter[bool]()  # who listens and who does not

    def allowance(self, person: str) -> float:
        """Seconds of the loop that somebody may take at once."""
        return ALLOWANCE if self._listens(person) else UNHEARD_ALLOWANCE

    async def turn(self, person: str) -> None:
        """Wait until it is a person's turn: at once, unless they have taken more than their allowance."""
        line = self._lines.setdefault(person, asyncio.Lock())
        try:
            async with line:  # their requests wait one behind the other
                while (wait := self.wait_of(person)) > 0:
                    await asyncio.sleep(min(wait, LOOK_EVERY))
        finally:
            if self._lines.get(person) is line and not line.locked():
                del self._lines[person]

    def wait_of(self, person: str) -> float:
        """Seconds until a person's next request may begin."""
        return max(0.0, self.debt(person) - self.allowance(person)) / self._rate(person)

    def charge(self, person: str, seconds: float) -> None:
        """Put time of the loop on somebody's account."""
        debt, now = self.debt(person), self._clock()
        if now - self._had.get(person, (0.0, float("-inf")))[1] >= HERE_SECONDS:
            self._people[self._listens(person)] += 1  # until they are counted again
        self._had[person] = min(debt + seconds, self.allowance(person) + MOST_AHEAD), now

    def timed(self, person: str, work: Coroutine[Any, Any, Made], seconds: float = math.inf) -> _Timed[Made]:
        """A work to await, charged for while it keeps the loop busy, not for what it waits.

        Args:
            seconds: since its beginning, after which nothing of it is charged.
        """
        over = self._clock() + seconds

        def charge(taken: float) -> None:
            if self._clock() <= over:
                self.charge(person, taken)

        return _Timed(work, charge)

    def debt(self, person: str) -> float:
        """Seconds of the loop that somebody has had and has not been forgiven yet."""
        had, as_of = self._had.get(person, (0.0, 0.0))
        return max(0.0, had - (self._clock() - as_of) * self._rate(person))

    def _rate(self, person: str) -> float:
        """Seconds of the loop that are somebody's in a second; all of it for whoever is alone."""
        now = self._clock()
        if now - self._counted_at >= 1.0:
            self._counted_at = now
            recent = [name for name, (_, as_of) in self._had.items() if now - as_of < HERE_SECONDS]
            self._people = Counter(map(self._listens, recent))
            if len(recent) < len(self._had):  # nobody owes anything for longer than that takes to be forgiven
                longest = (ALLOWANCE + MOST_AHEAD) * MOST_PEOPLE / UNHEARD_PART
                self._had = {name: had for name, had in self._had.items() if now - had[1] < longest}
        if self._people.total() <= 1:
            return 1.0
        listens = self._listens(person)
        return (PART if listens else UNHEARD_PART) / min(max(1, self._people[listens]), MOST_PEOPLE)


async def charged_event(request: HTTPConnection, work: Coroutine[Any, Any, Made]) -> Made:
    """What the queue does with an event, on the account of whoever sent it; one that the guard has not seen is nobody's."""
    account: LoopTime | None = request.scope.get(IN_SCOPE)
    return await (work if account is None else account.timed(person_of(request), work, FIRST_SECONDS))


class _Timed(Generic[Made]):
    """A coroutine whose steps are timed, each by the processor time of the thread that takes it."""

    def __init__(self, work: Coroutine[Any, Any, Made], charge: Callable[[float], None]) -> None:
        self._work, self._charge = work, charge

    def __await__(self) -> Generator[Any, Any, Made]:
        step = partial(self._work.send, None)
        while True:
            began = time.thread_time()
            try:
                awaited = step()
            except StopIteration as end:
                made: Made = end.value
                return made
            finally:
                self._charge(time.thread_time() - began)
            try:
                sent = yield awaited
            except GeneratorExit:
                self._work.close()
                raise
            except BaseException as error:
                step = partial(self._work.throw, error)
            else:
                step = partial(self._work.send, sent)
