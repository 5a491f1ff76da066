"""The page's own description compressed: gradio sends its files small, but the page itself as it is, twelve times as large.

Only what holds no secret of a person: the page and its layout. Streams and pictures pass untouched.
"""

from __future__ import annotations

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

PATHS = ("/", "/config", "/theme.css")


class CompressedPage:
    """ASGI middleware that compresses the page, its layout and its theme for whoever can read that."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.compressed = app, GZipMiddleware(app, minimum_size=2000, compresslevel=6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = scope["type"] == "http" and scope["path"] in PATHS
        await (self.compressed if page else self.app)(scope, receive, send)
