"""What axe finds on a page that keeps somebody out; used by the tests of the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.visitor import Visitor

axe = pytest.importorskip("axe_playwright_python")
AXE = (Path(axe.__file__).parent / "axe.min.js").read_text("utf-8")


def serious(visitor: Visitor) -> list[str]:
    """What axe finds that is serious or critical: the rule and where. The visitor's context must bypass the page's CSP."""
    visitor.page.wait_for_timeout(600)
    visitor.page.evaluate(AXE)
    found = visitor.page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{each['id']}: {node['target']}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
