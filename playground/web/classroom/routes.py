"""/class: how the server and the class are, asked by every open page every few seconds, and what people do in the class.

app_server.py puts it beside gradio's own addresses; class.js asks. Who asks is whoever holds the page's cookie, and the teacher
whoever sends the teacher's key along; nothing here tells one pupil of another.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import segno
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from playground.errors import PlaygroundError
from playground.service.address import is_loopback, shared_address
from playground.service.settings import Settings
from playground.web.classroom.teacher import ClassDesk
from playground.web.health import counts
from playground.web.people import address, person_of
from playground.web.security import Patience
from playground.web.threads import in_line
from playground.web.words import say, translated

KEY = "x-teacher-key"
MAX_TOLD = 20_000  # bytes of a request; the wall's says which pictures the page has
FRESH = {"cache-control": "no-store"}


def class_routes(desk: ClassDesk, settings: Settings) -> list[Route]:
    """What every page asks, and what is done in a class; without a teacher's key there is no class."""
    patience = Patience()
    there = settings.teacher_key is not None

    async def teaches(request: Request) -> bool:
        key = request.headers.get(KEY, "")
        return bool(key) and there and await patience.answer(settings.is_teacher(key), "the class")

    async def look(request: Request) -> Response:
        teacher, person = await teaches(request), _person(request)
        if there and request.query_params.get("wall") in ("on", "off"):
            desk.room.want_wall(person, request.query_params["wall"] == "on")
        told = await in_line(person, desk.told, person, teacher=teacher) if there else None
        return JSONResponse({**counts(desk.jobs), "class": told}, headers=FRESH)

    async def act(request: Request) -> Response:
        teacher, person = await teaches(request), _person(request)
        body = await request.body()
        try:
            asked: Any = json.loads(body) if len(body) <= MAX_TOLD else None
        except (ValueError, RecursionError):
            asked = None
        if not isinstance(asked, dict) or not isinstance(asked.get("do"), str):
            return JSONResponse({"error": say("class.no_such")}, 400, headers=FRESH)
        what = asked["do"]
        if there and what in ("share", "hide"):
            await in_line(person, desk.wall.share, person, what == "share")
        elif not teacher:
            return JSONResponse({"error": say("class.only_teacher")}, 403, headers=FRESH)
        elif what == "wall":
            tiles = await in_line(person, desk.tiles, asked.get("have"))
            return JSONResponse({"tiles": [asdict(tile) for tile in tiles]}, headers=FRESH)
        elif what == "address":
            return JSONResponse(_address(request, settings), headers=FRESH)
        else:
            try:
                await in_line(person, desk.act, what, asked)
            except PlaygroundError as error:
                return JSONResponse({"error": translated(str(error))}, 400, headers=FRESH)
        told = await in_line(person, desk.told, person, teacher=teacher)
        return JSONResponse({**counts(desk.jobs), "class": told}, headers=FRESH)

    return [Route("/class", look), Route("/class", act, methods=["POST"])]


def _person(request: Request) -> str:
    return person_of(request) or address(request.scope)


def _address(request: Request, settings: Settings) -> dict[str, str]:
    """The page's address for the class, as text and as a QR code, which is dark on light in every theme."""
    here = str(request.base_url)
    if is_loopback(request.url.hostname or ""):
        here = shared_address(settings.host, here)
    drawn = segno.make(here, micro=False).svg_inline(border=3, dark="#000", light="#fff", omitsize=True)
    return {"address": here, "qr": drawn}
