"""What is remembered of ended jobs, and for how long."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from playground.service import deletion
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from tests.helpers.paintings import Painting, started
from tests.helpers.waiting import until


def test_ended_jobs_are_kept_for_a_while(
    make: Callable[..., Jobs], painting: type[Painting], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "KEEP", 2)
    jobs = make()
    ids = []
    for number in range(4):
        (job,) = started(jobs, str(number))
        job.control.stop()
        until(lambda: job.ended_at is not None)  # noqa: B023
        ids.append(job.id)
    assert [jobs.get(id) is not None for id in ids] == [False, False, True, True]
    jobs.admission.limits = Limits(keep_seconds=0)
    assert jobs.get(ids[-1]) is None
    assert jobs.known() == []
