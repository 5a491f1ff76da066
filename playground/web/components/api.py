"""What the endpoints for programs share. Called by api.py and instant/api.py; it says its sentences in English alone."""

from __future__ import annotations

from typing import Any

from playground.errors import PlaygroundError


def upload_path(file: Any, name: str) -> str:
    """Where an uploaded file lies; gradio has checked that it was uploaded.

    Raises:
        PlaygroundError: there is none.
    """
    path = file.get("path") if isinstance(file, dict) else None
    if not isinstance(path, str) or not path:
        raise PlaygroundError(f"{name[0].upper()}{name[1:]} is missing: upload one.")
    return path
