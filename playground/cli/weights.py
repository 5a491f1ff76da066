"""`weights`: says which networks are on this machine, and fetches one.

Called by app.py. Where networks come from and how they are verified is known to playground/networks alone.
"""

from __future__ import annotations

from typing import Annotated

import typer

from playground.recipe.base import DEFAULT_NETWORK
from playground.system.progress import progress_on_stderr


def list_weights(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A network's name, or a file.", show_default=False)
    ] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help=f"Download it (without NAME: {DEFAULT_NETWORK}).")] = False,
) -> None:
    """Say which networks are on this machine, and fetch one."""
    from playground.networks import catalogue, read
    from playground.networks.fetch import fetch as fetch_network
    from playground.networks.network_facts import known

    if fetch:
        with progress_on_stderr() as report:
            path = fetch_network(name or DEFAULT_NETWORK, report)
        print(f"{name or DEFAULT_NETWORK} is here: {path}")
        return
    if name is not None and name not in catalogue.NETWORKS and name not in catalogue.HELPERS:
        network = read.describe(name)
        print(f"{name}: {network.architecture}, {network.convention} convention, {network.megabytes:.0f} MB")
        if doubt := known(name).doubt():
            print(f"{doubt}.")
        return
    for status in [*catalogue.status(), *catalogue.helper_status()]:
        if name in (None, status.name):
            print(f"{status.name:<18} {status.path}" if status.present else f"{status.name:<18} {status.hint}")
