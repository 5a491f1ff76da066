"""A part whose progress is hidden is not told of it.

Gradio 6.31's page passes every status of every event on to all parts that were ever an event's input or output, and
looks each up by walking through the whole page; with a few hundred parts and four updates a second that takes a third of
the browser's time, for progress that is never shown. Its script is served with those parts left out. The server adds the
route; the page hides the progress of all its events, and must: a part with both kinds could keep what it showed last.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import gradio as gr
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

SCRIPTS = Path(gr.__file__).parent / "templates" / "frontend" / "assets"
TELLS_ALL = re.compile(
    r"(update_loading_stati_state\(\)\{await Promise\.all\(Object\.entries\(this\.loading_stati\.current\))"
)
TELLS_THE_SHOWN = r'\1.filter(([,status])=>status.show_progress!=="hidden")'


@cache
def _found() -> tuple[str, str] | None:
    """The name of gradio's script and its text as it is to be served."""
    for path in sorted(SCRIPTS.glob("Blocks-*.js")):
        text, times = TELLS_ALL.subn(TELLS_THE_SHOWN, path.read_text(encoding="utf-8"))
        if times:
            return path.name, text
    return None


def scripts() -> list[Route]:
    """The routes that stand before gradio's own; none where its script tells parts in another way."""
    found = _found()
    if found is None:
        return []
    name, text = found

    async def script(_: Request) -> Response:
        return Response(text, media_type="text/javascript")

    return [Route(f"/assets/{name}", script)]
