"""Where matplotlib is not installed, that is found out once.

Gradio 6.31 tries to import it at every event, and a failed import searches all folders of packages each time. Called before
gradio is imported, by environment.py; must not import gradio itself.
"""

from __future__ import annotations

import importlib.util
import sys


def remember_that_matplotlib_is_missing() -> None:
    """Let every later import of matplotlib fail at once, if it would fail anyway."""
    if importlib.util.find_spec("matplotlib") is None:
        sys.modules["matplotlib"] = None  # type: ignore[assignment]
