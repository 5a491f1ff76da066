"""Which tests stay in one process when several share them; used by tests/conftest.py."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parents[2]


@cache
def together(file: str) -> str:
    """What the tests of a file share a process with: each other, and with a browser all others that have one.

    (xdist's own groups, `--dist loadgroup`, are lost with pytest 9.2.)
    """
    return "browser" if "tests.helpers.visitor" in (ROOT / file).read_text("utf-8") else file


class Sharing(LoadScopeScheduling):
    """A file's tests stay together, for what they set up; one browser at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid.partition("::")[0])
