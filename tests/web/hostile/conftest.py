"""One server as app.py starts it for all of these tests, and what holds after every one of them.

None reaches a traceback in an answer or in the log, none shows or leaves a file outside the uploads, and nobody's run is
harmed.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from PIL import Image

from playground.networks import read
from tests.helpers.images import encoded
from tests.helpers.serving import serving
from tests.helpers.waiting import until
from tests.web.hostile.target import (
    API,
    CANARY,
    PASSWORD,
    Target,
    around,
)


@pytest.fixture(scope="package")
def target(hed: read.Weights, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("hostile")
    temporary, elsewhere, log = folder / "temporary", folder / "elsewhere", folder / "log.txt"
    temporary.mkdir()
    elsewhere.mkdir()
    for name in ("secret.png", "secret.json", "secret.safetensors"):
        (elsewhere / name).write_bytes(CANARY.encode() + encoded(Image.new("RGB", (64, 64)), "PNG"))
        os.utime(elsewhere / name, (0, 1))  # any reading would show in the first
    arguments = [
        "--profile",
        "classroom",
        "--host",
        "127.0.0.1",
        "--set",
        "upload_mb=1",
        "--set",
        "max_iterations=100000",
        "--set",
        "starts_each=1000",  # a quick machine asks for more in a minute than one person may
    ]
    environment = {"TMPDIR": str(temporary), "PLAYGROUND_ADMIN_PASSWORD": PASSWORD}
    with log.open("w") as stderr, serving(*arguments, stderr=stderr, **environment) as (_, address):
        yield Target(address, folder, log)


@pytest.fixture(scope="package")
def victim(target: Target) -> Iterator[Callable[[], int]]:
    """Somebody's run that goes on; gives its latest step."""
    steps, over = [0], threading.Event()
    body = {"data": [target.picture, target.picture, "default", json.dumps({"size": 64, "iterations": 100_000}), False]}
    somebody = httpx.Client(base_url=target.http.base_url, timeout=60)
    somebody.get("/")  # who has the page open is another person than whoever attacks from the same address
    id = somebody.post(f"{API}/call/stylize", json=body).json()["event_id"]

    def watch() -> None:
        with somebody.stream("GET", f"{API}/call/stylize/{id}") as stream:
            for line in stream.iter_lines():
                if found := re.search(r'"step": ?(\d+)', line):
                    steps.append(int(found[1]))
                if over.is_set():
                    return

    watcher = threading.Thread(target=watch)
    watcher.start()
    until(lambda: steps[-1] > 0)
    yield lambda: steps[-1]
    over.set()
    watcher.join(10)


@pytest.fixture(autouse=True)
def nothing_of_it_shows(target: Target, victim: Callable[[], int]) -> Iterator[None]:
    """The log says of every call no more than a line, and no file appears outside the uploads."""
    target.news()
    before = around(target)
    yield
    time.sleep(0.01)
    said = target.news()
    assert "Traceback" not in said, said
    assert "stumbled" not in said
    assert "ERROR" not in said
    assert around(target) <= before
    for path in (target.folder / "elsewhere").iterdir():
        assert path.stat().st_atime == 0, f"{path.name} was read"
