"""Who a caller is: a cookie that the page gave, else an address; whose sessions are whose; who listens."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from playground.service.jobs import Jobs
from playground.service.settings import Settings, read_settings
from playground.web import people as people_module
from playground.web.app_server import app_options
from playground.web.pagefiles import PageFiles
from playground.web.people import COOKIE, IN_SCOPE, Cookies, NotAllowedError, People, cookie_key


def carrying(cookie: str) -> dict[str, object]:
    return {"type": "http", "headers": [(b"cookie", cookie.encode())], "client": ("10.0.0.9", 1)}


def kept(header: str) -> str:
    return header.partition(";")[0]


@pytest.fixture
def people() -> People:
    return People(Cookies(b"k" * 32), 30.0)


@pytest.fixture
def client(jobs: Jobs, tmp_path: Path, people: People) -> Callable[[str], TestClient]:
    async def who(request: Request) -> Response:
        return PlainTextResponse(request.scope[IN_SCOPE].person)

    async def stream(request: Request) -> Response:
        session = request.url.path.rpartition("/")[2]
        return PlainTextResponse("yes" if people.listens(session) else "no")

    options = app_options(jobs, Settings(), PageFiles(tmp_path, 10), people)
    routes = [Route("/", who), Route("/who", who), Route("/gradio_api/heartbeat/{session}", stream)]
    app = Starlette(routes=routes, middleware=options["middleware"])
    return lambda address: TestClient(app, base_url="http://127.0.0.1", client=(address, 5))


# ---------------------------------------------------------------- cookies and addresses


def test_a_cookie_names_the_same_person_from_every_address(client: Callable[[str], TestClient]) -> None:
    first = client("10.0.0.1")
    given = first.get("/").headers["set-cookie"]
    assert "HttpOnly" in given
    assert "SameSite=Lax" in given
    assert "Secure" not in given, "a classroom has no HTTPS"
    me = first.get("/who").text
    assert me.startswith("cookie ")
    assert client("10.0.0.2").get("/who", headers={"cookie": kept(given)}).text == me
    assert "set-cookie" not in first.get("/").headers, "one is enough"


def test_who_opens_the_page_once_more_without_a_cookie_is_somebody_else(client: Callable[[str], TestClient]) -> None:
    names = set()
    for _ in range(2):
        anew = client("10.0.0.1")
        anew.get("/")
        names.add(anew.get("/who").text)
    assert len(names) == 2


@pytest.mark.parametrize(
    "cookie",
    ["", "x", "me.99999999999.", "me.99999999999.0123", ".", "..", "me.x.y", "\xff", f"{'a' * 4000}.1.2"],
)
def test_whoever_makes_a_cookie_up_is_an_address(client: Callable[[str], TestClient], cookie: str) -> None:
    asked = client("10.0.0.1").get("/who", headers={b"cookie": f"{COOKIE}={cookie}".encode("latin-1")})
    assert asked.text == "address 10.0.0.1"


def test_no_cookie_is_given_for_anything_but_the_page(client: Callable[[str], TestClient]) -> None:
    assert "set-cookie" not in client("10.0.0.1").get("/who").headers


def test_a_cookie_of_another_server_or_a_changed_one_is_none(people: People) -> None:
    cookie = kept(people.cookies.new())
    assert people.cookies.person(carrying(cookie))
    assert Cookies(b"o" * 32).person(carrying(cookie)) is None
    name, _, rest = cookie.partition("=")[2].partition(".")
    assert people.cookies.person(carrying(f"{COOKIE}={name}x.{rest}")) is None


def test_a_cookie_grows_old(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie, now = kept(people.cookies.new()), time.time()
    monkeypatch.setattr(people_module.time, "time", lambda: now + people_module.COOKIE_SECONDS + 5)
    assert people.cookies.person(carrying(cookie)) is None


def test_in_anothers_frame_a_cookie_is_sent_too() -> None:
    assert "SameSite=None; Secure; Partitioned" in Cookies(b"k" * 32, framed=True).new()


def test_the_key_outlives_the_server_and_is_its_owners(tmp_path: Path) -> None:
    key = cookie_key(tmp_path)
    assert cookie_key(tmp_path) == key
    assert len(key) == 32
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o077 == 0
    path.write_bytes(b"short")
    assert cookie_key(tmp_path) not in (key, b"short")
    assert cookie_key(None) != cookie_key(None)


def test_on_a_space_the_forwarded_address_counts_elsewhere_no_header_does() -> None:
    assert read_settings({}, environment={}).proxies == ""
    assert "10.0.0.0/8" in read_settings({"profile": "space"}, environment={}).proxies


# ---------------------------------------------------------------- sessions and streams


def test_a_session_is_whose_who_used_it_first(people: People) -> None:
    people.claim("page", "me")
    people.claim("page", "me")
    with pytest.raises(NotAllowedError, match="opened by somebody else"):
        people.claim("page", "you")
    people.forget("page")
    people.claim("page", "you")


def test_nobody_has_more_sessions_than_are_of_use(people: People) -> None:
    for number in range(people_module.MAX_SESSIONS):
        people.claim(f"page {number}", "me")
    with pytest.raises(NotAllowedError, match="pages open already"):
        people.claim("one more", "me")
    people.claim("one more", "you")
    people.forget("page 0")
    people.claim("another", "me")


def test_how_many_sessions_are_remembered_is_bounded(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_module, "MAX_KNOWN", 10)
    for number in range(100):
        people.claim(f"page {number}", f"person {number}")
    assert people.sessions == [f"page {number}" for number in range(90, 100)]
    assert len(people._sessions) == 10


def test_streams_are_counted_and_bounded(people: People) -> None:
    people.claim("page", "me")
    people.claim("another page", "me")
    assert not people.listens("page")
    assert not people.alive("page")
    with people.stream("page", "me"):
        assert people.listens("page")
        assert not people.listens("another page")
        assert people.alive("another page"), "a browser with many tabs has no stream to spare for it"
    assert not people.alive("page")
    with pytest.raises(NotAllowedError, match="connections open already"):  # noqa: SIM117
        with contextmany(people):
            pass
    assert not people._streams
    assert not people._listening


def contextmany(people: People) -> contextlib.ExitStack:
    stack = contextlib.ExitStack()
    try:
        for _ in range(people_module.MAX_STREAMS + 1):
            stack.enter_context(people.stream("page", "me"))
    except NotAllowedError:
        stack.close()
        raise
    return stack


def test_a_stream_is_listened_to_while_it_is_answered(client: Callable[[str], TestClient], people: People) -> None:
    assert client("10.0.0.1").get("/gradio_api/heartbeat/page").text == "yes"
    assert not people.listens("page")
    refused = client("10.0.0.2").get("/gradio_api/heartbeat/page")
    assert refused.status_code == 403
    assert "somebody else" in refused.text
