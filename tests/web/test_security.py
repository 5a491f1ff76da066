"""What the server answers beside the page: headers, refusals, /health, /admin; and how the page's files stay bounded.

The routes and the guard stand in front of a small app here; tests/test_app.py meets them in the real one.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from playground.networks import weights
from playground.recipe.model import load_preset
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.settings import Settings, read_settings
from playground.web import security as routes
from playground.web.pagefiles import PageFiles
from playground.web.security import MAX_BODY, app_options, headers_for, login, stranger

PASSWORD = "correct horse"


async def echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    jobs = Jobs("cpu")
    yield jobs
    jobs.close()


@pytest.fixture
def files(tmp_path: Path) -> PageFiles:
    return PageFiles(tmp_path, 10)


@pytest.fixture
def client(jobs: Jobs, files: PageFiles) -> TestClient:
    settings = read_settings({"admin_password": PASSWORD}, environment={})
    options = app_options(jobs, settings, files)
    echoes = [Route(path, echo, methods=["GET", "POST"]) for path in ("/", routes.UPLOAD, "/gradio_api/queue/join")]
    return TestClient(
        Starlette(routes=[*options["routes"], *echoes], middleware=options["middleware"]), base_url="http://127.0.0.1"
    )


@pytest.fixture
def painting(jobs: Jobs, hed: weights.Weights) -> Callable[[], Job]:
    """Start a run that goes on until it is stopped."""

    def start() -> Job:
        random = np.random.default_rng(0)
        pictures = [Image.fromarray(random.integers(0, 255, (64, 64, 3), dtype=np.uint8)) for _ in range(2)]
        recipe = load_preset("default").changed({"size": 64, "iterations": 100_000})
        job = jobs.start(*pictures, recipe, f"visitor {time.monotonic_ns()}")
        wait_for(lambda: job.frame is not None)
        return job

    return start


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def basic(password: str, user: str = "anybody") -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


# ---------------------------------------------------------------- headers and refusals


def test_every_answer_has_the_headers_also_a_refusal(client: TestClient) -> None:
    for answer in (
        client.get("/"),
        client.get("/nowhere"),
        client.get("/", headers={"origin": "https://evil.example"}),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]


def test_only_a_space_may_be_framed_by_hugging_face() -> None:
    def ancestors(settings: Settings) -> str:
        (rule,) = re.findall(r"frame-ancestors ([^;]*)", headers_for(settings)["content-security-policy"])
        return rule

    assert (
        ancestors(read_settings(environment={"SPACE_ID": "a/b"})) == "'self' https://huggingface.co https://*.hf.space"
    )
    assert ancestors(Settings()) == "'self'"
    assert ancestors(read_settings({"profile": "classroom"}, environment={})) == "'self'"
    assert not any("x-frame-options" in headers_for(Settings(profile=name)) for name in ("laptop", "space"))


HERE, LAN = {}, {"host": "0.0.0.0"}
SPACE = {"profile": "space"}
PROXIED = {"hosts": "Class.example, 192.0.2.9:81"}


@pytest.mark.parametrize(
    ("settings", "host", "origin", "ours"),
    [
        (LAN, "192.0.2.7:7860", None, True),
        (LAN, "192.0.2.7:7860", "http://192.0.2.7:7860", True),
        (LAN, "192.0.2.7:7860", "http://192.0.2.7:8000", False),
        (LAN, "192.0.2.7:7860", "https://evil.example", False),
        (LAN, "192.0.2.7:7860", "null", False),
        (LAN, "", "null", False),
        (LAN, "192.0.2.7:7860", "https://huggingface.co", False),
        (SPACE, "inside:7860", "https://a-b.hf.space", True),
        (SPACE, "inside:7860", "https://huggingface.co", True),
        (SPACE, "inside:7860", "https://another.hf.space", False),
        (SPACE, "inside:7860", "null", False),
        (HERE, "localhost:7860", "http://localhost:7860", True),
        (HERE, "127.0.0.1:7860", None, True),
        (HERE, "[::1]:7860", None, True),
        (HERE, "evil.example:7860", "http://evil.example:7860", False),  # made to mean 127.0.0.1
        (HERE, "evil.example:7860", None, False),
        (PROXIED, "class.example", "https://class.example", True),
        (PROXIED, "127.0.0.1:7860", "https://class.example", True),
        (PROXIED, "192.0.2.9:81", "http://192.0.2.9:81", True),
        (PROXIED, "127.0.0.1:7860", "https://evil.example", False),
    ],
)
def test_which_pages_may_ask(settings: dict[str, str], host: str, origin: str | None, ours: bool) -> None:
    asked = {"host": host, "x-forwarded-host": "evil.example", **({"origin": origin} if origin else {})}
    why = stranger(asked, read_settings(settings, environment={}), {"SPACE_HOST": "a-b.hf.space"})
    assert (why is None) is ours


def test_other_websites_are_refused(client: TestClient) -> None:
    answer = client.post("/gradio_api/queue/join", headers={"origin": "https://evil.example"}, content=b"{}")
    assert answer.status_code == 403
    assert "its own page only" in answer.text
    assert client.post("/gradio_api/queue/join", headers={"origin": "http://127.0.0.1"}, content=b"{}").text == "2"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_request_is_bounded_whether_or_not_it_says_its_length(client: TestClient, chunked: bool) -> None:
    def body(size: int) -> Any:
        return iter([b"x" * (size // 4)] * 4) if chunked else b"x" * size

    assert client.post("/gradio_api/queue/join", content=body(MAX_BODY)).text == str(MAX_BODY)
    assert client.post("/gradio_api/queue/join", content=body(MAX_BODY + 4)).status_code == 413


@pytest.mark.parametrize("path", ["/gradio_api/deep_link?session_hash=a", "/gradio_api/proxy=http://a/", "/logout"])
def test_gradios_addresses_that_nobody_needs_are_closed(client: TestClient, path: str) -> None:
    assert client.get(path).text == "There is nothing here."


# ---------------------------------------------------------------- files of the page


def old_file(path: Path, megabytes: float, age: float) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(int(megabytes * 1e6)))
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_old_previews_go_first_then_what_is_oldest(tmp_path: Path) -> None:
    sample = old_file(tmp_path / "s" / "image.jpeg", 1, 9000)
    upload, result = old_file(tmp_path / "a" / "photo.jpg", 4, 9000), old_file(tmp_path / "b" / "image.png", 2, 8000)
    old, new = (old_file(tmp_path / name / "image.jpeg", 3, age) for name, age in (("c", 300), ("d", 200)))
    files = PageFiles(tmp_path, 20, {str(sample)})
    left = {}
    for limit in (20, 14, 10, 7, 3):
        files.limit = limit * 10**6
        files.sweep()
        left[limit] = [path for path in (sample, upload, result, old, new) if path.exists()]
        assert files.size == sum(path.stat().st_size for path in left[limit])
    assert left[20] == [sample, upload, result, old, new]
    assert left[14] == [sample, upload, result, new]
    assert left[10] == [sample, upload, result]
    assert left[7] == [sample, result]
    assert left[3] == [sample]


def test_what_is_in_use_is_not_deleted_for_room(tmp_path: Path) -> None:
    used = [
        old_file(tmp_path / "a" / "photo.png", 5, 1800),
        old_file(tmp_path / "b" / "image.jpeg", 5, 10),
        old_file(tmp_path / "tmpabc", 5, 10),  # an upload under way
    ]
    files = PageFiles(tmp_path, 8)
    files.sweep()
    assert all(path.exists() for path in used)
    assert files.room() == -7_000_000


def test_an_answer_that_breaks_off_is_no_fault_of_the_playground(
    files: PageFiles, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("too little data")

    sent: list[str] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise RuntimeError("after response already completed")
        sent.append(message["type"])

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    scope = {"type": "http", "path": routes.API + "/file=x", "headers": [(b"host", b"127.0.0.1")], "method": "GET"}
    asyncio.run(routes.Guard(app, read_settings({}, environment={}), files)(scope, receive, send))
    assert sent == ["http.response.start"]
    assert "could not be read: ValueError" in caplog.text


def test_without_room_an_upload_is_refused_and_nothing_else(
    client: TestClient, files: PageFiles, tmp_path: Path
) -> None:
    assert client.post(routes.UPLOAD, content=bytes(8_000_000)).text == "8000000"
    old_file(tmp_path / "a" / "photo.png", 8, 10)
    files.sweep()
    answer = client.post(routes.UPLOAD, content=bytes(3_000_000))
    assert (answer.status_code, "try again" in answer.text) == (507, True)
    assert client.post(routes.UPLOAD, content=iter([bytes(3_000_000)])).status_code == 507
    assert client.get("/").status_code == 200
    (tmp_path / "a" / "photo.png").unlink()
    files.sweep()
    assert client.post(routes.UPLOAD, content=bytes(3_000_000)).status_code == 200


# ---------------------------------------------------------------- /health and /admin


def test_health_counts_and_names_nobody(client: TestClient, painting: Callable[[], Job]) -> None:
    before = client.get("/health").json()
    assert (before["status"], before["device"], before["runs"]) == ("ok", "cpu", 0)
    job = painting()
    answer = client.get("/health")
    assert answer.json()["runs"] == 1
    assert answer.headers["cache-control"] == "no-store"
    assert job.id not in answer.text
    assert job.visitor not in answer.text


def test_without_a_password_there_is_no_admin_view(jobs: Jobs, files: PageFiles) -> None:
    client = TestClient(Starlette(**app_options(jobs, Settings(), files)), base_url="http://127.0.0.1")
    assert client.get("/admin", headers=basic("")).status_code == 404
    assert client.post("/admin/stop", headers=basic("")).status_code == 404
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{}, basic("wrong"), basic(""), basic(PASSWORD[:-1]), {"authorization": f"Bearer {PASSWORD}"},
     {"authorization": "Basic ****"}, {"authorization": "Basic"}, {"authorization": "Basic " + "/w=="}],
)  # fmt: skip
def test_the_admin_view_asks_for_its_password(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    monkeypatch.setattr(routes, "WRONG_PASSWORD_SECONDS", 0.0)
    for answer in (client.get("/admin", headers=headers), client.post("/admin/stop", headers=headers)):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic ")


def test_guessing_the_password_takes_long(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "WRONG_PASSWORD_SECONDS", 0.3)
    begun = time.monotonic()
    client.get("/admin", headers=basic("wrong"))
    assert time.monotonic() - begun >= 0.3


def test_the_admin_view_shows_runs_and_stops_one(client: TestClient, painting: Callable[[], Job]) -> None:
    stays, goes = painting(), painting()
    view = client.get("/admin", headers=basic(PASSWORD))
    assert view.headers["cache-control"] == "no-store"
    assert all(
        job.name in view.text and job.id not in view.text and job.visitor not in view.text for job in (stays, goes)
    )
    (proof,) = set(re.findall(r'name="proof" value="([^"]+)"', view.text))
    without = client.post("/admin/stop", headers=basic(PASSWORD), data={"run": goes.name})
    assert without.status_code == 403
    elsewhere = {**basic(PASSWORD), "origin": "https://evil.example"}
    assert client.post("/admin/stop", headers=elsewhere, data={"run": goes.name, "proof": proof}).status_code == 403
    assert not goes.ended
    answer = client.post("/admin/stop", headers=basic(PASSWORD), data={"run": goes.name, "proof": proof})
    assert (answer.status_code, answer.url.path) == (200, "/admin")
    assert goes.name not in answer.text
    assert stays.name in answer.text
    assert goes.ended
    assert not stays.ended
    assert (
        client.post("/admin/stop", headers=basic(PASSWORD), data={"run": "run 999", "proof": proof}).status_code == 200
    )


def test_the_login_is_one_user_with_one_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "WRONG_PASSWORD_SECONDS", 0.2)
    assert login(Settings()) is None
    right = login(read_settings({"login": "class:open:sesame"}, environment={}))
    begun = time.monotonic()
    assert asyncio.run(right("class", "open:sesame"))
    assert time.monotonic() - begun < 0.2

    async def guesses() -> list[bool]:
        return await asyncio.gather(right("class", "open"), right("teacher", "open:sesame"), right("", ""))

    assert asyncio.run(guesses()) == [False, False, False]
    assert time.monotonic() - begun >= 0.6  # many at once take no less
