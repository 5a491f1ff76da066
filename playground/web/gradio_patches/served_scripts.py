"""One of gradio's own scripts, served with some of its text replaced.

Called by the patches beside this that mend what gradio does in the browser. Where a script of another gradio reads otherwise,
it is served as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import gradio as gr
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

SCRIPTS = Path(gr.__file__).parent / "templates" / "frontend" / "assets"


@cache
def texts(names: str) -> Mapping[str, str]:
    """Gradio's scripts with such a name (a glob), each by its name."""
    return MappingProxyType({path.name: path.read_text(encoding="utf-8") for path in sorted(SCRIPTS.glob(names))})


def replaced(names: str, changes: Mapping[str, str]) -> list[Route]:
    """The route that stands before gradio's own for the script that says all of this; none where there is none.

    Args:
        names: a glob, such as "Blocks-*.js".
        changes: what is said by what it becomes; each has to be there once.
    """
    for name, text in texts(names).items():
        if any(text.count(said) != 1 for said in changes):
            continue
        for said, becomes in changes.items():
            text = text.replace(said, becomes)

        async def script(_: Request, text: str = text) -> Response:
            return Response(text, media_type="text/javascript")

        return [Route(f"/assets/{name}", script)]
    return []
