"""Who may begin and who waits: a bounded queue, slots, memory, and how long a wait is likely to be."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection

import pytest
from PIL import Image

from playground.errors import PlaygroundError
from playground.images.pictures import Pictures
from playground.measure.memory import BASE_MB
from playground.recipe.model import Recipe
from playground.service.admission import Busy, Load, expected_waits
from playground.service.jobs import Jobs
from tests.helpers.paintings import PICTURE, PICTURES, RECIPE, Painting, expected, started
from tests.helpers.waiting import until


def test_who_finds_no_slot_waits_with_a_place(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_runs=2, max_waiting=2)
    all_jobs = started(jobs, "a", "b", "c", "d")
    until(lambda: [job.state for job in all_jobs] == ["running", "running", "waiting", "waiting"])
    assert [job.place for job in all_jobs] == [0, 0, 1, 2]
    with pytest.raises(PlaygroundError, match="2 runs are waiting already"):
        started(jobs, "e")
    all_jobs[0].control.stop()
    until(lambda: all_jobs[2].state == "running")
    until(lambda: all_jobs[3].place == 1)
    (late,) = started(jobs, "e")
    assert late.place == 2


def test_a_stopped_wait_ends_without_a_slot(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_runs=1)
    running, waiting, last = started(jobs, "a", "b", "c")
    until(lambda: running.state == "running")
    waiting.control.stop()
    until(lambda: waiting.state == "stopped")
    assert waiting.result is None
    assert waiting.frame is None
    until(lambda: last.place == 1)
    assert len(painting.tensors) == 1


def test_slots_are_never_exceeded_and_everybody_is_served(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs, most = make(max_runs=3), 0
    all_jobs = started(jobs, *map(str, range(12)))
    while not all(job.ended for job in all_jobs):
        painting.gate.release()
        most = max(most, sum(job.state in ("loading", "running") for job in all_jobs))
        time.sleep(0.002)
    assert most == 3
    assert {job.state for job in all_jobs} == {"done"}


def test_one_run_a_visitor(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make()
    (first,) = started(jobs, "a")
    with pytest.raises(PlaygroundError, match="already have a run"):
        started(jobs, "a")
    second = jobs.start(PICTURES, RECIPE, "a", replace=True)
    until(lambda: first.state == "stopped")
    until(lambda: second.state == "running")
    second.control.stop()
    until(lambda: second.ended)
    started(jobs, "a")


def test_pressing_run_forty_times_leaves_one_run(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_runs=2, max_waiting=3)
    started(jobs, "x", "y")
    pressed = [jobs.start(PICTURES, RECIPE, "a", replace=True) for _ in range(40)]
    until(lambda: sum(not job.ended for job in pressed) == 1)
    assert not pressed[-1].ended
    assert pressed[-1].place == 1


def test_several_runs_a_person_where_that_is_allowed(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(runs_each=2)
    first, second = started(jobs, "a", "a")
    (other,) = started(jobs, "b")
    with pytest.raises(Busy, match="You already have 2 runs going on"):
        started(jobs, "a")
    third = jobs.start(PICTURES, RECIPE, "a", replace=True)
    until(lambda: first.ended)
    assert not second.ended
    assert jobs.find("a") == [first, second, third]
    assert jobs.find("b") == [other]
    assert jobs.find("nobody") == []


def test_nobody_has_more_runs_pictures_read_than_they_may_run(
    make: Callable[..., Jobs], painting: type[Painting]
) -> None:
    jobs = make(runs_each=1, starts_each=10)
    with jobs.starting("me"):
        for replace in (False, True):
            with pytest.raises(PlaygroundError, match="still under way"), jobs.starting("me", replace=replace):
                pass
        with jobs.starting("you"):
            pass
        mine = jobs.start(PICTURES, RECIPE, "me", person="me")
    with pytest.raises(Busy, match="already have a run"), jobs.starting("me"):
        pass
    assert mine in jobs.going_on()
    for _ in range(9):  # what comes to nothing counts too: reading it took its time
        with pytest.raises(PlaygroundError, match="no picture"), jobs.starting("me", replace=True):
            raise PlaygroundError("no picture")
    with (
        pytest.raises(PlaygroundError, match="You have started 10 runs in a minute"),
        jobs.starting("me", replace=True),
    ):
        pass
    assert not jobs.admission._beginning


def test_a_refused_replacement_stops_nothing(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_runs=1, max_waiting=1)
    running, waiting = started(jobs, "a", "b")
    with pytest.raises(PlaygroundError, match="1 runs are waiting already"):
        jobs.start(PICTURES, RECIPE, "a", replace=True)
    assert not running.control.read().stopped
    assert waiting.place == 1


def test_memory_decides_who_begins_and_nobody_overtakes(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_runs=4)
    probe = expected(Recipe(size=1024, iterations=3))
    assert probe.memory is not None
    jobs.admission.memory_limit_mb = (
        BASE_MB["cpu"] + probe.memory.network + probe.memory.held + probe.memory.passing + 1
    )
    (large,) = started(jobs, "large", size=1024)
    second, small = started(jobs, "second", size=1024)[0], started(jobs, "small")[0]
    until(lambda: large.state == "running")
    time.sleep(0.5)
    assert (second.state, small.state) == ("waiting", "waiting")  # the small one would fit, but came later
    assert (second.place, small.place) == (1, 2)
    large.control.stop()
    until(lambda: second.state == "running")


def test_what_would_never_fit_is_refused_with_the_size_that_would(
    make: Callable[..., Jobs], painting: type[Painting]
) -> None:
    jobs = make(memory_mb=1200)
    with pytest.raises(PlaygroundError, match=r"2048 px needs about .* GB of memory and 1\.0 GB are free: try \d+ px"):
        started(jobs, "a", size=2048)
    started(jobs, "a")


def test_runs_that_take_turns_cost_the_largest_evaluation_once(
    make: Callable[..., Jobs], painting: type[Painting]
) -> None:
    jobs = make(max_runs=32, max_waiting=0)
    probe = expected(Recipe(size=256))
    assert probe.memory is not None
    alone = BASE_MB["cpu"] + probe.memory.network + probe.memory.held + probe.memory.passing
    jobs.admission.memory_limit_mb = alone * 1.3
    assert len(started(jobs, *map(str, range(30)), size=256)) == 30
    assert not jobs.admission.waiting


def test_too_many_large_pictures_may_not_wait(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_runs=1, memory_mb=1143)  # of which an eighth is for pictures that are decoded
    picture = Image.new("RGB", (4000, 4000))
    started(jobs, "a", "b")
    for number in range(4):  # 61 MiB each, and a quarter of the memory is theirs
        jobs.start(Pictures(PICTURE, (picture,)), RECIPE, str(number))
    with pytest.raises(PlaygroundError, match="Too many large pictures"):
        jobs.start(Pictures(PICTURE, (picture,)), RECIPE, "one more")
    assert len(jobs.admission.waiting) == 5


def test_who_waits_is_told_for_how_long(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_runs=1, max_seconds=1000)
    running, waiting, last = started(jobs, "a", "b", "c", iterations=100)
    until(lambda: last.wait_seconds is not None)
    assert waiting.wait_seconds is not None
    assert running.cost is not None
    assert waiting.wait_seconds == pytest.approx(running.cost.seconds, abs=2)
    assert last.wait_seconds is not None
    assert last.wait_seconds >= waiting.wait_seconds
    running.control.pause()
    until(lambda: waiting.wait_seconds is not None and waiting.wait_seconds > 900)  # its slot is free by then at last


def test_the_wait_is_until_enough_slots_are_free() -> None:
    def two_slots(present: Collection[str], key: str) -> bool:
        return len(present) < 2

    going_on = {"a": Load(10.0), "b": Load(30.0)}
    # a and b ticket the device: a ends after 20 s, when b has 20 s left, and c's 5 s take 10 beside b
    assert expected_waits(going_on, {"c": Load(5.0), "d": Load(5.0)}, two_slots) == pytest.approx([20.0, 30.0])
    # a weight of four leaves b a fifth
    heavy = {"a": Load(10.0, weight=4.0), "b": Load(30.0)}
    assert expected_waits(heavy, {"c": Load(5.0)}, two_slots) == pytest.approx([12.5])


def test_nobody_knows_how_long_a_pause_lasts() -> None:
    def one_slot(present: Collection[str], key: str) -> bool:
        return not present

    paused = Load(math.inf, weight=0.0)
    assert expected_waits({"a": paused}, {"b": Load(1.0), "c": Load(1.0)}, one_slot) == [None, None]
    assert expected_waits({"a": Load(math.inf, 0.0, until=60.0)}, {"b": Load(1.0)}, one_slot) == [60.0]
    assert expected_waits({}, {"b": Load(1.0), "c": Load(1.0)}, one_slot) == [0.0, 1.0]
