"""Small works on behalf of people: one a visitor, ended when nobody watches, with a sentence where one fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from playground.errors import PlaygroundError
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.service.tasks import Task
from tests.helpers.waiting import until


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    made = Jobs("cpu", Limits(grace_seconds=0.2))
    yield made
    made.close()
    assert not made.threads.alive


def test_a_task_reports_is_one_a_visitor_and_ends_unwatched(jobs: Jobs) -> None:
    went_on = threading.Event()

    def work(task: Task) -> None:
        while not task.stopped:
            task.found.append(len(task.found))
            task.report(f"piece {len(task.found)}", None)
            time.sleep(0.01)
        went_on.set()

    task = jobs.task("ann", work)
    with pytest.raises(PlaygroundError, match="still under way"):
        jobs.task("ann", work)
    until(lambda: len(task.found) > 5 or task.touch())
    assert task.sentence.startswith("piece")
    assert task.over.wait(10)  # nobody touches it any more
    assert went_on.is_set()
    assert task.error is None


def test_a_task_that_fails_says_why(jobs: Jobs) -> None:
    def mendable(task: Task) -> None:
        raise PlaygroundError("The picture is too dark.")

    def broken(task: Task) -> None:
        raise KeyError("secret")

    task = jobs.task("ann", mendable)
    assert task.over.wait(10)
    assert task.error == "The picture is too dark."
    task = jobs.task("ann", broken)
    assert task.over.wait(10)
    assert "secret" not in str(task.error)


def test_a_paused_room_lets_a_pupil_begin_nothing_and_the_teacher_anything(jobs: Jobs) -> None:
    jobs.classroom.look("teacher", teacher=True)
    jobs.classroom.pause(True)
    with pytest.raises(PlaygroundError, match="paused the room"):
        jobs.task("pupil", lambda task: None)
    assert jobs.task("teacher", lambda task: None).over.wait(10)
    jobs.classroom.pause(False)
    assert jobs.task("pupil", lambda task: None).over.wait(10)


def test_all_tasks_are_stopped_but_some_peoples(jobs: Jobs) -> None:
    def work(task: Task) -> None:
        while not task.stopped:
            task.control.wait(0.01)

    pupils, teachers = jobs.task("pupil", work), jobs.task("teacher", work)
    jobs.tasks.stop(but=lambda person: person == "teacher")
    assert pupils.over.wait(10)
    assert not teachers.over.is_set()
    jobs.tasks.stop()
    assert teachers.over.wait(10)
