"""Who asks: one person behind each cookie that `/` gave, one behind each address for everybody without, and what is theirs.

The guard (security.py) names the caller of every request before gradio sees it, and handlers ask `caller()`. Also here:
which of gradio's sessions belongs to whom, and which streams are open. Knows no run and no component.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path

from starlette.requests import HTTPConnection
from starlette.types import Scope

from playground.system.files import whole_file
from playground.web.gradio_patches.private_names import current_event

COOKIE = "playground_person"
COOKIE_SECONDS = 30 * 24 * 3600
KEY_BYTES = 32
MAX_STREAMS = 96  # of one person at once: an open page has two, and an address may stand for a whole room
MAX_SESSIONS = 4000  # of one person that gradio remembers, 15 kB each; those that nobody listens to for a minute
MAX_NAME = 100  # characters of a session's name; a browser's has eleven, a program's 36
MAX_EVENTS = 48  # of one person that wait or go on in gradio's queue
MAX_REQUESTS = 48  # of one person that are being answered; a browser asks for six at a time
MAX_KNOWN = 20_000  # sessions whose owner is remembered; gradio remembers half as many
IN_SCOPE = "playground.caller"


class NotAllowedError(Exception):
    """What a person may not do, in a sentence: use another's session, or have too much at once.

    Args:
        status: of the answer.
    """

    def __init__(self, sentence: str, status: int = 429) -> None:
        super().__init__(sentence)
        self.status = status


def cookie_key(folder: Path | None) -> bytes:
    """What cookies are signed with: the same at every start where there is a folder to keep it in.

    Args:
        folder: of the stored runs, which only its owner may look into.
    """
    if folder is None:
        return secrets.token_bytes(KEY_BYTES)
    path = folder / "cookies.key"
    try:
        key = path.read_bytes()
        if len(key) == KEY_BYTES:
            return key
    except OSError:
        pass
    key = secrets.token_bytes(KEY_BYTES)
    try:
        with whole_file(path) as unfinished:
            unfinished.write_bytes(key)
            unfinished.chmod(0o600)
    except OSError:
        pass  # a disk that takes nothing: cookies are good until the server ends
    return key


class Cookies:
    """Cookies that name a person and that nobody can make up; the server remembers none of them.

    Args:
        key: they are signed with it.
        framed: whether the page stands in another site's frame, where browsers send no ordinary cookie.
    """

    def __init__(self, key: bytes, *, framed: bool = False) -> None:
        self._key = key
        self._manner = "SameSite=None; Secure; Partitioned" if framed else "SameSite=Lax"

    def new(self) -> str:
        """The header's value that gives a caller a new cookie."""
        name = secrets.token_urlsafe(16)
        value = f"{name}.{int(time.time())}"
        return (
            f"{COOKIE}={value}.{self._sign(value)}; Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; {self._manner}"
        )  # fmt: skip

    def person(self, scope: Scope) -> str | None:
        """Whose cookie a request carries; None where it has none that this server gave, or one that is too old."""
        value, _, signature = HTTPConnection(scope).cookies.get(COOKIE, "").rpartition(".")
        if not value or not hmac.compare_digest(signature.encode(), self._sign(value).encode()):
            return None
        name, _, given = value.rpartition(".")
        return name if int(given) > time.time() - COOKIE_SECONDS else None

    def _sign(self, value: str) -> str:
        return hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()[:32]


def address(scope: Scope) -> str:
    """The address that a request came from; behind a named proxy the one that it forwards."""
    client = scope.get("client")
    return f"address {client[0]}" if client else "nobody"


