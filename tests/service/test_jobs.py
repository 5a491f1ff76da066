"""Jobs: fair turns, a bounded queue, one run a visitor, grace, errors in words, and nothing left behind.

Most runs here are paintings of nothing, gated by the test; the last ones paint on the real network.
"""

from __future__ import annotations

import copy
import gc
import itertools
import logging
import multiprocessing
import pickle
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from playground.engine.control import Control, FileControl
from playground.engine.losses import Objective
from playground.engine.run import Frame, Result, Run, State
from playground.errors import PlaygroundError
from playground.measure.memory import BASE_MB
from playground.networks import catalogue, read
from playground.recipe.model import Recipe, Stage
from playground.service import job as job_module
from playground.service import jobs as jobs_module
from playground.service.job import Download, Job
from playground.service.jobs import Busy, Jobs
from playground.service.limits import Limits
from playground.service.zerogpu import megapixels_judged, paint_elsewhere

RECIPE = Recipe(size=64, iterations=3)
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))


def until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    """Wait for something that must come; the limit only ends a broken test."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


class Painting:
    """Stands in for Run: a step for every time the gate is opened, and what real runs hold: a large tensor."""

    gate: threading.Semaphore
    steps_of: list[int]
    tensors: list[weakref.ref]
    fault: Exception | None = None

    def __init__(
        self, content: Any, style: Any, recipe: Recipe, network: Any, control: Control, snapshot: Any = None
    ) -> None:
        self.recipe, self.control = recipe, control
        self.tensor = torch.zeros(1000)
        Painting.tensors.append(weakref.ref(self.tensor))

    def frame(self, step: int, state: State = "running") -> Frame:
        losses = {"content": 1.0, "style": 2.0, "variation": 0.0, "total": 3.0} if step and state == "running" else {}
        layers = {"content:conv4_2": 1.0, "style:conv1_1": 2.0} if losses else {}
        picture = np.full((4, 4, 3), step, dtype=np.uint8)
        return Frame(step, self.recipe.iterations, step, 0.1 * step, losses, layers, picture=picture, state=state)

    def frames(self) -> Iterator[Frame]:
        yield self.frame(0)
        step, state = 0, None
        while state is None:
            orders = self.control.read()
            if orders.stopped:
                state = "stopped"
            elif step == self.recipe.iterations:
                state = "done"
            elif orders.paused:
                yield self.frame(step, "paused")
                self.control.wait(0.05)
            elif Painting.gate.acquire(timeout=0.02):
                with self.control.turn():
                    step += 1
                    Painting.steps_of.append(self.recipe.seed)
                    if Painting.fault is not None:
                        raise copy.copy(Painting.fault)  # a raised one holds on to everything that it passed
                yield self.frame(step)
        picture = Image.new("RGB", (8, 8))
        result = Result(picture, self.recipe, state, {}, {}, [], step, step, 0.1 * step, None)
        yield replace(self.frame(step, state), result=result)  # type: ignore[arg-type]


@pytest.fixture
def painting(monkeypatch: pytest.MonkeyPatch) -> type[Painting]:
    Painting.gate, Painting.steps_of, Painting.tensors, Painting.fault = threading.Semaphore(0), [], [], None
    monkeypatch.setattr(jobs_module, "Run", Painting)
    monkeypatch.setattr(jobs_module, "load_network", lambda name, device: object())
    monkeypatch.setattr(catalogue, "is_available", lambda name: name == "vgg16-hed")
    return Painting


@pytest.fixture
def make(painting: type[Painting]) -> Iterator[Callable[..., Jobs]]:
    made: list[Jobs] = []

    def jobs(**settings: Any) -> Jobs:
        made.append(Jobs("cpu", Limits(**{"runs_each": 1, **settings})))
        return made[-1]

    yield jobs
    for each in made:
        each.close()
        assert not each._workers, "a worker outlived its server"


def started(jobs: Jobs, *visitors: str, **settings: Any) -> list[Job]:
    recipes = [RECIPE.changed({"seed": number, **settings}) for number in range(len(visitors))]
    return [jobs.start(PICTURE, PICTURE, recipe, visitor) for recipe, visitor in zip(recipes, visitors, strict=True)]


# ---- turns


def test_a_paused_run_takes_no_turns(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make()
    first, second = started(jobs, "a", "b", iterations=5)
    until(lambda: first.state == second.state == "running")
    first.control.pause()
    until(lambda: first.state == "paused")
    for _ in range(5):
        painting.gate.release()
    until(lambda: second.state == "done")
    assert set(painting.steps_of) == {1}
    assert first.state == "paused"
    first.control.resume()
    for _ in range(5):
        painting.gate.release()
    until(lambda: first.state == "done")


# ---- the queue


def test_who_finds_no_seat_waits_with_a_place(make: Callable[..., Jobs], painting: type[Painting]) -> None:
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


def test_a_stopped_wait_ends_without_a_seat(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_runs=1)
    running, waiting, last = started(jobs, "a", "b", "c")
    until(lambda: running.state == "running")
    waiting.control.stop()
    until(lambda: waiting.state == "stopped")
    assert waiting.result is None
    assert waiting.frame is None
    until(lambda: last.place == 1)
    assert len(painting.tensors) == 1


def test_seats_are_never_exceeded_and_everybody_is_served(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs, most = make(max_runs=3), 0
    all_jobs = started(jobs, *map(str, range(12)))
    while not all(job.ended for job in all_jobs):
        painting.gate.release()
        most = max(most, sum(job.state in ("loading", "running") for job in all_jobs))
        time.sleep(0.002)
    assert most == 3
    assert {job.state for job in all_jobs} == {"done"}


# ---- one run a visitor


def test_one_run_a_visitor(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make()
    (first,) = started(jobs, "a")
    with pytest.raises(PlaygroundError, match="already have a run"):
        started(jobs, "a")
    second = jobs.start(PICTURE, PICTURE, RECIPE, "a", replace=True)
    until(lambda: first.state == "stopped")
    until(lambda: second.state == "running")
    second.control.stop()
    until(lambda: second.ended)
    started(jobs, "a")


def test_pressing_run_forty_times_leaves_one_run(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_runs=2, max_waiting=3)
    started(jobs, "x", "y")
    pressed = [jobs.start(PICTURE, PICTURE, RECIPE, "a", replace=True) for _ in range(40)]
    until(lambda: sum(not job.ended for job in pressed) == 1)
    assert not pressed[-1].ended
    assert pressed[-1].place == 1


def test_ids_cannot_be_guessed_from_each_other(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make()
    first, second = started(jobs, "a", "b")
    assert len(first.id) >= 20
    assert first.id[:8] != second.id[:8]
    assert jobs.get(first.id) is first
    assert jobs.get("a") is None
    assert jobs.get("") is None


# ---- limits


def test_what_is_beyond_a_limit_is_refused(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_size=128, max_iterations=10)
    with pytest.raises(PlaygroundError, match="The size is 256 px, and this server allows 128"):
        started(jobs, "a", size=256)
    with pytest.raises(PlaygroundError, match="The number of iterations is 11"):
        started(jobs, "a", iterations=11)
    started(jobs, "a", size=128, iterations=10)


def test_a_run_ends_when_it_has_had_its_time(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_seconds=1)
    (job,) = started(jobs, "a", iterations=100_000)
    until(lambda: job.state == "running")
    assert job.started_at is not None
    job.started_at -= 0.5

    def step() -> bool:
        painting.gate.release()
        return job.ended

    until(step)
    assert job.state == "stopped"
    assert job.notes == ["stopped after 0.0167 minutes, the longest that a run may take here"]


def test_memory_decides_who_begins_and_nobody_overtakes(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_runs=4)
    probe = jobs._new_job(PICTURE, PICTURE, Recipe(size=1024, iterations=3), "nobody")
    assert probe.memory is not None
    jobs.memory_limit_mb = BASE_MB["cpu"] + probe.memory.network + probe.memory.held + probe.memory.passing + 1
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
    with pytest.raises(PlaygroundError, match=r"2048 px needs about .* GB of memory and 1\.2 GB are free: try \d+ px"):
        started(jobs, "a", size=2048)
    started(jobs, "a")


def test_runs_that_take_turns_cost_the_largest_evaluation_once(
    make: Callable[..., Jobs], painting: type[Painting]
) -> None:
    jobs = make(max_runs=32, max_waiting=0)
    probe = jobs._new_job(PICTURE, PICTURE, Recipe(size=256), "nobody")
    assert probe.memory is not None
    alone = BASE_MB["cpu"] + probe.memory.network + probe.memory.held + probe.memory.passing
    jobs.memory_limit_mb = alone * 1.3
    assert len(started(jobs, *map(str, range(30)), size=256)) == 30
    assert not jobs._waiting


def test_who_waits_is_told_for_how_long(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_runs=1, max_seconds=1000)
    running, waiting, last = started(jobs, "a", "b", "c", iterations=100)
    until(lambda: last.wait_seconds is not None)
    assert waiting.wait_seconds is not None
    assert running.cost is not None
    assert waiting.wait_seconds == pytest.approx(running.cost.seconds, abs=2)
    assert last.wait_seconds >= waiting.wait_seconds
    running.control.pause()
    until(lambda: waiting.wait_seconds is not None and waiting.wait_seconds > 900)  # its seat is free by then at last


def test_too_many_large_pictures_may_not_wait(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_runs=1, memory_mb=1000)
    picture = Image.new("RGB", (4000, 4000))
    started(jobs, "a", "b")
    for number in range(4):  # 61 MiB each, and a quarter of the memory is theirs
        jobs.start(PICTURE, picture, RECIPE, str(number))
    with pytest.raises(PlaygroundError, match="Too many large pictures"):
        jobs.start(PICTURE, picture, RECIPE, "one more")
    assert len(jobs._waiting) == 5


# ---- people, and who looks after the server


def test_several_runs_a_person_where_that_is_allowed(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(runs_each=2)
    first, second = started(jobs, "a", "a")
    (other,) = started(jobs, "b")
    with pytest.raises(Busy, match="You already have 2 runs going on"):
        started(jobs, "a")
    third = jobs.start(PICTURE, PICTURE, RECIPE, "a", replace=True)
    until(lambda: first.ended)
    assert not second.ended
    assert jobs.find("a") == [first, second, third]
    assert jobs.find("b") == [other]
    assert jobs.find("nobody") == []


def test_a_refused_replacement_stops_nothing(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_runs=1, max_waiting=1)
    running, waiting = started(jobs, "a", "b")
    with pytest.raises(PlaygroundError, match="1 runs are waiting already"):
        jobs.start(PICTURE, PICTURE, RECIPE, "a", replace=True)
    assert not running.control.read().stopped
    assert waiting.place == 1


def test_a_teachers_run_counts_for_several(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(teacher_weight=3)
    pupil, teacher = started(jobs, "a")[0], jobs.start(PICTURE, PICTURE, RECIPE, "b", teacher=True)
    assert (pupil.weight, teacher.weight) == (1.0, 3.0)
    assert teacher.control.turn().weight == 3.0  # type: ignore[attr-defined]


def test_the_overview_counts(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_runs=2)
    one, two, _ = started(jobs, "a", "b", "c")
    until(lambda: one.state == two.state == "running")
    one.control.pause()
    until(lambda: one.state == "paused")
    for token in ("x", "y", "y"):
        jobs.people_here(token)
    jobs.people_gone("x")
    seen = jobs.overview()
    assert (seen.device, seen.people, seen.runs, seen.paused, seen.waiting, seen.trainings) == ("cpu", 1, 2, 1, 1, 0)
    assert seen.memory_mb is None or seen.memory_mb > 50
    assert seen.memory_limit_mb == jobs.memory_limit_mb


def test_a_run_can_be_stopped_by_its_name(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make()
    first, second = started(jobs, "a", "b")
    assert first.name != second.name
    assert first.id not in first.name
    assert jobs.stop(second.name)
    until(lambda: second.ended)
    assert second.notes == ["stopped by whoever looks after this server"]
    assert not first.ended
    assert not jobs.stop(second.name)
    assert not jobs.stop(first.id)
    assert jobs.going_on() == [first]


# ---- watching


def test_a_job_shows_what_its_run_said(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    (job,) = started(make(), "a")
    version = job.version
    for _ in range(3):
        painting.gate.release()
    while not job.ended:
        news = job.wait(version, 30)
        assert news > version
        version = news
    assert [point["step"] for point in job.curve] == [1, 2, 3]
    assert job.curve[0] == {"step": 1, "evaluations": 1, "seconds": 0.1} | {
        "content": 1.0, "style": 2.0, "variation": 0.0, "total": 3.0
    }  # fmt: skip
    assert job.layer_curve[-1] == {"evaluations": 3, "content:conv4_2": 1.0, "style:conv1_1": 2.0}
    assert job.picture is not None
    assert job.picture_version == 4  # the first and one a step; the result is the last one again, which is no news
    assert job.frame is not None
    assert job.frame.losses["total"] == 3.0  # kept, though the last frame had none
    assert job.result is not None
    assert job.result.ended == "done"


def test_waiting_for_news_ends_without_news(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    (job,) = started(make(), "a")
    until(lambda: job.state == "running")
    assert job.wait(job.version, 0.01) == job.version
    assert job.wait(-1, 60) == job.version  # at once


def test_a_listener_who_holds_on_does_not_hold_the_run(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    (job,) = started(make(), "a")
    held, watcher = threading.Event(), None

    def watch() -> None:
        job.wait(job.version, 60)
        held.wait(60)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(3):
        painting.gate.release()
    until(lambda: job.state == "done")
    held.set()
    watcher.join()


def test_nobody_watching_stops_a_run_after_the_grace(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(grace_seconds=0.3, max_runs=1)
    running, waiting = started(jobs, "a", "b", iterations=100_000)

    def step() -> bool:
        painting.gate.release()
        return running.ended and waiting.ended

    until(step)
    assert (running.state, waiting.state) == ("stopped", "stopped")
    assert running.notes == ["stopped because nobody was watching"]
    assert running.result is not None


def test_a_paused_run_is_not_kept_for_nobody(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    (job,) = started(make(grace_seconds=0.3), "a")
    job.control.pause()
    until(lambda: job.state == "stopped")


class Clock:
    """Stands in for the time module in job.py: it goes on by itself, and in jumps."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


