"""Programs and pages that call a server's endpoint, each in a test that ends them and all that they began."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import httpx
from PIL import Image

from playground.service.jobs import Jobs
from tests.helpers.images import encoded
from tests.helpers.waiting import until

API = "/gradio_api"
SMALL = {"size": 64, "iterations": 2}
ENDLESS = {"size": 64, "iterations": 500}


class Caller:
    """A program, or with a cookie a page, at the server, until the test ends."""

    came: ClassVar[list[Caller]] = []

    def __init__(self, address: str, *, opens: bool = False) -> None:
        self.http = httpx.Client(base_url=address, timeout=60)
        self.came.append(self)
        if opens:
            self.http.get("/")
        sent = {"files": ("a.png", encoded(Image.effect_noise((64, 64), 80).convert("RGB"), "PNG"), "image/png")}
        (path,) = self.http.post(f"{API}/upload", files=sent).json()
        self.picture = {"path": path, "meta": {"_type": "gradio.FileData"}}

    def call(self, settings: dict[str, Any], **more: Any) -> str:
        """Begin a run and come for nothing; the event."""
        data = [self.picture, self.picture, "default", json.dumps(settings), False]
        answer = self.http.post(f"{API}/call/stylize", json={"data": data, **more})
        return answer.json().get("event_id", "") if answer.status_code == 200 else ""

    def answer(self, event: str) -> str:
        return self.http.get(f"{API}/call/stylize/{event}").text


@contextmanager
def all_ended(jobs: Jobs) -> Iterator[None]:
    """After the block nobody calls any more, and nothing goes on."""
    yield
    while Caller.came:
        Caller.came.pop().http.close()
    for job in jobs.going_on():
        job.control.stop()
    until(lambda: not jobs.going_on())
