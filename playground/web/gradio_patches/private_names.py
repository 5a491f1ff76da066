"""What gradio 6.31 has no public name for: files in a component's cache, the page under construction, an event's data.

Nothing is changed here. Components and handlers ask these functions, so that a new gradio is met in one place.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context, LocalContext
from gradio.processing_utils import save_bytes_to_cache, save_file_to_cache
from gradio.utils import get_upload_folder
from starlette.requests import HTTPConnection


def served_bytes(data: bytes, name: str, component: gr.components.Component) -> str:
    """Put a file where `component` may offer it for download; its path."""
    return save_bytes_to_cache(data, name, component.GRADIO_CACHE)


def served_file(path: Path, component: gr.components.Component) -> str:
    """Put a copy of a file where `component` may offer it for download; its path."""
    return save_file_to_cache(path, component.GRADIO_CACHE)


def kept_file(path: Path) -> str:
    """Put a copy of a file of ours where any picture box may show it; its path, the same every time."""
    kept = save_file_to_cache(path, get_upload_folder())
    Path(kept).chmod(0o600)  # as all else that lies there, whatever the file's own mode is
    return kept


def page_under_construction() -> gr.Blocks:
    """The Blocks inside which components are being made, for the events of the page itself."""
    page = Context.root_block
    assert page is not None, "no page is being built"
    return page


def event_value(event: gr.EventData, name: str) -> Any:
    """What a script of the page sent along with an event, by name; None where it sent no such thing."""
    data = event._data
    return data.get(name) if isinstance(data, dict) else None


def kept_files(page: gr.Blocks) -> set[str]:
    """Paths in the cache that belong to the page's own components, such as its samples."""
    return {path for block in page.blocks.values() for path in getattr(block, "keep_in_cache", ())}


def current_event() -> tuple[MutableMapping[str, Any] | None, str]:
    """The ASGI scope of the request that set the current handler going, and its session; None outside of handlers."""
    request = LocalContext.request.get(None)
    if request is None or request.request is None:
        return None, ""
    return request.request.scope, request.session_hash or ""


def logged_in(scope: MutableMapping[str, Any]) -> bool:
    """Whether a request may pass the login, or there is none; gradio itself does not ask at every address."""
    app, cookies = scope["app"], HTTPConnection(scope).cookies
    if getattr(app, "auth", None) is None:
        return True
    given = (cookies.get(f"access-token{kind}-{app.cookie_id}") for kind in ("", "-unsecure"))
    return any(token in app.tokens for token in given if token)


def session_of_call(scope: MutableMapping[str, Any], event: str) -> str:
    """The session that an event of the queue belongs to, given the scope of any request; else the event's own name."""
    known = scope["app"].get_blocks()._queue.event_ids_to_events.get(event)
    return known.session_hash if known is not None else event
