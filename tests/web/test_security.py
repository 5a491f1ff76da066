"""What stands before every answer: headers, refusals, limits, passwords.

The guard stands in front of a small app here; test_serve.py meets them in the real one.
"""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from playground.service.jobs import Jobs
from playground.service.settings import Settings, read_settings
from playground.web import app_server, pagefiles, security
from playground.web import people as people_module
from playground.web.app_server import app_options
from playground.web.loop_time import LoopTime
from playground.web.pagefiles import PageFiles
from playground.web.people import CALLER, Caller, Cookies, People
from playground.web.request_bodies import MAX_BODY
from playground.web.security import headers_for, login, stranger


async def echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
def client(jobs: Jobs, files: PageFiles) -> TestClient:
    options = app_options(jobs, Settings(), files, People(Cookies(bytes(32)), 30.0))
    echoes = [Route(path, echo, methods=["GET", "POST"]) for path in ("/", security.UPLOAD, "/gradio_api/queue/join")]
    return TestClient(
        Starlette(routes=[*options["routes"], *echoes], middleware=options["middleware"]), base_url="http://127.0.0.1"
    )


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


HERE: dict[str, str] = {}
LAN = {"host": "0.0.0.0"}
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


@pytest.mark.parametrize(
    "path",
    ["/gradio_api/deep_link?session_hash=a", "/gradio_api/proxy=http://a/", "/gradio_api/undo-vibe-edit", "/logout"],
)
def test_gradios_addresses_that_nobody_needs_are_closed(client: TestClient, path: str) -> None:
    assert client.get(path).text == "There is nothing here."


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

    scope = {"type": "http", "path": security.API + "/file=x", "headers": [(b"host", b"127.0.0.1")], "method": "GET"}
    asyncio.run(
        security.Guard(app, read_settings({}, environment={}), files, People(Cookies(bytes(32)), 30.0))(
            scope, receive, send
        )
    )
    assert sent == ["http.response.start"]
    assert "could not be read: ValueError" in caplog.text


def test_without_room_an_upload_is_refused_and_nothing_else(
    client: TestClient, files: PageFiles, tmp_path: Path
) -> None:
    assert client.post(security.UPLOAD, content=bytes(8_000_000)).text == "8000000"
    (tmp_path / "photo.png").write_bytes(bytes(8_000_000))
    files.sweep()
    answer = client.post(security.UPLOAD, content=bytes(3_000_000))
    assert (answer.status_code, "try again" in answer.text) == (507, True)
    assert client.post(security.UPLOAD, content=iter([bytes(3_000_000)])).status_code == 507
    assert client.get("/").status_code == 200
    (tmp_path / "photo.png").unlink()
    files.sweep()
    assert client.post(security.UPLOAD, content=bytes(3_000_000)).status_code == 200


def test_an_address_asks_for_so_much_and_no_more(client: TestClient) -> None:
    assert client.get("/?" + "a=b&" * 3000).status_code == 200
    answer = client.get("/?" + "a=b&" * 5000)
    assert (answer.status_code, answer.text) == (414, "An address may ask for 16,000 characters.")


def test_whoever_watches_uploads_that_are_none_is_counted(
    jobs: Jobs, files: PageFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_module, "MAX_REQUESTS", 0)
    options = app_options(jobs, Settings(), files, People(Cookies(bytes(32)), 30.0))
    routes = [Route(path, echo) for path in ("/", "/gradio_api/upload_progress")]
    client = TestClient(Starlette(routes=routes, middleware=options["middleware"]), base_url="http://127.0.0.1")
    assert client.get("/gradio_api/upload_progress?upload_id=x").status_code == 429
    assert client.get("/").status_code == 200


def test_an_upload_goes_with_whoever_has_a_page_and_later_with_a_program(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagefiles, "GONE_SECONDS", 0.0)
    people = People(Cookies(bytes(32)), 30.0)
    files = PageFiles(tmp_path, 10, listens=people.is_here)
    options = app_options(jobs, Settings(), files, people)

    async def keep(request: Request) -> Response:
        path = tmp_path / (await request.body()).decode()
        path.write_bytes(b"a photo")
        return JSONResponse([str(path)])

    routes = [Route("/", echo), Route(security.UPLOAD, keep, methods=["POST"])]
    client = TestClient(Starlette(routes=routes, middleware=options["middleware"]), base_url="http://127.0.0.1")
    client.post(security.UPLOAD, content="programs")
    assert client.get("/").status_code == 200  # which gives a cookie
    client.post(security.UPLOAD, content="pages")
    files.sweep()
    assert [path.name for path in tmp_path.iterdir()] == ["programs"]
    monkeypatch.setattr(pagefiles.time, "monotonic", lambda: time.perf_counter() + 1e9)
    files.sweep()
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- passwords


