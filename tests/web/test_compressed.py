"""The page's description is made once for all who read it alike, and holds nothing of whoever asked first."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.web import compressed
from playground.web.compressed import MAX_KEPT, CompressedPage
from playground.web.loop_time import LoopTime
from playground.web.people import IN_SCOPE, Caller
from playground.web.words import ASKED


class Cookies:
    """As the guard before it: writes a cookie of whoever asks into the headers of every answer, and notes the language."""

    given = 0

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                Cookies.given += 1
                message["headers"].append((b"set-cookie", f"who={Cookies.given}".encode()))
            await send(message)

        if scope["type"] == "http":
            scope[IN_SCOPE] = Caller("ann")
            ASKED.set(scope["query_string"].decode().removeprefix("lang=")[:2] or "en")
        await self.app(scope, receive, with_cookie if scope["type"] == "http" else send)


@pytest.fixture
def made() -> list[str]:
    """What was described, in order."""
    return []


class Told(LoopTime):
    """Notes whose turn was waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = list[str]()

    async def turn(self, person: str) -> None:
        self.turns.append(person)


@pytest.fixture
def loop_time() -> Told:
    return Told()


@pytest.fixture
def client(made: list[str], loop_time: Told) -> Iterator[TestClient]:
    def page(request: Request) -> Response:
        made.append(f"{request.headers['host']} {ASKED.get()}")
        return PlainTextResponse("word " * 1000 + made[-1], 200 if request.url.path == "/" else 503)

    app = Starlette(
        routes=[Route("/", page), Route("/config", page)],
        middleware=[Middleware(Cookies), Middleware(CompressedPage, loop_time=loop_time)],
    )
    with TestClient(app) as client:
        yield client


def test_it_is_described_once_for_all_who_read_it_alike(client: TestClient, made: list[str]) -> None:
    texts = [client.get("/").text for _ in range(3)]
    assert len(set(texts)) == 1
    assert made == ["testserver en"]
    assert client.get("/", headers={"accept-encoding": "identity"}).text == texts[0]
    assert client.get("/?lang=de").text.endswith("testserver de")
    assert client.get("/", headers={"host": "other"}).text.endswith("other en")
    assert client.get("/", headers={"x-forwarded-proto": "https"}).text.endswith("testserver en")
    assert len(made) == 5
    assert client.get("/?deep_link=a").status_code == 200
    assert client.head("/").status_code == 200
    assert len(made) == 7, "what gradio describes in another way is asked of it"


def test_nobodys_cookie_is_given_to_another(client: TestClient) -> None:
    given = [client.get("/").headers.get_list("set-cookie") for _ in range(3)]
    assert all(len(cookies) == 1 for cookies in given)
    assert len({cookies[0] for cookies in given}) == 3


def test_a_refusal_is_not_kept(client: TestClient, made: list[str]) -> None:
    assert [client.get("/config").status_code for _ in range(2)] == [503, 503]
    assert len(made) == 2


def test_so_many_are_kept_and_no_more(client: TestClient, made: list[str]) -> None:
    for number in range(MAX_KEPT + 1):
        client.get("/", headers={"host": f"host{number}"})
    client.get("/", headers={"host": f"host{MAX_KEPT}"})
    assert len(made) == MAX_KEPT + 1
    client.get("/", headers={"host": "host0"})
    assert len(made) == MAX_KEPT + 2


def test_who_is_not_logged_in_gets_nothing_of_who_is(
    client: TestClient, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    who = SimpleNamespace(inside=True)
    monkeypatch.setattr(compressed, "logged_in", lambda scope: who.inside)
    client.get("/")
    who.inside = False
    client.get("/")
    assert len(made) == 2


def test_whoever_has_it_described_again_waits_for_their_turn_and_pays(client: TestClient, loop_time: Told) -> None:
    for _ in range(3):
        client.get("/")
    assert loop_time.turns == ["ann"], "what is there costs nothing"
    for number in range(3):
        client.get("/", headers={"x-forwarded-host": f"host{number}"})
    client.get("/?page=2")
    client.get("/?deep_link=x")
    assert loop_time.turns == ["ann"] * 6
    assert loop_time.debt("ann") > 0
