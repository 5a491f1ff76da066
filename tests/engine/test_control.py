"""ControlState reach the loop: in memory from other threads, and through a file from another process."""

from __future__ import annotations

import multiprocessing
import threading
import time
from pathlib import Path

import pytest

from playground.engine.control import ControlState, FileControl, MemoryControl
from playground.service.scheduler import Scheduler


@pytest.fixture(params=["memory", "file"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[MemoryControl, MemoryControl]:
    """The writer's and the reader's control: the same object in memory, two around one file."""
    if request.param == "memory":
        control = MemoryControl()
        return control, control
    return FileControl(tmp_path / "orders"), FileControl(tmp_path / "orders")


def test_nothing_is_wished_at_first(pair: tuple[MemoryControl, MemoryControl]) -> None:
    assert pair[1].read() == ControlState(settings={}, paused=False, stopped=False, shares=False)


def test_orders_arrive_and_add_up(pair: tuple[MemoryControl, MemoryControl]) -> None:
    writer, reader = pair
    writer.change({"style_weight": 2.0})
    writer.change({"style_weight": 3.0, "style_layers": {"conv1_1": 0.5}})
    writer.want_shares(True)
    writer.pause()
    settings = {"style_weight": 3.0, "style_layers": {"conv1_1": 0.5}}
    assert reader.read() == ControlState(settings=settings, paused=True, stopped=False, shares=True)
    writer.resume()
    writer.want_shares(False)
    writer.stop()
    assert reader.read() == ControlState(settings=settings, paused=False, stopped=True, shares=False)


def test_changes_in_quick_succession_are_all_seen(pair: tuple[MemoryControl, MemoryControl]) -> None:
    writer, reader = pair
    for value in range(300):
        writer.change({"seconds": value})
        if value % 3 == 0:
            assert reader.read().settings["seconds"] == value
    assert reader.read().settings["seconds"] == 299


def test_changes_from_several_threads_are_not_lost(pair: tuple[MemoryControl, MemoryControl]) -> None:
    writer, reader = pair
    start = threading.Barrier(8)

    def change(thread: int) -> None:
        start.wait()
        for value in range(25):
            writer.change({f"{thread}-{value}": value})

    threads = [threading.Thread(target=change, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reader.read().settings) == 8 * 25


def test_waiting_ends_with_an_order(pair: tuple[MemoryControl, MemoryControl]) -> None:
    writer, reader = pair
    writer.pause()
    threading.Timer(0.1, writer.resume).start()
    started = time.monotonic()
    while reader.read().paused:
        reader.wait(60)
    assert time.monotonic() - started < 30


def test_turns_are_held_one_at_a_time() -> None:
    scheduler = Scheduler()
    control = MemoryControl(scheduler.ticket())
    with control.turn():
        other = threading.Thread(target=lambda: scheduler.ticket().__enter__())
        other.start()
        other.join(0.05)
        assert other.is_alive()
    other.join(10)
    assert not other.is_alive()


def test_one_thread_does_the_work_of_all_turns() -> None:
    scheduler = Scheduler()
    found: list[tuple[int, str]] = []
    threads = [
        threading.Thread(
            target=lambda n=n: found.append((n, scheduler.ticket().do(lambda: threading.current_thread().name)))
        )
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(n for n, _ in found) == [0, 1, 2, 3]
    assert len({name for _, name in found}) == 1
    assert found[0][1] != threading.current_thread().name


def test_what_goes_wrong_in_a_turn_reaches_whoever_asked_and_the_turn_ends() -> None:
    scheduler = Scheduler()
    with pytest.raises(ZeroDivisionError):
        MemoryControl(scheduler.ticket()).turn().do(lambda: 1 // 0)
    assert MemoryControl(scheduler.ticket()).turn().do(lambda: 5) == 5


def test_alone_work_is_done_where_it_is_asked_for() -> None:
    assert MemoryControl().turn().do(threading.current_thread) is threading.current_thread()


def _follow(path: Path, seen: multiprocessing.Queue[ControlState]) -> None:
    control, last = FileControl(path), None
    while not control.read().stopped:
        if control.read() != last:
            last = control.read()
            seen.put(last)
        control.wait(1.0)
    seen.put(control.read())


def test_a_file_steers_another_process(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    seen, writer = context.Queue(), FileControl(tmp_path / "orders")
    process = context.Process(target=_follow, args=(tmp_path / "orders", seen))
    process.start()
    assert seen.get(timeout=120) == ControlState()
    writer.change({"content_weight": 5.0})
    assert seen.get(timeout=60).settings == {"content_weight": 5.0}
    writer.pause()
    assert seen.get(timeout=60).paused
    writer.stop()
    assert seen.get(timeout=60).stopped
    process.join(60)
    assert process.exitcode == 0


def test_a_file_is_never_seen_half_written(tmp_path: Path) -> None:
    writer, reader = FileControl(tmp_path / "orders"), FileControl(tmp_path / "orders")
    over = threading.Event()

    def write() -> None:
        for value in range(200):
            writer.change({"key": "x" * 10_000 + str(value)})
        over.set()

    thread = threading.Thread(target=write)
    thread.start()
    while not over.is_set():
        reader.read()  # broken JSON would raise
    thread.join()
    assert reader.read().settings["key"].endswith("199")


def test_a_file_is_removed_with_nothing_left(tmp_path: Path) -> None:
    control = FileControl(tmp_path / "orders")
    control.stop()
    assert [path.name for path in tmp_path.iterdir()] == ["orders"]
    control.remove()
    control.remove()
    assert not list(tmp_path.iterdir())
