"""Which tests stay in one process when several share them; used by tests/conftest.py."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parents[2]


APART = {
    "browser": "tests.helpers.visitor",
    "onnx": "onnx",
}  # one browser at a time; onnx is imported once, for seconds
PACKAGES = ("tests/web/hostile",)  # with one server for all of their files


@cache
def together(file: str) -> str:
    """What the tests of a file share a process with: each other, and those of every file that names the same of `APART`.

    (xdist's own groups, `--dist loadgroup`, are lost with pytest 9.2.)
    """
    for package in PACKAGES:
        if file.startswith(f"{package}/"):
            return package
    text = (ROOT / file).read_text("utf-8")
    return next((group for group, mention in APART.items() if mention in text), file)


class Sharing(LoadScopeScheduling):
    """A file's tests stay together, for what they set up."""

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid.partition("::")[0])
