"""A job as others see it: news, curves, who watches, and for how long nobody may."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from playground.service import job as job_module
from playground.service.jobs import Jobs
from tests.helpers.paintings import Painting, started
from tests.helpers.waiting import until


def test_ids_cannot_be_guessed_from_each_other(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make()
    first, second = started(jobs, "a", "b")
    assert len(first.id) >= 20
    assert first.id[:8] != second.id[:8]
    assert jobs.get(first.id) is first
    assert jobs.get("a") is None
    assert jobs.get("") is None


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
    assert job.reported.layers[-1] == {"evaluations": 3, "content:conv4_2": 1.0, "style:conv1_1": 2.0}
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

    job.touch()
    clock.ahead += 900
    goes_on()
    job.touch()
    clock.ahead += 900
    goes_on()
    job.wait(-1, 0)  # who waits is watching
    clock.ahead += 900
    goes_on()
    job.touch()
    clock.ahead += 1001
    painting.gate.release()
    until(lambda: job.state == "stopped")
