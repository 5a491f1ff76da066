"""What stands before every answer of the server: headers, origins, sizes, passwords.

app_server.py puts the guard around gradio's app and gives `login` to `launch`. Knows addresses and settings, no run.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.service.address import is_loopback
from playground.service.settings import Settings, same_secret
from playground.system.files import takes_nothing
from playground.web.gradio_patches.private_names import logged_in, session_of_call
from playground.web.loop_time import FIRST_SECONDS, REFUSED_SECONDS, REQUEST_SECONDS, LoopTime
from playground.web.loop_time import IN_SCOPE as LOOP_TIME
from playground.web.pagefiles import PageFiles
from playground.web.people import CALLER, IN_SCOPE, Caller, NotAllowedError, People, address
from playground.web.request_bodies import MAX_BODY, TOO_LONG, Bodies, TooLargeError
from playground.web.words import ASKED, asked_language

# Around an address or nowhere; urlsplit of Python 3.10 lets more pass.
BRACKETS = re.compile(r"[^][]*|\[[^][]+](:\d*)?")
WRONG_PASSWORD_SECONDS = 1.0
MOST_HELD = 30.0  # seconds that a refusal waits
READ_EVERY = 0.1  # seconds between two pieces of what is refused
MAX_GUESSES = 30  # of one address that wait for their answer; more are wrong unseen
API = "/gradio_api/"
UPLOAD, FILE = f"{API}upload", f"{API}file="
PROGRESS = f"{API}upload_progress"  # a GET that waits, for seconds where there is no such upload
MAX_QUERY = 16_000  # bytes; thousands of parameters take twenty milliseconds to be told apart
RUN = (f"{API}run/", f"{API}api/")
# Of gradio's own addresses: it would write a page's state into a file for others, fetch from other servers, edit the
# app's code, convert films of anybody's, call servers of components that this page has none of; one person's logout would
# end everybody's login, since a class shares one user.
CLOSED = (
    "/gradio_api/deep_link",
    "/gradio_api/proxy=",
    "/gradio_api/vibe-",
    "/gradio_api/undo-vibe-edit",
    "/gradio_api/dev/",
    "/logout",
    "/gradio_api/process_recording",
    "/gradio_api/component_server",
    "/gradio_api/stream/",
    "/pwa_icon/",
)
UNGUARDED = (
    "/class",
    *(f"{API}{name}" for name in ("heartbeat/", "cancel", "reset")),
)  # gradio asks for no login there
STREAMS = re.compile(rf"{API}(?:heartbeat/(?P<page>[^/]+)|queue/data|call/(?:v2/)?[^/]+/(?P<call>[^/]+))/?")
NO_ROOM = "The server has no room for more uploads: try again in a few minutes."
FRAMED_BY = "https://huggingface.co https://*.hf.space"

logger = logging.getLogger(__name__)


def headers_for(settings: Settings) -> dict[str, str]:
    """Response headers of every answer.

    Gradio writes its configuration into the page as a script and runs `js=` of events by `new Function`: hence
    'unsafe-inline' and 'unsafe-eval'. What the policy does forbid: anything from or to another host, frames of others,
    plugins, another base address, forms that lead elsewhere, and being framed, but for a Space by Hugging Face.
    """
    policy = {
        "default-src": "'self'",
        "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "media-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self' data: blob:",
        "worker-src": "'self' blob:",
        "frame-src": "'none'",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": f"'self' {FRAMED_BY}" if settings.on_space else "'self'",
    }
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",  # so that the teacher's key in an address goes nowhere
        "permissions-policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    }


class Guard:
    """ASGI middleware: sets the headers, and refuses requests of other websites, closed addresses, and what is too large.

    Other websites: a browser names the page that asks in `Origin`, and gradio would answer any of them wherever the
    server is not called localhost. Programs send no origin, and may do what the page may.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, files: PageFiles, people: People, loop_time: LoopTime | None = None
    ) -> None:
        self.app, self.settings, self.files, self.people = app, settings, files, people
        self.headers, self.bodies, self.loop_time = headers_for(settings), Bodies(), loop_time or LoopTime()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, answered = False, bytearray()
        cookie = self._name_the_caller(scope)

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                if message["status"] == 500 and path.startswith(RUN):
                    message["status"] = 400  # a handler's refusal in words, which gradio calls a fault of the server
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                if cookie:
                    headers.append("set-cookie", cookie)
            elif upload:
                answered.extend(message.get("body", b""))
            await send(message)

        asked, path = Headers(scope=scope), scope["path"]
        upload = path.rstrip("/") == UPLOAD
        room, taken = self.files.room(), 0

        async def receive_upload() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > room:
                raise TooLargeError(NO_ROOM)
            return message

        refusal = self._refusal(path, len(scope.get("query_string", b"")), asked, room, upload)
        if refusal is None and path.startswith(UNGUARDED) and not logged_in(scope):
            refusal = PlainTextResponse("Not authenticated", 401)
        if refusal is None:
            try:
                with self._counted(scope):
                    await self._answer(scope, receive_upload if upload else receive, send_with_headers, upload)
            except TooLargeError as error:
                refusal = PlainTextResponse(str(error), 507 if upload else 413)
            except NotAllowedError as error:
                refusal = PlainTextResponse(str(error), error.status)
            except Exception as error:
                if not path.startswith(API):
                    raise
                refusal = unreadable(path, error)
                if started:
                    with suppress(RuntimeError):  # it has broken off
                        await send({"type": "http.response.body"})  # the end of what was begun
            if upload:
                self.files.add(taken)
                caller: Caller = scope[IN_SCOPE]
                self.files.uploaded(named_in(bytes(answered)), caller.person, program=caller.person == caller.address)
        if refusal is not None and not started:
            await self._hold(scope[IN_SCOPE].person, receive)
            await refusal(scope, receive, send_with_headers)

    def _name_the_caller(self, scope: Scope) -> str | None:
        """Say in the scope who asks, and note in which language; the cookie for whoever opens the page without one."""
        name = self.people.cookies.person(scope)
        where = address(scope)
        scope[IN_SCOPE] = Caller(f"cookie {name}" if name else where, self.people, address=where)
        scope[LOOP_TIME] = self.loop_time
        CALLER.set(scope[IN_SCOPE])
        ASKED.set(asked_language(scope))
        return self.people.cookies.new() if name is None and scope["path"] == "/" and scope["method"] == "GET" else None

    def _counted(self, scope: Scope) -> AbstractContextManager[None]:
        """Note for as long as a request is answered that it is, and of a stream to a page or a call that somebody listens.

        Raises:
            NotAllowedError: the page is another person's, or they are too many.
        """
        person = scope[IN_SCOPE].person
        if scope["method"] != "GET" or scope["path"].startswith(PROGRESS):
            return self.people.request(person)
        found = STREAMS.fullmatch(scope["path"])
        if found is None:
            return nullcontext()
        asked = QueryParams(scope["query_string"]).get("session_hash", "")
        session = found["page"] or (session_of_call(scope, found["call"]) if found["call"] else asked)
        if session != found["call"]:  # a call without a session is its caller's by its unguessable name alone
            self.people.claim(session, person)
        return self.people.stream(session, person)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, upload: bool) -> None:
        """Let gradio answer when it is the person's turn; the body of a request that is no upload is read whole first."""
        person, path = scope[IN_SCOPE].person, scope["path"]
        asks = scope["method"] in ("GET", "HEAD")
        stream = asks and STREAMS.fullmatch(path) is not None
        if asks and not stream and (path.startswith(FILE) or not path.startswith(API)):
            await self.app(scope, receive, send)
            return

        async def whole() -> None:
            given = receive if upload or asks else await self.bodies.whole(receive, person)
            await self.app(scope, given, send)

        await self.loop_time.turn(person)
        self.loop_time.charge(person, REQUEST_SECONDS)
        await self.loop_time.timed(person, whole(), FIRST_SECONDS if stream else math.inf)

    async def _hold(self, person: str, receive: Receive) -> None:
        """Let a refusal wait for its person's turn as an answer would, so long at most, and until whoever asked hangs up."""
        if self.loop_time.wait_of(person) > 0:
            ends = [asyncio.ensure_future(end) for end in (self.loop_time.turn(person), _hung_up(receive))]
            try:
                await asyncio.wait(ends, timeout=MOST_HELD, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for end in ends:
                    end.cancel()
                await asyncio.gather(*ends, return_exceptions=True)
        self.loop_time.charge(person, REFUSED_SECONDS)

    def _refusal(self, path: str, query: int, asked: Headers, room: int, upload: bool) -> Response | None:
        if why := stranger(asked, self.settings):
            return PlainTextResponse(why, 403)
        if path.startswith(CLOSED):
            return PlainTextResponse("There is nothing here.", 404)
        if query > MAX_QUERY:
            return PlainTextResponse(f"An address may ask for {MAX_QUERY:,} characters.", 414)
        length = asked.get("content-length", "0")
        if length.isdecimal() and int(length) > (room if upload else MAX_BODY):
            return PlainTextResponse(NO_ROOM, 507) if upload else PlainTextResponse(TOO_LONG, 413)
        return None


async def _hung_up(receive: Receive) -> None:
    """Return when whoever asked has hung up; what they send meanwhile is read slowly, and thrown away."""
    while (await receive())["type"] != "http.disconnect":
        await asyncio.sleep(READ_EVERY)


def unreadable(path: str, error: Exception) -> Response:
    """The answer where gradio stumbles over what no page sends, such as a body without what it looks for."""
    logger.warning("a request to %.80r could not be read: %s", path, type(error).__name__)
    if takes_nothing(error):
        return PlainTextResponse(NO_ROOM, 507)
    return PlainTextResponse("This request cannot be read: it is none that the page sends.", 400)


def named_in(answer: bytes) -> list[str]:
    """The paths of an upload's answer; none where it was refused."""
    try:
        paths = json.loads(answer)
    except ValueError:
        return []
    return [path for path in paths if isinstance(path, str)] if isinstance(paths, list) else []


def stranger(asked: Mapping[str, str], settings: Settings, environment: Mapping[str, str] = os.environ) -> str | None:
    """Why a request is none of our own page's, in a sentence; None where it is, or is a program's, which has no page.

    X-Forwarded-Host tells nothing: gradio lets any website send it. A Space knows its own names from SPACE_HOST.
    """
    host, origin = asked.get("host", "").lower(), asked.get("origin")
    ours = {host, *settings.names}
    if settings.on_space:
        ours |= {"huggingface.co", *environment.get("SPACE_HOST", "").lower().split(",")}
    try:
        if BRACKETS.fullmatch(host) is None:
            raise ValueError(host)
        asking = urlsplit(origin or "").netloc.lower() or None
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:  # a bracket that is never closed, for one
        return "The Host or the Origin of this request is no address."
    if origin is not None and asking not in ours:
        return "This server answers its own page only; if it stands behind a proxy, name that in PLAYGROUND_HOSTS."
    # Another website's name may be made to mean this machine, whereupon its pages would count as our own.
    if settings.on_loopback and not is_loopback(name) and not settings.names & {host, name}:
        return "This server is asked under a name that is not its own; if it has that name, add it to PLAYGROUND_HOSTS."
    return None


# -------------------------------------------------------------------- passwords


class Patience:
    """Makes guessing slow: the answers to one address wait in one line, a second for each wrong one.

    A right one waits behind the wrong ones of its address too: else whoever sends many at once, and hangs up on the slow
    ones, would know it by its haste. Nor does hanging up shorten anybody's wait: it goes on without them.
    """

    def __init__(self) -> None:
        self._lines: dict[str, asyncio.Lock] = {}
        self._waiting: Counter[str] = Counter()

    async def answer(self, right: bool, what: str) -> bool:
        """Whether a password is right, when its time has come.

        Args:
            what: it opens, for the log.
        """
        caller = CALLER.get()
        where = caller.address if caller is not None else "nobody"
        return await asyncio.shield(asyncio.ensure_future(self._answer(right, what, where)))

    async def _answer(self, right: bool, what: str, where: str) -> bool:
        line = self._lines.setdefault(where, asyncio.Lock())
        self._waiting[where] += 1
        right = right and self._waiting[where] <= MAX_GUESSES
        try:
            async with line:
                if not right:
                    logger.warning("a wrong password was given for %s", what)
                    await asyncio.sleep(WRONG_PASSWORD_SECONDS)
            return right
        finally:
            self._waiting[where] -= 1
            if not self._waiting[where]:
                del self._waiting[where], self._lines[where]


def login(settings: Settings) -> Any:
    """What `launch(auth=...)` asks about a user name and a password; None where there is no login."""
    if settings.auth is None:
        return None
    user, password = settings.auth
    patience = Patience()

    async def right(given_user: str, given_password: str) -> bool:
        same = same_secret(given_user, user) & same_secret(given_password, password)
        return await patience.answer(bool(same), "the page")

    return right
