"""The page's layout in the language of whoever opens it.

Gradio 6.31 lays a page out once and serves the same description to everybody; `gr.I18n` translates it in the browser, for
some properties and one sentence a value. Here the description itself is served in the reader's language. page.py builds the
page as these Blocks, and says which language that is and what its sentences are.
"""

from __future__ import annotations

from typing import Any

import gradio as gr


class SpokenBlocks(gr.Blocks):
    """`gr.Blocks` whose `config` is in the language of the request that is being answered."""

    def language(self) -> str:
        """Of the request that is being answered."""
        raise NotImplementedError

    def localised(self, described: Any, spoken: str) -> Any:
        """A copy of a description, plain data, in a language."""
        raise NotImplementedError

    _laid_out: Any = None
    _spoken: dict[str, Any]

    @property
    def config(self) -> Any:
        """The layout as gradio describes it, without marks."""
        spoken = self.language()
        if spoken not in self._spoken:
            self._spoken[spoken] = self.localised(self._laid_out, spoken)
        return self._spoken[spoken]

    @config.setter
    def config(self, described: Any) -> None:
        self._laid_out, self._spoken = described, {}
