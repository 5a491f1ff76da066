"""A room of memory: turns by account, small work beside large, no more than there is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from playground.system.memory_room import MAX_WAITING, Crowded, Room
from tests.helpers.waiting import until


class Crowd:
    """People whose works are begun one after the other, each in a thread; `order` says in which order they had their turns."""

    def __init__(self, room: Room) -> None:
        self.room, self.order = room, list[str]()
        self._account, self._threads = threading.local(), list[threading.Thread]()
        room.account = lambda: getattr(self._account, "name", "")

    def ask(self, account: str, megabytes: float) -> None:
        before = self.room.waiting
        self._threads.append(threading.Thread(target=self._work, args=(account, megabytes)))
        self._threads[-1].start()
        until(lambda: self.room.waiting == before + 1)

    def _work(self, account: str, megabytes: float) -> None:
        self._account.name = account
        with self.room.take(megabytes):
            self.order.append(account)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(10)


@contextmanager
def full(room: Room) -> Iterator[None]:
    """While nothing else may work."""
    with ExitStack() as held:
        held.enter_context(room.take(1000.0))
        held.enter_context(room.take(room.megabytes / 16))
        held.enter_context(room.take(room.megabytes / 16))
        yield


def test_whoever_floods_the_room_waits_behind_everybody_else() -> None:
    room = Room(100)
    crowd = Crowd(room)
    with full(room):
        for _ in range(5):
            crowd.ask("flood", 80)
        for account in ("one", "two"):
            crowd.ask(account, 80)
    crowd.join()
    assert crowd.order[:3] == ["flood", "one", "two"]
    assert crowd.order[3:] == ["flood"] * 4


def test_who_has_had_much_waits_longer_than_who_has_had_little() -> None:
    room = Room(100)
    crowd = Crowd(room)
    with full(room):
        for account, megabytes in (("large", 80.0), ("little", 20.0), ("large", 80.0), *[("little", 20.0)] * 4):
            crowd.ask(account, megabytes)
    crowd.join()
    assert crowd.order == ["large", *["little"] * 4, "large", "little"]


def test_within_an_account_and_without_one_it_goes_by_arrival() -> None:
    room = Room(100)
    crowd, order = Crowd(room), [8.0, 50.0, 80.0, 7.0]
    began = list[float]()
    share = room._large.begin
    room._large.begin = lambda work: (began.append(work.megabytes), share(work))[1]  # type: ignore[method-assign]
    with full(room):
        began.clear()
        for megabytes in order:
            crowd.ask("", megabytes)
    crowd.join()
    assert began == order


def test_small_work_is_done_while_the_largest_waits_and_works() -> None:
    room = Room(160, seconds=10)
    with room.take(1000):  # more than there is: alone among the large
        done = threading.Event()
        waiting = threading.Thread(target=lambda: room.take(50).__enter__(), daemon=True)
        waiting.start()
        until(lambda: room.waiting == 1)

        def small() -> None:
            with room.take(10):
                done.set()

        threading.Thread(target=small).start()
        assert done.wait(5)
        assert room.waiting == 1
    until(lambda: room.waiting == 0)


def test_all_together_take_no_more_than_there_is() -> None:
    room = Room(160, seconds=0.05)
    with room.take(10), room.take(10), room.take(70), room.take(70):
        assert room.taken_megabytes == 160
        for more in (1.0, 11.0):
            with pytest.raises(Crowded), room.take(more):
                pass
    assert room.taken_megabytes == 0


def test_an_account_has_so_many_that_wait_and_no_more_and_others_do() -> None:
    room = Room(100, seconds=10)
    crowd = Crowd(room)
    with full(room):
        for _ in range(MAX_WAITING):
            crowd.ask("flood", 80)
        room.account = lambda: "flood"
        with pytest.raises(Crowded), room.take(80):
            pass
        room.account = lambda: getattr(crowd._account, "name", "")
        crowd.ask("other", 80)
        for _ in range(MAX_WAITING + 1):  # of nobody in particular, as on a command line
            crowd.ask("", 80)
    crowd.join()
    assert crowd.order.count("flood") == MAX_WAITING


def test_who_gives_up_leaves_the_queue() -> None:
    room = Room(10, seconds=0.05)
    with room.take(10), pytest.raises(Crowded), room.take(1):
        pass
    with room.take(10):
        assert (room.taken_megabytes, room.waiting) == (10, 0)
