"""Gradio's script is served once more as it is, but for the parts whose progress is hidden."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.testclient import TestClient

from playground.web.gradio_patches.hidden_progress import scripts
from playground.web.gradio_patches.served_scripts import texts


def test_the_script_leaves_out_whose_progress_is_hidden_and_changes_nothing_else() -> None:
    (route,) = scripts()
    served = TestClient(Starlette(routes=[route])).get(route.path)
    assert served.headers["content-type"].startswith("text/javascript")
    added = '.filter(([,status])=>status.show_progress!=="hidden")'
    assert served.text.count(added) == 1
    assert served.text.replace(added, "") == texts("*.js")[route.path.rsplit("/", 1)[1]]
