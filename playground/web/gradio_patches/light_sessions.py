"""A page's session keeps no copy of what the page looks like.

Gradio 6.31 makes one for every session, from every component, and follows every update with it, to be able to make links to
a page as it stands, which this server does not offer: a twentieth of a second of everybody's event loop and half a megabyte
a page, for anybody who names a new session. Called once while the page is built.
"""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

from gradio import route_utils, state_holder
from gradio.blocks import Blocks
from gradio.components import State
from gradio.state_holder import SessionState


class _Nothing(dict[int, Any]):
    """Takes everything and keeps nothing."""

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: int) -> dict[str, Any]:
        return {}

    def __setitem__(self, key: int, value: Any) -> None:
        pass


class LightSession(SessionState):
    """A session with its states, and with the components that it has changed."""

    def __init__(self, blocks: Blocks) -> None:
        super().__init__(SimpleNamespace(default_config=blocks.default_config, blocks={}))  # type: ignore[arg-type]
        self.config_values = _Nothing()

    def __setitem__(self, key: int, value: Any) -> None:
        if isinstance(self.blocks_config.blocks.get(key), State):
            super().__setitem__(key, value)
        else:
            self.blocks_config.blocks[key] = value

    def _update_config(self, key: int) -> None:
        pass


@cache
def keep_sessions_light() -> None:
    """From now on let every new session be a light one."""
    state_holder.SessionState = route_utils.SessionState = LightSession  # type: ignore[misc]
