"""The networks that a server paints with, as the choices of a control.

Called by the Studio and the Train a style tab. Downloads nothing, and knows no recipe.
"""

from __future__ import annotations

from playground.networks import catalogue
from playground.service.jobs import Jobs
from playground.web.words import say


def network_choices(jobs: Jobs) -> list[tuple[str, str]]:
    """The networks this server paints with, each saying whether it is here."""
    here = catalogue.is_available
    return [(name if here(name) else say("network.not_here", network=name), name) for name in jobs.networks]
