"""The server that the tests of a file open in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from playground.networks import read
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from playground.service.store import Store
from tests.helpers.waiting import until


@pytest.fixture(scope="module")
def jobs(hed: read.Weights, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    """Its jobs, within `LIMITS` of the file, on disk within `STORED_MB` of it if it says so."""
    stored = getattr(request.module, "STORED_MB", 0)
    store = Store(tmp_path_factory.mktemp("runs"), stored) if stored else None
    made = Jobs("cpu", getattr(request.module, "LIMITS", Limits()), store=store)
    yield made
    made.close()


@pytest.fixture
def runs_end(visitor: Any, jobs: Jobs) -> Iterator[None]:
    """What was begun does not outlive the test."""
    yield
    visitor.context.close()
    for job in jobs.going_on():
        job.control.stop()
    until(lambda: not jobs.going_on())
