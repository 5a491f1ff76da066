"""/health: how the server is, in numbers only, for programs that look after it.

app_server.py puts it beside gradio's own addresses, and admin.py shows the same numbers. Names nobody and no run.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from playground.service.jobs import Jobs


def health(jobs: Jobs) -> Any:
    """The endpoint that says how the server is, in numbers only."""

    async def answer(request: Request) -> Response:
        return JSONResponse({"status": "ok", **counts(jobs)}, headers={"cache-control": "no-store"})

    return answer


def counts(jobs: Jobs) -> dict[str, Any]:
    """The overview as plain data."""
    overview = jobs.overview()
    return {name: getattr(overview, name) for name in overview.__dataclass_fields__}
