"""/admin: shows whoever has its password which runs go on, and stops them.

app_server.py puts it beside gradio's own addresses where the settings name a password. Knows runs by their public names only.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import secrets
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.service.settings import same_secret
from playground.web.health import counts
from playground.web.security import Patience

STYLE = """body{font:16px/1.5 system-ui,sans-serif;margin:2rem;color:#1c1a17;background:#fbf9f5}
table{border-collapse:collapse;margin:1rem 0}th,td{padding:.35rem .9rem .35rem 0;text-align:left;border-bottom:1px solid #d8d2c6}
button{font:inherit;padding:.2rem .8rem}"""
COLUMNS = ("run", "state", "size", "step", "seconds", "memory (MB)", "")


logger = logging.getLogger(__name__)


def admin_routes(jobs: Jobs, password: str) -> list[Route]:
    """The admin view and its stop button, behind HTTP's basic login with any user name."""
    proof = secrets.token_urlsafe(16)  # in the view's own forms only: another website can neither read nor guess it
    patience = Patience()

    async def allowed(request: Request) -> Response | None:
        given = request.headers.get("authorization")
        if given and await patience.answer(same_secret(_password_of(given), password), "the admin view"):
            return None
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
