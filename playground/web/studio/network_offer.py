"""Networks that are not on this machine: which are offered for download, where, and in which words.

Called whenever a recipe is shown or a network is chosen. Downloads nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from playground.networks import catalogue
from playground.recipe.base import DEFAULT_NETWORK
from playground.web.components.messages import Updates, message
from playground.web.studio.session import Session
from playground.web.words import say

OFFERS = ("network-note", "network-button", "banner", "banner-note", "banner-button")
"""Where a network that is not on this machine is offered."""


def offer(parts: Mapping[str, Any], session: Session) -> Updates:
    """The line and the button that offer a network which is not on this machine."""
    wanted = session.wanted_network
    label = say("network.download")
    if wanted:
        label = say("network.download_of", network=wanted, megabytes=f"{catalogue.NETWORKS[wanted].megabytes:.0f}")
    first, other = wanted == DEFAULT_NETWORK, wanted not in ("", DEFAULT_NETWORK)
    missing = say("network.missing_first", network=wanted)
    fetched = not wanted or catalogue.NETWORKS[wanted].fetched
    how = (
        say("network.how_download")
        if fetched
        else say("network.how_file", network=wanted, folder=catalogue.home_in_words())
    )
    instead = say("network.missing", network=wanted, how=how)
    if not fetched:
        instead = say("network.file_missing", network=wanted, how=how, other=DEFAULT_NETWORK)
    if session.intended is not None:
        instead = say("network.made_for", network=wanted, how=how, other=DEFAULT_NETWORK)
    return {
        parts["banner"]: gr.Row(visible=first),
        parts["banner-note"]: message(missing, "note") if first else "",
        parts["banner-button"]: gr.Button(label, interactive=True),
        parts["network-note"]: message(instead, "note") if other else "",
        parts["network-button"]: gr.Button(label, visible=other and fetched, interactive=True),
    }