def test_a_touch_within_the_grace_keeps_the_run(
    make: Callable[..., Jobs], painting: type[Painting], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "time", clock := Clock())
    (job,) = started(make(grace_seconds=1000.0), "a", iterations=100_000)
    until(lambda: job.state == "running")

    def goes_on() -> None:
        """Two more steps, so that the loop has looked in between."""
        assert job.frame is not None
        step = job.frame.step
        for _ in range(2):
            painting.gate.release()
        until(lambda: job.ended or (job.frame is not None and job.frame.step == step + 2))
        assert job.state == "running"

    job.leave()
    clock.ahead += 900
    goes_on()
    job.touch()
    clock.ahead += 900
    goes_on()
    job.wait(-1, 0)  # who waits is watching
    clock.ahead += 900
    goes_on()
    job.leave()
    clock.ahead += 1001
    painting.gate.release()
    until(lambda: job.state == "stopped")


# ---- faults


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (PlaygroundError("The paint is dry: add water."), "The paint is dry: add water."),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "try 64 px"),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate"), "try 64 px"),
        (torch.OutOfMemoryError("CUDA out of memory."), "try 64 px"),
        (MemoryError(), "try 64 px"),
    ],
)
def test_what_a_user_can_mend_is_said(
    make: Callable[..., Jobs], painting: type[Painting], fault: Exception, sentence: str
) -> None:
    painting.fault = fault
    (job,) = started(make(), "a", size=96)
    painting.gate.release()
    until(lambda: job.ended)
    assert job.state == "failed"
    assert job.error is not None
    assert sentence in job.error
    assert job.picture is not None  # the last preview stays


