"""The event loop's time by person: who has taken much waits, whoever is alone or takes little does not."""

from __future__ import annotations

import asyncio
import time

import pytest
from starlette.requests import HTTPConnection

from playground.web.loop_time import (
    ALLOWANCE,
    HERE_SECONDS,
    MOST_AHEAD,
    MOST_PEOPLE,
    PART,
    UNHEARD_ALLOWANCE,
    UNHEARD_PART,
    LoopTime,
    charged_event,
)
from tests.helpers.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def loop_time(clock: Clock) -> LoopTime:
    return LoopTime(clock=clock)


def test_whoever_is_alone_waits_for_nothing_to_speak_of(loop_time: LoopTime, clock: Clock) -> None:
    for _ in range(1000):
        loop_time.charge("ann", 0.01)
        clock.now += 0.01  # the loop does nothing else
        assert loop_time.wait_of("ann") <= 0.01


def test_who_has_taken_much_waits_and_nobody_else_does(loop_time: LoopTime, clock: Clock) -> None:
    for person in ("greedy", "ann", "bob"):
        loop_time.charge(person, ALLOWANCE / 2)
    clock.now += 1.0
    for _ in range(40):
        loop_time.charge("greedy", 0.02)
    assert loop_time.wait_of("ann") == loop_time.wait_of("bob") == loop_time.wait_of("newcomer") == 0
    assert loop_time.wait_of("greedy") == pytest.approx(MOST_AHEAD * 3 / PART), "of the part that is shared by three"
    clock.now += loop_time.wait_of("greedy") / 2
    assert loop_time.wait_of("greedy") > 0
    clock.now += loop_time.wait_of("greedy") + 1e-6
    assert loop_time.wait_of("greedy") == 0


@pytest.mark.parametrize("people", [2, 9, 30])
def test_however_many_are_greedy_they_have_no_more_than_their_part_together(
    people: int, loop_time: LoopTime, clock: Clock
) -> None:
    names = [f"greedy {number}" for number in range(people)]
    for name in names:
        loop_time.charge(name, ALLOWANCE + MOST_AHEAD)
    had = 0.0
    for tick in range(6_000):
        clock.now += 0.01
        for name in names:
            if loop_time.wait_of(name) == 0:
                loop_time.charge(name, 0.004)
                had += 0.004 if tick >= 2000 else 0.0
    assert had / 40 == pytest.approx(PART, rel=0.1)


def test_who_listens_to_nothing_has_a_part_of_their_own_that_is_smaller(clock: Clock) -> None:
    loop_time = LoopTime({"ann", "bob"}.__contains__, clock)
    people = ("ann", "bob", "a script", "another", "a third")
    for name in people:
        loop_time.charge(name, 1.0)
    clock.now += 0.1
    assert [loop_time.allowance(name) for name in people] == [ALLOWANCE] * 2 + [UNHEARD_ALLOWANCE] * 3
    waits = {name: loop_time.wait_of(name) + 0.1 for name in people}
    assert waits["ann"] == waits["bob"] == pytest.approx(2 * MOST_AHEAD / PART)
    assert waits["a script"] == pytest.approx(3 * MOST_AHEAD / UNHEARD_PART)


def test_whoever_waits_goes_on_as_soon_as_they_listen(clock: Clock) -> None:
    here = {"other"}
    loop_time = LoopTime(here.__contains__, clock)
    loop_time.charge("other", 0.001)
    loop_time.charge("ann", 1.0)

    async def scenario() -> None:
        waiting = asyncio.create_task(loop_time.turn("ann"))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        here.add("ann")  # her page's own stream, which is opened beside its first requests
        await asyncio.wait_for(waiting, 5)

    asyncio.run(scenario())


def test_many_names_slow_nobody_down_without_end(loop_time: LoopTime, clock: Clock) -> None:
    for number in range(5000):
        loop_time.charge(f"name {number}", 0.001)
    clock.now += 1.0
    loop_time.charge("ann", 100.0)
    assert loop_time.wait_of("ann") <= MOST_AHEAD * MOST_PEOPLE / PART + 1e-6
    clock.now += 1000.0
    loop_time.charge("ann", 0.001)
    assert set(loop_time._had) == {"ann"}, "who has gone is forgotten"


def test_requests_of_one_person_wait_one_behind_the_other(loop_time: LoopTime, clock: Clock) -> None:
    loop_time.charge("other", 0.001)
    clock.now += HERE_SECONDS / 2
    loop_time.charge("greedy", 0.001)
    clock.now += 1.0
    loop_time.charge("greedy", ALLOWANCE + MOST_AHEAD)
    began = list[int]()

    async def request(number: int) -> None:
        await loop_time.turn("greedy")
        began.append(number)
        loop_time.charge("greedy", ALLOWANCE + MOST_AHEAD)

    async def scenario() -> None:
        waiting = [asyncio.create_task(request(number)) for number in range(3)]
        await asyncio.sleep(0.01)
        assert began == []
        waiting[0].cancel()  # whoever hangs up holds nobody up
        clock.now += 1000.0
        await asyncio.wait_for(loop_time.turn("other"), 5)
        await asyncio.sleep(0.01)

    asyncio.run(scenario())
    assert began == [1], "which the last one waits behind"


def test_only_what_keeps_the_loop_busy_is_charged(loop_time: LoopTime) -> None:
    async def busy_and_waiting() -> str:
        until = time.thread_time() + 0.03
        while time.thread_time() < until:
            pass
        await asyncio.sleep(0.2)
        return "made"

    assert asyncio.run(_made(loop_time, busy_and_waiting())) == "made"
    assert 0.03 <= loop_time.debt("ann") < 0.1


def test_of_a_stream_and_an_event_only_the_first_second_is_charged(loop_time: LoopTime, clock: Clock) -> None:
    debts = list[float]()

    async def follows_a_run() -> None:
        for _ in range(3):
            until = time.thread_time() + 0.01
            while time.thread_time() < until:
                pass
            await asyncio.sleep(0)
            debts.append(loop_time._had["ann"][0])
            clock.now += 0.6

    async def scenario() -> None:
        await loop_time.timed("ann", follows_a_run(), seconds=1.0)

    loop_time.charge("bob", 0.001)
    asyncio.run(scenario())
    assert debts[0] >= 0.01
    assert loop_time._had["ann"] == (pytest.approx(debts[1], rel=0.5), clock.now - 1.2), (
        "it was 0.6 s old, and then 1.2"
    )


def test_an_event_that_the_guard_has_not_seen_is_nobodys() -> None:
    async def work() -> str:
        return "made"

    assert asyncio.run(charged_event(HTTPConnection({"type": "http"}), work())) == "made"


async def _made(loop_time: LoopTime, work: object) -> object:
    return await loop_time.timed("ann", work)  # type: ignore[arg-type]


def test_what_a_work_raises_and_that_it_is_cancelled_reaches_it(loop_time: LoopTime) -> None:
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
        task = asyncio.create_task(_made(loop_time, waits()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with pytest.raises(KeyError):
        asyncio.run(_made(loop_time, refuses()))
    asyncio.run(cancelled())
    assert ended == ["cancelled"]
