"""The page's layout in the language of whoever opens it.

Gradio 6.31 lays a page out once and serves the same description to everybody; `gr.I18n` translates it in the browser, for
some properties and one sentence a value. Here the description itself is served in the reader's language: the marks that
words/ leaves while the page is laid out become sentences. page.py builds the page as these Blocks.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground.web import words


class SpokenBlocks(gr.Blocks):
    """`gr.Blocks` whose `config` is in the language of the request that is being answered."""

    _laid_out: Any = None
    _spoken: dict[str, Any]

    @property
    def config(self) -> Any:
        """The layout as gradio describes it, without marks."""
        spoken = words.language()
        if spoken not in self._spoken:
            self._spoken[spoken] = words.localised(self._laid_out, spoken)
        return self._spoken[spoken]

    @config.setter
    def config(self, described: Any) -> None:
        self._laid_out, self._spoken = described, {}
