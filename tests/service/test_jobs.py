"""Jobs as pages call them: what is refused at once, who is there, who may stop what, and the end of a server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from playground.errors import PlaygroundError
from playground.images.pictures import Pictures
from playground.service.jobs import Jobs
from tests.helpers.paintings import PICTURE, PICTURES, RECIPE, Painting, started
from tests.helpers.waiting import until


def test_what_is_beyond_a_limit_is_refused(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_size=128, max_iterations=10)
    with pytest.raises(PlaygroundError, match="The size is 256 px, and this server allows 128"):
        started(jobs, "a", size=256)
    with pytest.raises(PlaygroundError, match="The number of iterations is 11"):
        started(jobs, "a", iterations=11)
    started(jobs, "a", size=128, iterations=10)


def test_what_cannot_be_painted_is_refused_before_queueing(
    make: Callable[..., Jobs], painting: type[Painting], tmp_path: Path
) -> None:
    jobs = make()
    jobs.downloads.networks = (*jobs.networks, "/srv/own.pth")
    with pytest.raises(PlaygroundError, match="choose a size of at least"):
        jobs.start(Pictures(Image.new("RGB", (1000, 100)), (PICTURE,)), RECIPE, "a")
    with pytest.raises(PlaygroundError, match="only, not with '/etc/passwd'"):
        jobs.start(PICTURES, RECIPE.changed({"network": "/etc/passwd"}), "a")
    with pytest.raises(PlaygroundError, match="weights vgg19-imagenet --fetch"):
        jobs.start(PICTURES, RECIPE.changed({"network": "vgg19-imagenet"}), "a")
    with pytest.raises(PlaygroundError, match=r"own\.pth"):
        jobs.start(PICTURES, RECIPE.changed({"network": "/srv/own.pth"}), "a")
    started(jobs, "a")  # none of these counts as a run


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(PlaygroundError, match="no device called 'tpu'"):
        Jobs("tpu")


def test_a_teachers_run_counts_for_several(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(teacher_weight=3)
    pupil, teacher = started(jobs, "a")[0], jobs.start(PICTURES, RECIPE, "b", teacher=True)
    assert (pupil.weight, teacher.weight) == (1.0, 3.0)
    assert teacher.control.turn().weight == 3.0  # type: ignore[attr-defined]


def test_the_overview_counts(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_runs=2)
    one, two, _ = started(jobs, "a", "b", "c")
    until(lambda: one.state == two.state == "running")
    one.control.pause()
    until(lambda: one.state == "paused")
    for token in ("x", "y", "y"):
        jobs.people.add(token)
    jobs.people.discard("x")
    seen = jobs.overview()
    assert (seen.device, seen.people, seen.runs, seen.paused, seen.waiting, seen.trainings) == ("cpu", 1, 2, 1, 1, 0)
    assert seen.memory_mb is None or seen.memory_mb > 50
    assert seen.memory_limit_mb == jobs.admission.memory_limit_mb


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


def test_closing_stops_every_run(make: Callable[..., Jobs], painting: type[Painting]) -> None:
    jobs = make(max_runs=2)
    all_jobs = started(jobs, "a", "b", "c")
    jobs.close()
    assert [job.state for job in all_jobs] == ["stopped"] * 3