class People:
    """Everybody whom a server has heard of lately.

    Args:
        quiet_seconds: after so long without an open stream what a session still does is ended.
    """

    def __init__(self, cookies: Cookies, quiet_seconds: float) -> None:
        self.cookies, self.quiet_seconds = cookies, quiet_seconds
        self._lock = threading.Lock()
        self._owners: OrderedDict[str, str] = OrderedDict()  # person by session
        self._sessions: Counter[str] = Counter()  # by person
        self._listening: Counter[str] = Counter()  # streams by session
        self._streams: Counter[str] = Counter()  # and by person
        self._requests: Counter[str] = Counter()  # being answered, by person

    # ---------------------------------------------------------------- sessions

    def claim(self, session: str, person: str) -> None:
        """Use one of gradio's sessions, which belongs to whoever used it first.

        Raises:
            NotAllowedError: it is another person's, one too many, or called what no page is called.
        """
        if len(session) > MAX_NAME:  # thousands of names are remembered
            raise NotAllowedError(f"A session's name has {MAX_NAME} characters at most.", 400)
        with self._lock:
            owner = self._owners.get(session)
            if owner == person:
                return
            if owner is not None:
                raise NotAllowedError("This page was opened by somebody else, or long ago: reload it.", 403)
            if self._sessions[person] >= MAX_SESSIONS:
                raise NotAllowedError(f"You have {MAX_SESSIONS} pages open already: close some, and wait a minute.")
            self._owners[session] = person
            self._sessions[person] += 1
            if len(self._owners) > MAX_KNOWN:
                self._forget(next(iter(self._owners)))

    def forget(self, session: str) -> None:
        """Gradio has forgotten a session."""
        with self._lock:
            self._forget(session)

    def _forget(self, session: str) -> None:
        person = self._owners.pop(session, None)
        if person is not None:
            _less(self._sessions, person)

    @property
    def sessions(self) -> list[str]:
        """Every session that belongs to somebody."""
        with self._lock:
            return list(self._owners)

    # ---------------------------------------------------------------- streams

    @contextmanager
    def stream(self, session: str, person: str) -> Iterator[None]:
        """While a stream to a session's page is open.

        Raises:
            NotAllowedError: the person has too many.
        """
        with self._lock:
            if self._streams[person] >= MAX_STREAMS:
                raise NotAllowedError(f"You have {MAX_STREAMS} connections open already: close some pages.")
            self._listening[session] += 1
            self._streams[person] += 1
        try:
            yield
        finally:
            with self._lock:
                _less(self._listening, session)
                _less(self._streams, person)

    @contextmanager
    def request(self, person: str) -> Iterator[None]:
        """While a request that may cost something is answered.

        Raises:
            NotAllowedError: the person has too many.
        """
        with self._lock:
            if self._requests[person] >= MAX_REQUESTS:
                raise NotAllowedError("You ask for too much at once: wait for some of it.")
            self._requests[person] += 1
        try:
            yield
        finally:
            with self._lock:
                _less(self._requests, person)

    def listens(self, session: str) -> bool:
        """Whether a stream to a session's page is open."""
        return self._listening.get(session, 0) > 0

    def is_here(self, person: str) -> bool:
        """Whether a person has a stream open to any page or call."""
        return self._streams.get(person, 0) > 0

    def alive(self, session: str) -> bool:
        """Whether anybody is there: its page has a stream open, or its person has one to another page.

        A browser with many tabs has no connection to spare for those out of sight.
        """
        return self.listens(session) or self.is_here(self._owners.get(session, ""))


def _less(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]


# -------------------------------------------------------------------- for handlers


@dataclass(frozen=True)
class Caller:
    """Whoever asks.

    Attributes:
        person: of the runs' accounts; no secret, and nothing is found by it.
        people: everybody; None where the page is served without the guard.
        session: gradio's name for the page or the call.
        address: that it comes from, whatever cookie it carries.
    """

    person: str
    people: People | None = None
    session: str = ""
    address: str = "nobody"

    @property
    def listens(self) -> bool:
        """Whether anybody reads what is sent to this page or call."""
        return self.people is None or self.people.listens(self.session)


CALLER: ContextVar[Caller | None] = ContextVar("caller", default=None)
"""Of the request that is being read, before any handler has it."""


def person_of(request: HTTPConnection) -> str:
    """Who sent a request that the guard has seen; "" for another."""
    known: Caller | None = request.scope.get(IN_SCOPE)
    return known.person if known is not None else ""


def claim_session(session: str) -> None:
    """Whoever's request is being read uses one of gradio's sessions.

    Raises:
        NotAllowedError: as `People.claim`.
    """
    known = CALLER.get()
    if known is not None and known.people is not None:
        known.people.claim(session, known.person)


def caller() -> Caller:
    """Who asked for what the current handler does."""
    scope, session = current_event()
    if scope is None:
        return Caller("nobody")
    known: Caller = scope.get(IN_SCOPE) or Caller(address(scope))
    return replace(known, session=session)
