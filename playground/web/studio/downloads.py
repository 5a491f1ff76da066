"""Downloading the network that is offered, from the page: how far it is, and the recipe it was wanted for.

Wired by the Studio tab. The download itself is the server's, and goes on without the page.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import gradio as gr

from playground.recipe.base import DEFAULT_NETWORK
from playground.web.components.messages import NOTHING, Updates, fault, message, progress
from playground.web.components.networks import network_choices
from playground.web.studio.network_offer import offer
from playground.web.studio.session import Session
from playground.web.studio.settings_panel import SettingsPanel
from playground.web.words import say


class NetworkDownloads:
    """Handlers of the download buttons."""

    def __init__(self, panel: SettingsPanel) -> None:
        self.panel = panel

    async def fetch(self, session: Session) -> AsyncIterator[Updates]:
        """Download the network that is offered, saying how far it is; then show the recipe it was wanted for."""
        wanted, parts = session.wanted_network, self.panel.parts
        yield NOTHING
        if not wanted:
            return
        place = "banner-note" if wanted == DEFAULT_NETWORK else "network-note"
        waiting = gr.Button(say("network.downloading"), interactive=False)
        download = self.panel.jobs.downloads.fetch(wanted)
        yield {parts["network-button"]: waiting, parts["banner-button"]: waiting}
        said = ""
        while not download.over.is_set():
            if download.sentence != said:
                said = download.sentence
                yield {parts[place]: progress(said, download.fraction)}
            await asyncio.sleep(0.3)
        if download.error:
            yield {**offer(parts, session), parts[place]: message(fault(download.error))}
            return
        intended, session.wanted_network, session.intended = session.intended, "", None
        shown = offer(parts, session)
        if intended is not None:
            shown = self.panel.fill(session, self.panel.show, session, intended, say("network.arrived", network=wanted))
            yield {
                **shown,
                parts["set-network"]: gr.Dropdown(network_choices(self.panel.jobs), value=session.base.network),
            }
        else:
            yield {**shown, parts["set-network"]: gr.Dropdown(choices=network_choices(self.panel.jobs))}

    async def arriving(self, session: Session) -> AsyncIterator[Updates]:
        """Follow the default network's download, where it is on its way while the page opens."""
        yield NOTHING
        download = self.panel.jobs.downloads.get(DEFAULT_NETWORK)
        if session.wanted_network == DEFAULT_NETWORK and download is not None and not download.over.is_set():
            async for updates in self.fetch(session):
                yield updates
