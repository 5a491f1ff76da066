"""What the server answers beside the page, and what stands before every answer: headers, origins, sizes.

`app_options` puts it all into gradio's app; app.py passes them to `launch`. /health tells programs how the server is;
/admin shows runs and stops them, where the server has a password for it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from html import escape
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.settings import Settings, is_loopback, same_secret
from playground.web.gradio_patches.long_fields import bound_fields
from playground.web.pagefiles import PageFiles

MAX_BODY = 4 * 10**6  # bytes of a request that is no upload; the page's largest is a recipe with its journal
WRONG_PASSWORD_SECONDS = 1.0
API = "/gradio_api/"
UPLOAD = f"{API}upload"
# Of gradio's own addresses: it would write a page's state into a file for others, fetch from other servers, edit the
# app's code, convert films of anybody's; one person's logout would end everybody's login, since a class shares one user.
CLOSED = (
    "/gradio_api/deep_link",
    "/gradio_api/proxy=",
    "/gradio_api/vibe-",
    "/gradio_api/dev/",
    "/logout",
    "/gradio_api/process_recording",
    "/pwa_icon/",
)
FRAMED_BY = "https://huggingface.co https://*.hf.space"

logger = logging.getLogger(__name__)


def app_options(jobs: Jobs, settings: Settings, files: PageFiles) -> dict[str, Any]:
    """What `launch(app_kwargs=...)` needs so that gradio's app has our routes and our guard."""
    bound_fields()
    routes = [Route("/health", health(jobs))]
    if settings.admin_password is not None:
        routes += admin_routes(jobs, settings.admin_password.get_secret_value())
    return {"routes": routes, "middleware": [Middleware(Guard, settings=settings, files=files)]}


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


class TooLargeError(Exception):
    """A request's body went past what it may hold."""