def test_half_the_size_is_advised() -> None:
    assert "try 512 px" in job_module.did_not_fit(Recipe(size=1024))


def test_a_fault_of_ours_is_logged_and_calmly_said(
    make: Callable[..., Jobs], painting: type[Painting], caplog: pytest.LogCaptureFixture
) -> None:
    painting.fault = ZeroDivisionError("inner workings")
    jobs = make(max_runs=1)
    (job,) = started(jobs, "a")
    painting.gate.release()
    until(lambda: job.ended)
    assert job.error is not None
    assert "inner workings" not in job.error
    assert job.name in job.error
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert job.name in record.getMessage()
    assert job.id not in caplog.text  # an id authorises, so it does not stand in a log
    painting.fault = None
    (after,) = started(jobs, "a")
    for _ in range(3):
        painting.gate.release()
    until(lambda: after.state == "done")


def test_what_cannot_be_painted_is_refused_before_queueing(
    make: Callable[..., Jobs], painting: type[Painting], tmp_path: Path
) -> None:
    jobs = make()
    jobs.networks = (*jobs.networks, "/srv/own.pth")
    with pytest.raises(PlaygroundError, match="choose a size of at least"):
        jobs.start(Image.new("RGB", (1000, 100)), PICTURE, RECIPE, "a")
    with pytest.raises(PlaygroundError, match="only, not with '/etc/passwd'"):
        jobs.start(PICTURE, PICTURE, RECIPE.changed({"network": "/etc/passwd"}), "a")
    with pytest.raises(PlaygroundError, match="weights vgg19-imagenet --fetch"):
        jobs.start(PICTURE, PICTURE, RECIPE.changed({"network": "vgg19-imagenet"}), "a")
    with pytest.raises(PlaygroundError, match=r"own\.pth"):
        jobs.start(PICTURE, PICTURE, RECIPE.changed({"network": "/srv/own.pth"}), "a")
    started(jobs, "a")  # none of these counts as a run


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(PlaygroundError, match="no device called 'tpu'"):
        Jobs("tpu")


