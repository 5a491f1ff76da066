"""Whose page is open: what every tab's state begins with, and what a browser says of itself.

A browser keeps a person's secret for all its tabs, and in each tab the id of the run that it showed last (page.js). Read
by the tabs that find a person's work again; knows neither runs nor components.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field

SECRET = re.compile(r"[\w-]{20,64}", re.ASCII)


@dataclass
class Visit:
    """Who has a page open; what every tab's state begins with."""

    visitor: str = field(default="", kw_only=True)

    def who(self) -> str:
        """A name that only this page knows, or, once the browser has told its own, only this person's pages."""
        self.visitor = self.visitor or secrets.token_urlsafe(16)
        return self.visitor


@dataclass(frozen=True)
class BrowserTold:
    """What a browser says of itself when a page is opened.

    Attributes:
        person: a secret that all pages of this browser share; empty where it is none.
        run: the id of the run that this tab showed last.
        elsewhere: whether the tab has followed a link since then.
        key: the teacher's, perhaps.
    """

    person: str = ""
    run: str = ""
    elsewhere: bool = False
    key: str = ""


def told(text: object) -> BrowserTold:
    """Read what the browser says; whatever cannot be right counts as nothing."""
    try:
        data = json.loads(text) if isinstance(text, str) and len(text) < 2000 else {}
    except (ValueError, RecursionError):
        data = {}
    if not isinstance(data, dict):
        return BrowserTold()
    person, run, key = (value if isinstance(value := data.get(name), str) else "" for name in ("person", "run", "key"))
    return BrowserTold(person if SECRET.fullmatch(person) else "", run, data.get("elsewhere") is True, key)
