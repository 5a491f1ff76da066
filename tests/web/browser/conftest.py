"""The server that the tests of a file open in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from playground.networks import read
from playground.service.jobs import Jobs
from playground.service.limits import Limits


@pytest.fixture(scope="module")
def jobs(hed: read.Weights, request: pytest.FixtureRequest) -> Iterator[Jobs]:
    """Its jobs, within `LIMITS` of the file; a file that sets more up has its own."""
    made = Jobs("cpu", getattr(request.module, "LIMITS", Limits()))
    yield made
    made.close()