def test_the_login_is_one_user_with_one_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "WRONG_PASSWORD_SECONDS", 0.2)
    assert login(Settings()) is None
    right = login(read_settings({"login": "class:open:sesame"}, environment={}))
    begun = time.monotonic()
    assert asyncio.run(right("class", "open:sesame"))
    assert time.monotonic() - begun < 0.2

    async def guesses() -> list[bool]:
        return await asyncio.gather(right("class", "open"), right("teacher", "open:sesame"), right("", ""))

    assert asyncio.run(guesses()) == [False, False, False]
    assert time.monotonic() - begun >= 0.6  # many at once take no less


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://["}, {"host": "[::1"}, {"host": "]["}, {"origin": "http://[::1", "host": "127.0.0.1"}],
)
def test_an_address_that_is_none_is_refused_in_a_sentence(client: TestClient, headers: dict[str, str]) -> None:
    """`urlsplit` raises on a bracket that is never closed: each was answered with 500."""
    answer = client.get("/", headers=headers)
    assert answer.status_code == 403
    assert answer.text == "The Host or the Origin of this request is no address."


def test_a_right_password_waits_behind_the_wrong_ones_of_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else whoever sends a thousand at once knows the right one by its haste, and hangs up on the others."""
    monkeypatch.setattr(security, "WRONG_PASSWORD_SECONDS", 0.05)
    patience, order = security.Patience(), list[str]()

    async def guess(name: str, address: str, right: bool) -> None:
        CALLER.set(Caller("somebody", address=address))
        order.append(f"{name} {await patience.answer(right, 'the page')}")

    async def all_at_once() -> None:
        wrong = [guess(f"wrong {number}", "attacker", False) for number in range(3)]
        await asyncio.gather(*wrong, guess("guessed", "attacker", True), guess("owner", "elsewhere", True))

    asyncio.run(all_at_once())
    assert order == ["owner True", "wrong 0 False", "wrong 1 False", "wrong 2 False", "guessed True"]
    assert not patience._lines
    assert not patience._waiting


def test_more_guesses_at_once_than_anybody_types_are_wrong_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "WRONG_PASSWORD_SECONDS", 0.0)
    patience = security.Patience()

    async def all_at_once() -> list[bool]:
        wrong = [patience.answer(False, "the page") for _ in range(security.MAX_GUESSES)]
        return await asyncio.gather(*wrong, patience.answer(True, "the page"))

    assert not any(asyncio.run(all_at_once()))
    assert asyncio.run(patience.answer(True, "the page"))


# ---------------------------------------------------------------- turns on the event loop


def test_requests_wait_for_their_turn_and_are_charged_but_pages_and_pictures_are_not(
    jobs: Jobs, files: PageFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, charged = list[str](), list[str]()

    class Told(LoopTime):
        async def turn(self, person: str) -> None:
            turns.append(person)

        def charge(self, person: str, seconds: float) -> None:
            charged.append(person)

    monkeypatch.setattr(app_server, "LoopTime", Told)
    options = app_options(jobs, Settings(), files, People(Cookies(bytes(32)), 30.0))
    given = ("/gradio_api/file=a.png", "/assets/a.js", "/health")
    waits = ("/gradio_api/queue/data", "/gradio_api/heartbeat/abc")
    routes = [Route(path, echo, methods=["GET", "POST"]) for path in (*given, *waits, "/gradio_api/queue/join")]
    client = TestClient(Starlette(routes=routes, middleware=options["middleware"]), base_url="http://127.0.0.1")
    for path in given:
        client.get(path)
    assert not turns
    assert not charged
    for path in waits:
        client.get(path)
    assert len(turns) == 2
    assert len(charged) > 2, "what opening them took is charged too"
    for number, method in enumerate(("POST", "GET"), 3):
        before = len(charged)
        client.request(method, "/gradio_api/queue/join")
        assert len(turns) == number
        assert len(charged) > before
    assert set(turns) == set(charged) == {"address testclient"}
