"""The disk of a server's uploads is full: each upload is refused in a sentence, a page that cannot be shown its picture is
told why, and afterwards everything goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from playground.networks import read
from playground.service.jobs import Jobs
from playground.service.limits import Limits
from tests.helpers.callers import SMALL, Caller
from tests.helpers.disk import taking_no_more


@pytest.fixture(scope="module")
def jobs(hed: read.Weights) -> Iterator[Jobs]:
    jobs = Jobs("cpu", Limits())
    yield jobs
    jobs.close()


def test_an_upload_and_a_preview_that_the_disk_has_no_room_for(
    address: str, jobs: Jobs, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from gradio.utils import get_upload_folder

    caller = Caller(address)
    folder = Path(os.path.realpath(get_upload_folder()))
    for first in (1, 2):
        with taking_no_more(folder, first):
            sent = {"files": ("b.png", os.urandom(2_000_000), "image/png")}
            answer = httpx.post(f"{address}gradio_api/upload", files=sent)
        assert (answer.status_code, "no room" in answer.text) == (507, True), answer.text
    with taking_no_more(folder, 1):
        said = caller.answer(caller.call(SMALL))
    assert "disk is full or read-only" in said
    assert str(folder) not in said
    assert "event: error" in said
    assert '"ended": "done"' in caller.answer(caller.call(SMALL | {"seed": 3}))
    assert not any("Traceback" in json.dumps(record.getMessage()) for record in caplog.records)
