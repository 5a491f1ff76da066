"""A part whose progress is hidden is not told of it.

Gradio 6.31's page passes every status of every event on to all parts that were ever an event's input or output, and
looks each up by walking through the whole page; with a few hundred parts and four updates a second that takes a third of
the browser's time, for progress that is never shown. Its script is served with those parts left out. The server adds the
route; the page hides the progress of all its events, and must: a part with both kinds could keep what it showed last.
"""

from __future__ import annotations

from starlette.routing import Route

from playground.web.gradio_patches.served_scripts import replaced

TELLS_ALL = "update_loading_stati_state(){await Promise.all(Object.entries(this.loading_stati.current)"
TELLS_THE_SHOWN = f'{TELLS_ALL}.filter(([,status])=>status.show_progress!=="hidden")'


def scripts() -> list[Route]:
    """The routes that stand before gradio's own; none where its script tells parts in another way."""
    return replaced("Blocks-*.js", {TELLS_ALL: TELLS_THE_SHOWN})
