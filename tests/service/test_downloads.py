"""Networks on their way to this machine, and runs that wait for them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import pytest

from playground.networks import catalogue
from playground.service.downloads import Download
from playground.service.jobs import Jobs
from tests.helpers.paintings import Painting, started
from tests.helpers.waiting import until


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
    assert jobs.downloads.fetch("vgg16-hed") is jobs.downloads.fetch("vgg16-hed")
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
    assert isinstance(jobs.downloads.get("vgg16-hed"), Download)
