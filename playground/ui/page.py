"""The whole page: its heading and its tabs, and what `launch` needs to dress it.

app.py calls `build_page` and launches what it returns with `LAUNCH`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from playground.jobs import Jobs
from playground.ui.api import add_api
from playground.ui.studio import build_studio
from playground.ui.theme import theme

HERE = Path(__file__).parent
TITLE = "Style Playground"
HEADING = """<header class="masthead"><h1>Style Playground</h1>
<p>Choose a photo and a painting, press Run, and watch the one being repainted after the other. Settings marked <i>live</i> act while it runs.</p>
<p class="keys"><kbd>R</kbd> run <kbd>P</kbd> pause <kbd>S</kbd> stop</p></header>"""
LAUNCH: dict[str, Any] = {
    "theme": theme(),
    "css_paths": [HERE / "style.css"],
    "head": f"<script>{(HERE / 'page.js').read_text('utf-8')}</script>",
    "footer_links": ["api", "settings"],
    "run_history": False,
    "max_file_size": "64mb",
}
"""How the page is launched: `demo.launch(**LAUNCH, ...)`."""
KEEP_FILES = (600, 4 * 3600)  # gradio prunes its files every ten minutes, four hours after they were made


def build_page(jobs: Jobs) -> gr.Blocks:
    """The page for a server's runs."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=KEEP_FILES) as page:
        gr.HTML(HEADING, apply_default_css=False)
        build_studio(jobs)
        add_api(jobs)
    return page
