"""Work off the event loop: so many threads a person, and nobody without one because of another."""

from __future__ import annotations

import asyncio
import threading

import pytest
from anyio._backends._asyncio import WorkerThread

from playground.web import threads
from playground.web.threads import EACH, end_idle_soon, in_line, off_loop


def test_nobody_waits_for_a_thread_because_another_has_many_that_wait() -> None:
    gate, inside, most = threading.Event(), list[int](), list[int]()

    def slow() -> None:
        inside.append(1)
        most.append(len(inside))
        gate.wait(20)
        inside.pop()

    async def scenario() -> str:
        held = [asyncio.create_task(in_line("greedy", slow)) for _ in range(5 * EACH)]
        while len(inside) < EACH:
            await asyncio.sleep(0.01)
        held[0].cancel()  # its thread goes on, and counts
        said = await in_line("other", lambda: "done")
        assert len(inside) == EACH
        gate.set()
        await asyncio.gather(*held, return_exceptions=True)
        return said

    assert asyncio.run(scenario()) == "done"
    assert max(most) == EACH
    assert not threads._lines, "nothing is left of whoever came"


def test_what_it_gives_and_what_it_raises_comes_back() -> None:
    assert asyncio.run(off_loop(lambda a, b: a - b, 5, b=2)) == 3
    with pytest.raises(KeyError, match="missing"):
        asyncio.run(off_loop(lambda: dict[str, int]()["missing"]))


def test_threads_that_a_crowd_has_left_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WorkerThread, "MAX_IDLE_TIME", 0.05)

    before = set(threading.enumerate())  # those of other tests may end meanwhile

    def of_a_pool() -> int:
        return sum(isinstance(thread, WorkerThread) for thread in set(threading.enumerate()) - before)

    async def scenario() -> int:
        crowd = 20
        met = threading.Barrier(crowd)
        await asyncio.gather(*(in_line(f"person {number}", met.wait, 10) for number in range(crowd)))
        at_worst = of_a_pool()
        await asyncio.sleep(0.1)
        end_idle_soon()
        while of_a_pool() > 1:
            await asyncio.sleep(0.01)
        return at_worst

    assert asyncio.run(asyncio.wait_for(scenario(), 20)) == 20