# ---- the network on its way


def test_a_run_waits_for_the_network_that_is_fetched(
    make: Callable[..., Jobs], painting: type[Painting], monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived, there = threading.Event(), []

    def fetch(name: str, report: Callable[[str, float | None], None]) -> None:
        report("Downloading: 1 of 2 MB", 0.5)
        arrived.wait(60)
        there.append(name)

    monkeypatch.setattr("playground.networks.fetch.fetch", fetch)
    monkeypatch.setattr(catalogue, "is_available", lambda name: bool(there))
    jobs = make()
    first, second = started(jobs, "a", "b")
    until(lambda: first.doing == second.doing == "Downloading: 1 of 2 MB")
    assert first.state == "loading"
    assert jobs.fetch("vgg16-hed") is jobs.fetch("vgg16-hed")
    second.control.stop()
    until(lambda: second.state == "stopped")
    arrived.set()
    until(lambda: first.state == "running")
    assert there == ["vgg16-hed"]


def test_a_failed_download_fails_the_run_and_is_tried_again(
    make: Callable[..., Jobs], painting: type[Painting], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = itertools.count()

    def fetch(name: str, report: Callable[[str, float | None], None]) -> None:
        if next(tries) == 0:
            raise catalogue.WeightsError("No network: plug it in.")
        monkeypatch.setattr(catalogue, "is_available", lambda name: True)

    monkeypatch.setattr("playground.networks.fetch.fetch", fetch)
    monkeypatch.setattr(catalogue, "is_available", lambda name: False)
    jobs = make()
    (job,) = started(jobs, "a")
    until(lambda: job.ended)
    assert job.error == "No network: plug it in."
    (job,) = started(jobs, "a")
    until(lambda: job.state == "running")
    assert isinstance(jobs.downloads["vgg16-hed"], Download)


# ---- afterwards


def test_nothing_large_of_a_run_stays_in_memory(
    make: Callable[..., Jobs], painting: type[Painting], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "KEEP_PICTURES_MB", 0.1)
    jobs = make()
    ways: list[Callable[[Job], None]] = [lambda job: None, lambda job: job.control.stop(), lambda job: None]
    ended = []
    for way, fault in zip(ways, [None, None, PlaygroundError("ill")], strict=True):
        painting.fault = fault
        (job,) = started(jobs, "a")
        content = weakref.ref(picture := Image.new("RGB", (640, 480)))
        job.control.stop()
        until(lambda job=job: job.ended)
        job = jobs.start(picture, picture, RECIPE, "b")
        del picture
        way(job)
        for _ in range(3):
            painting.gate.release()
        until(lambda job=job: job.ended)
        until(lambda content=content: gc.collect() >= 0 and content() is None)
        assert job.content is not None
        assert job.content.size == (64, 48)
        ended.append(job.state)
    assert ended == ["done", "stopped", "failed"]
    assert painting.tensors
    assert [reference() for reference in painting.tensors] == [None] * len(painting.tensors)


def test_ended_jobs_are_kept_for_a_while(
    make: Callable[..., Jobs], painting: type[Painting], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "KEEP", 2)
    jobs = make()
    ids = []
    for number in range(4):
        (job,) = started(jobs, str(number))
        job.control.stop()
        until(lambda job=job: job.ended_at is not None)
        ids.append(job.id)
    assert [jobs.get(id) is not None for id in ids] == [False, False, True, True]
    jobs.limits = Limits(keep_seconds=0)
    assert jobs.get(ids[-1]) is None
    assert not jobs._jobs


def test_closing_stops_every_run(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_runs=2)
    all_jobs = started(jobs, "a", "b", "c")
    jobs.close()
    assert [job.state for job in all_jobs] == ["stopped"] * 3


# ---- a lent GPU: the run in another process, steered through a file


def in_another_process(task: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """What `spaces.GPU` does to a generator function: arguments and values are pickled, nothing else is shared."""

    def decorated(*inputs: Any) -> Iterator[Any]:
        context = multiprocessing.get_context("spawn")
        values = context.Queue()
        process = context.Process(target=_lent, args=(task, pickle.dumps(inputs), values), daemon=True)
        process.start()
        while (value := values.get(timeout=120)) is not None:
            if isinstance(value, Exception) and not isinstance(value, PlaygroundError):
                raise value
            yield value
        process.join(60)

    return decorated


def _lent(task: Callable[..., Iterator[Any]], inputs: bytes, values: multiprocessing.Queue) -> None:
    torch.set_num_threads(1)
    try:
        for value in task(*pickle.loads(inputs)):
            values.put(value)
    except Exception as error:
        values.put(RuntimeError(repr(error)))
    values.put(None)


@pytest.fixture
def lent(hed: read.Weights) -> Iterator[Jobs]:
    jobs = Jobs("cpu", lent_gpu=in_another_process(paint_elsewhere), lent_seconds=300)
    yield jobs
    jobs.close()
    assert jobs._orders is not None
    assert not jobs._orders.exists()


def test_a_run_in_another_process_is_steered_through_a_file(lent: Jobs) -> None:
    job = lent.start(PICTURE, PICTURE, Recipe(size=64, iterations=100_000), "a")
    assert isinstance(job.control, FileControl)
    assert job.control.path.parent.stat().st_mode & 0o077 == 0
    until(lambda: job.state == "running" and len(job.curve) > 1, 240)
    assert job.frame is not None
    assert job.frame.losses["variation"] == 0.0
    job.control.change({"variation_weight": 10.0})
    until(lambda: job.frame is not None and job.frame.losses.get("variation", 0.0) > 0.0)
    job.control.want_shares(True)
    until(lambda: job.shares)
    job.control.pause()
    until(lambda: job.state == "paused")
    job.control.resume()
    until(lambda: job.state == "running")
    job.control.stop()
    until(lambda: job.ended)
    assert job.state == "stopped"
    assert job.result is not None
    assert ("variation_weight", 10.0) in [(change.key, change.value) for change in job.result.recipe.journal]
    until(lambda: not lent._workers)
    assert not job.control.path.exists()
    # the next one asks for no more of the GPU than a run of this pace needs
    assert lent.lent_time(Recipe(size=64, iterations=1)) < lent.lent_seconds


def test_a_lent_gpu_is_given_back_in_time(lent: Jobs) -> None:
    lent.lent_seconds = 4.0
    job = lent.start(PICTURE, PICTURE, Recipe(size=64, iterations=100_000), "a")
    until(lambda: job.ended, 240)
    assert job.state == "stopped"
    assert job.result is not None


def test_errors_of_another_process_are_said(lent: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "is_available", lambda name: True)
    network = "no-such-file.pth"
    lent.networks = (*lent.networks, network)
    job = lent.start(PICTURE, PICTURE, Recipe(size=64, network=network), "a")
    until(lambda: job.ended, 240)
    assert job.error is not None
    assert "no-such-file.pth" in job.error


def test_a_lenders_own_words_are_passed_on(painting: type[Painting]) -> None:
    class QuotaError(Exception):
        message = "You have used up your GPU time for today."

    def refuse(*inputs: Any) -> Iterator[Frame]:
        raise QuotaError
        yield

    jobs = Jobs("cpu", lent_gpu=refuse)
    (job,) = started(jobs, "a")
    until(lambda: job.ended)
    assert job.error == "You have used up your GPU time for today."
    jobs.close()


def test_megapixels_judged() -> None:
    assert megapixels_judged(Recipe(size=1000, iterations=7)) == pytest.approx(7)
    assert megapixels_judged(Recipe(size=1000, iterations=7, scales=2)) == pytest.approx(3 * 0.25 + 4)
    lbfgs = Recipe(size=1000, iterations=7, optimizer="lbfgs", lbfgs_evaluations=5)
    assert megapixels_judged(lbfgs) == pytest.approx(35)
    ran = lbfgs.changed({"plan": [Stage(size=1000, iterations=3, evaluations=12)]})
    assert megapixels_judged(ran) == pytest.approx(12)


# ---- real runs


def test_two_real_runs_share_the_device(hed: read.Weights) -> None:
    jobs = Jobs("cpu")
    recipes = [Recipe(size=64, iterations=6, seed=seed, init="noise") for seed in (1, 2)]
    runs = [jobs.start(PICTURE, PICTURE, recipe, str(recipe.seed)) for recipe in recipes]
    alone = jobs.start(PICTURE, PICTURE, recipes[0], "alone")
    until(lambda: all(job.ended for job in [*runs, alone]), 240)
    assert [job.state for job in runs] == ["done", "done"]
    pictures = [np.asarray(job.result.picture) for job in [*runs, alone] if job.result]
    assert not np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0], pictures[2])  # whoever paints beside it, the bits are the same
    jobs.close()
    until(lambda: gc.collect() >= 0 and not any(type(thing) in (Run, Objective) for thing in gc.get_objects()))
