"""The event loop's time by person: who has taken much waits, whoever is alone or takes little does not."""

from __future__ import annotations

import asyncio
import time

import pytest
from starlette.requests import HTTPConnection

from playground.web.pace import (
    ALLOWANCE,
    HERE_SECONDS,
    MOST_AHEAD,
    MOST_PEOPLE,
    PART,
    UNHEARD_ALLOWANCE,
    UNHEARD_PART,
    Pace,
    charged_event,
)
from tests.helpers.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    return Pace(clock=clock)


def test_whoever_is_alone_waits_for_nothing_to_speak_of(pace: Pace, clock: Clock) -> None:
    for _ in range(1000):
        pace.charge("ann", 0.01)
        clock.now += 0.01  # the loop does nothing else
        assert pace.wait_of("ann") <= 0.01


def test_who_has_taken_much_waits_and_nobody_else_does(pace: Pace, clock: Clock) -> None:
    for person in ("greedy", "ann", "bob"):
        pace.charge(person, ALLOWANCE / 2)
    clock.now += 1.0
    for _ in range(40):
        pace.charge("greedy", 0.02)
    assert pace.wait_of("ann") == pace.wait_of("bob") == pace.wait_of("newcomer") == 0
    assert pace.wait_of("greedy") == pytest.approx(MOST_AHEAD * 3 / PART), "of the part that is shared by three"
    clock.now += pace.wait_of("greedy") / 2
    assert pace.wait_of("greedy") > 0
    clock.now += pace.wait_of("greedy") + 1e-6
    assert pace.wait_of("greedy") == 0


@pytest.mark.parametrize("people", [2, 9, 30])
def test_however_many_are_greedy_they_have_no_more_than_their_part_together(
    people: int, pace: Pace, clock: Clock
) -> None:
    names = [f"greedy {number}" for number in range(people)]
    for name in names:
        pace.charge(name, ALLOWANCE + MOST_AHEAD)
    had = 0.0
    for tick in range(6_000):
        clock.now += 0.01
        for name in names:
            if pace.wait_of(name) == 0:
                pace.charge(name, 0.004)
                had += 0.004 if tick >= 2000 else 0.0
    assert had / 40 == pytest.approx(PART, rel=0.1)


def test_who_listens_to_nothing_has_a_part_of_their_own_that_is_smaller(clock: Clock) -> None:
    pace = Pace({"ann", "bob"}.__contains__, clock)
    people = ("ann", "bob", "a script", "another", "a third")
    for name in people:
        pace.charge(name, 1.0)
    clock.now += 0.1
    assert [pace.allowance(name) for name in people] == [ALLOWANCE] * 2 + [UNHEARD_ALLOWANCE] * 3
    waits = {name: pace.wait_of(name) + 0.1 for name in people}
    assert waits["ann"] == waits["bob"] == pytest.approx(2 * MOST_AHEAD / PART)
    assert waits["a script"] == pytest.approx(3 * MOST_AHEAD / UNHEARD_PART)


def test_whoever_waits_goes_on_as_soon_as_they_listen(clock: Clock) -> None:
    here = {"other"}
    pace = Pace(here.__contains__, clock)
    pace.charge("other", 0.001)
    pace.charge("ann", 1.0)

    async def scenario() -> None:
        waiting = asyncio.create_task(pace.turn("ann"))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        here.add("ann")  # her page's own stream, which is opened beside its first requests
        await asyncio.wait_for(waiting, 5)

    asyncio.run(scenario())


def test_many_names_slow_nobody_down_without_end(pace: Pace, clock: Clock) -> None:
    for number in range(5000):
        pace.charge(f"name {number}", 0.001)
    clock.now += 1.0
    pace.charge("ann", 100.0)
    assert pace.wait_of("ann") <= MOST_AHEAD * MOST_PEOPLE / PART + 1e-6
    clock.now += 1000.0
    pace.charge("ann", 0.001)
    assert set(pace._had) == {"ann"}, "who has gone is forgotten"


def test_requests_of_one_person_wait_one_behind_the_other(pace: Pace, clock: Clock) -> None:
    pace.charge("other", 0.001)
    clock.now += HERE_SECONDS / 2
    pace.charge("greedy", 0.001)
    clock.now += 1.0
    pace.charge("greedy", ALLOWANCE + MOST_AHEAD)
    began = list[int]()

    async def request(number: int) -> None:
        await pace.turn("greedy")
        began.append(number)
        pace.charge("greedy", ALLOWANCE + MOST_AHEAD)

    async def scenario() -> None:
        waiting = [asyncio.create_task(request(number)) for number in range(3)]
        await asyncio.sleep(0.01)
        assert began == []
        waiting[0].cancel()  # whoever hangs up holds nobody up
        clock.now += 1000.0
        await asyncio.wait_for(pace.turn("other"), 5)
        await asyncio.sleep(0.01)

    asyncio.run(scenario())
    assert began == [1], "which the last one waits behind"


def test_only_what_keeps_the_loop_busy_is_charged(pace: Pace) -> None:
    async def busy_and_waiting() -> str:
        until = time.thread_time() + 0.03
        while time.thread_time() < until:
            pass
        await asyncio.sleep(0.2)
        return "made"

    assert asyncio.run(_made(pace, busy_and_waiting())) == "made"
    assert 0.03 <= pace.debt("ann") < 0.1


def test_of_a_stream_and_an_event_only_the_first_second_is_charged(pace: Pace, clock: Clock) -> None:
    debts = list[float]()

    async def follows_a_run() -> None:
        for _ in range(3):
            until = time.thread_time() + 0.01
            while time.thread_time() < until:
                pass
            await asyncio.sleep(0)
            debts.append(pace._had["ann"][0])
            clock.now += 0.6

    async def scenario() -> None:
        await pace.timed("ann", follows_a_run(), seconds=1.0)

    pace.charge("bob", 0.001)
    asyncio.run(scenario())
    assert debts[0] >= 0.01
    assert pace._had["ann"] == (pytest.approx(debts[1], rel=0.5), clock.now - 1.2), "it was 0.6 s old, and then 1.2"


def test_an_event_that_the_guard_has_not_seen_is_nobodys() -> None:
    async def work() -> str:
        return "made"

    assert asyncio.run(charged_event(HTTPConnection({"type": "http"}), work())) == "made"


async def _made(pace: Pace, work: object) -> object:
    return await pace.timed("ann", work)  # type: ignore[arg-type]


def test_what_a_work_raises_and_that_it_is_cancelled_reaches_it(pace: Pace) -> None:
    ended = list[str]()

    async def refuses() -> None:
        await asyncio.sleep(0)
        raise KeyError("x")

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def cancelled() -> None:
        task = asyncio.create_task(_made(pace, waits()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with pytest.raises(KeyError):
        asyncio.run(_made(pace, refuses()))
    asyncio.run(cancelled())
    assert ended == ["cancelled"]