class Guard:
    """ASGI middleware: sets the headers, and refuses requests of other websites, closed addresses, and what is too large.

    Other websites: a browser names the page that asks in `Origin`, and gradio would answer any of them wherever the
    server is not called localhost. Programs send no origin, and may do what the page may.
    """

    def __init__(self, app: ASGIApp, settings: Settings, files: PageFiles) -> None:
        self.app, self.settings, self.files = app, settings, files
        self.headers = headers_for(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        asked = Headers(scope=scope)
        path = scope["path"]
        upload = path.rstrip("/") == UPLOAD
        most = self.files.room() if upload else MAX_BODY
        taken = 0

        async def receive_at_most() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise TooLargeError
            return message

        refusal = self._refusal(path, asked, most, upload)
        if refusal is None:
            try:
                await self.app(scope, receive_at_most, send_with_headers)
            except TooLargeError:
                refusal = self._too_large(upload)
            except Exception as error:
                if not path.startswith(API):
                    raise
                # Gradio stumbles over what no page sends, such as a body without what it looks for.
                logger.warning("a request to %.80r could not be read: %s", path, type(error).__name__)
                refusal = PlainTextResponse("This request cannot be read: it is none that the page sends.", 400)
                if started:
                    with suppress(RuntimeError):  # it has broken off
                        await send({"type": "http.response.body"})  # the end of what was begun
            if upload:
                self.files.add(taken)
        if refusal is not None and not started:
            await refusal(scope, receive, send_with_headers)

    def _refusal(self, path: str, asked: Headers, most: int, upload: bool) -> Response | None:
        if why := stranger(asked, self.settings):
            return PlainTextResponse(why, 403)
        if path.startswith(CLOSED):
            return PlainTextResponse("There is nothing here.", 404)
        length = asked.get("content-length", "0")
        return self._too_large(upload) if length.isdecimal() and int(length) > most else None

    def _too_large(self, upload: bool) -> Response:
        if upload:
            return PlainTextResponse("The server has no room for more uploads: try again in a few minutes.", 507)
        return PlainTextResponse(f"A request may hold {MAX_BODY // 10**6} MB.", 413)


def stranger(asked: Mapping[str, str], settings: Settings, environment: Mapping[str, str] = os.environ) -> str | None:
    """Why a request is none of our own page's, in a sentence; None where it is, or is a program's, which has no page.

    X-Forwarded-Host tells nothing: gradio lets any website send it. A Space knows its own names from SPACE_HOST.
    """
    host, origin = asked.get("host", "").lower(), asked.get("origin")
    ours = {host, *settings.names}
    if settings.on_space:
        ours |= {"huggingface.co", *environment.get("SPACE_HOST", "").lower().split(",")}
    if origin is not None and (urlsplit(origin).netloc.lower() or None) not in ours:
        return "This server answers its own page only; if it stands behind a proxy, name that in PLAYGROUND_HOSTS."
    name = urlsplit(f"//{host}").hostname or ""
    # Another website's name may be made to mean this machine, whereupon its pages would count as our own.
    if settings.on_loopback and not is_loopback(name) and not settings.names & {host, name}:
        return "This server is asked under a name that is not its own; if it has that name, add it to PLAYGROUND_HOSTS."
    return None


# -------------------------------------------------------------------- passwords


class Patience:
    """Makes guessing slow: wrong answers wait in one line, a second each, and right ones pass."""

    def __init__(self) -> None:
        self._line = asyncio.Lock()

    async def wrong(self, what: str) -> None:
        logger.warning("a wrong password was given for %s", what)
        async with self._line:
            await asyncio.sleep(WRONG_PASSWORD_SECONDS)


def login(settings: Settings) -> Any:
    """What `launch(auth=...)` asks about a user name and a password; None where there is no login."""
    if settings.auth is None:
        return None
    user, password = settings.auth
    patience = Patience()

    async def right(given_user: str, given_password: str) -> bool:
        same = same_secret(given_user, user) & same_secret(given_password, password)
        if not same:
            await patience.wrong("the page")
        return same

    return right


# -------------------------------------------------------------------- /health


def health(jobs: Jobs) -> Any:
    """The endpoint that says how the server is, in numbers only."""

    async def answer(request: Request) -> Response:
        return JSONResponse({"status": "ok", **counts(jobs)}, headers={"cache-control": "no-store"})

    return answer


def counts(jobs: Jobs) -> dict[str, Any]:
    """The overview as plain data."""
    overview = jobs.overview()
    return {name: getattr(overview, name) for name in overview.__dataclass_fields__}


# -------------------------------------------------------------------- /admin

STYLE = """body{font:16px/1.5 system-ui,sans-serif;margin:2rem;color:#1c1a17;background:#fbf9f5}
table{border-collapse:collapse;margin:1rem 0}th,td{padding:.35rem .9rem .35rem 0;text-align:left;border-bottom:1px solid #d8d2c6}
button{font:inherit;padding:.2rem .8rem}"""
COLUMNS = ("run", "state", "size", "step", "seconds", "memory (MB)", "")


def admin_routes(jobs: Jobs, password: str) -> list[Route]:
    """The admin view and its stop button, behind HTTP's basic login with any user name."""
    proof = secrets.token_urlsafe(16)  # in the view's own forms only: another website can neither read nor guess it
    patience = Patience()

    async def allowed(request: Request) -> Response | None:
        if same_secret(_password_of(request.headers.get("authorization", "")), password):
            return None
        if "authorization" in request.headers:
            await patience.wrong("the admin view")
        headers = {"www-authenticate": 'Basic realm="Style Playground admin", charset="UTF-8"'}
        return PlainTextResponse("The admin view asks for its password.", 401, headers=headers)

    async def view(request: Request) -> Response:
        refusal = await allowed(request)
        return refusal or HTMLResponse(admin_page(jobs, proof), headers={"cache-control": "no-store", "refresh": "5"})

    async def stop(request: Request) -> Response:
        if refusal := await allowed(request):
            return refusal
        fields = parse_qs((await request.body()).decode("utf-8", "replace"))
        if not same_secret(fields.get("proof", [""])[0], proof):
            return PlainTextResponse("This button belongs to an older view: go back and reload it.", 403)
        name = fields.get("run", [""])[0]
        if jobs.stop(name):
            logger.info("%s was stopped in the admin view", name, extra={"run": name})
            for _ in range(20):  # a step may take a moment, and then the view already shows it gone
                if all(job.name != name for job in jobs.going_on()):
                    break
                await asyncio.sleep(0.1)
        return RedirectResponse("../admin", 303)

    return [Route("/admin", view), Route("/admin/stop", stop, methods=["POST"])]


def _password_of(authorization: str) -> str:
    """The password of an HTTP basic login; empty where there is none."""
    kind, _, packed = authorization.partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(packed, validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def admin_page(jobs: Jobs, proof: str) -> str:
    """Counts and a table of the runs that go on, each with its stop button."""
    facts = "".join(
        f"<tr><th>{escape(name.replace('_mb', ' (MB)').replace('_', ' '))}</th><td>{_told(value)}</td></tr>"
        for name, value in counts(jobs).items()
    )
    head = "".join(f"<th>{name}</th>" for name in COLUMNS)
    runs = "".join(_row(job, proof) for job in jobs.going_on()) or f'<tr><td colspan="{len(COLUMNS)}">none</td></tr>'
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="robots" content="noindex">
<meta name="viewport" content="width=device-width"><title>Style Playground: admin</title><style>{STYLE}</style>
<h1>Style Playground: admin</h1><table>{facts}</table><h2>Runs</h2><table><tr>{head}</tr>{runs}</table></html>"""


def _row(job: Job, proof: str) -> str:
    frame = job.frame
    cells = (
        job.name,
        job.state,
        f"{frame.size[0]} × {frame.size[1]}" if frame and frame.size else "",
        f"{frame.step} of {frame.steps}" if frame else "",
        f"{frame.seconds:.0f}" if frame else "",
        f"{job.memory.held + job.memory.passing:.0f}" if job.memory else "",
    )
    button = f"""<form method="post" action="admin/stop"><input type="hidden" name="proof" value="{escape(proof)}">
<button name="run" value="{escape(job.name)}">Stop {escape(job.name)}</button></form>"""
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}<td>{button}</td></tr>"


def _told(value: object) -> str:
    return "unknown" if value is None else escape(f"{value:.0f}" if isinstance(value, float) else str(value))
