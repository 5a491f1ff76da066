"""The networks of a server: which may be used, those on their way to this machine, and those read into its memory.

jobs.py asks before it takes a run in, worker.py waits for a network that is still coming. It knows no job.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from pathlib import PurePath
from typing import TypeVar

from playground.errors import PlaygroundError
from playground.networks import catalogue, fetch
from playground.networks.any_painting import load_any_painting
from playground.networks.network_facts import KnownNetwork, known
from playground.networks.own_files import name_files
from playground.networks.vgg import Vgg, load_network
from playground.recipe.base import DEFAULT_NETWORK, BaseRecipe

logger = logging.getLogger(__name__)
Settings = TypeVar("Settings", bound=BaseRecipe)


class Download:
    """A network on its way to this machine: `sentence` and `fraction` (0 to 1, None if unknown) say how far it is."""

    def __init__(self, network: str) -> None:
        self.network = network
        self.sentence = f"Fetching {network}"
        self.fraction: float | None = None
        self.error: PlaygroundError | None = None
        self.over = threading.Event()


class Downloads:
    """The networks of a server.

    Args:
        networks: files that may be used beside the known ones.
        device: to read them onto.
        read: whether this process works with them itself, so that the first run need not read what was fetched.

    Attributes:
        networks: every name that a recipe may give; a file goes by its name (networks/own_files.py).
    """

    def __init__(self, networks: Iterable[str], device: str, *, read: bool = True) -> None:
        self._own = name_files(networks, catalogue.NETWORKS)
        self.networks = (*catalogue.NETWORKS, *self._own)
        self._latest: dict[str, Download] = {}
        self._device, self._read = device, read
        self._starting, self._reading = threading.Lock(), threading.Lock()

    def check(self, network: str) -> None:
        """Refuse a network that cannot be used; the default one is fetched where it is missing, and the run waits.

        Raises:
            PlaygroundError: it is none of this server's, or neither here nor on its way.
        """
        self._check_name(network)
        if catalogue.is_available(network):
            return
        if network == DEFAULT_NETWORK:
            self.fetch(network)
        elif network not in self._latest or self._latest[network].over.is_set():
            hint = next((line.hint for line in catalogue.status() if line.name == network), "")
            raise PlaygroundError(hint or f"The network {network} is not on this machine.")

    def look(self, network: str) -> KnownNetwork:
        """What is known of one of this server's networks; no other file is ever opened.

        Raises:
            PlaygroundError: it is none of this server's, or a file that cannot be used.
        """
        network = self.named(network)
        self._check_name(network)
        return known(network)

    def named(self, network: str) -> str:
        """What a network is called here; recipes of earlier versions name a server's file by its path."""
        parts = PurePath(network).parts
        tails = ("/".join(parts[-count:]) for count in range(1, len(parts) + 1))
        return network if network in self.networks else next((tail for tail in tails if tail in self._own), network)

    def ours(self, recipe: Settings) -> Settings:
        """A recipe with its network as it is called here."""
        name = self.named(recipe.network)
        return recipe if name == recipe.network else recipe.changed({"network": name})

    def checked(self, recipe: Settings) -> Settings:
        """A recipe as `ours` gives it, refused as `check` does."""
        recipe = self.ours(recipe)
        self.check(recipe.network)
        return recipe

    def _check_name(self, network: str) -> None:
        if network not in self.networks:
            raise PlaygroundError(f"This server paints with {', '.join(self.networks)} only, not with {network!r}.")

    def get(self, network: str) -> Download | None:
        """The latest download of a network, over or not; None where there was none."""
        return self._latest.get(network)

    def fetch(self, network: str) -> Download:
        """Fetch a network in the background, if need be; everybody who asks meanwhile gets the same download."""
        with self._starting:
            download = self._latest.get(network)
            if download is None or download.over.is_set():
                download = self._latest[network] = Download(network)
                threading.Thread(target=self._fetch, args=(download,), name=f"fetch {network}", daemon=True).start()
            return download

    def _fetch(self, download: Download) -> None:
        def report(sentence: str, fraction: float | None) -> None:
            download.sentence, download.fraction = sentence, fraction

        try:
            fetch.fetch(download.network, report)
            report(f"Reading {download.network}", None)
            if self._read and download.network == catalogue.ANY_PAINTING:
                load_any_painting(self._device)  # so that the first light of the first run is as quick as any
            elif self._read:
                self.read(download.network)
        except PlaygroundError as error:
            download.error = error
        except Exception:
            logger.exception("fetching %s failed", download.network)
            download.error = PlaygroundError(f"{download.network} could not be fetched; the server's log says why.")
        finally:
            download.over.set()

    def here(self, network: str) -> Vgg:
        """A network for work in this process.

        Raises:
            PlaygroundError: as for `check`, or it is still on its way.
        """
        self.check(network)
        if not catalogue.is_available(network):
            raise PlaygroundError(f"The network {network} is still on its way here: try again when it has arrived.")
        return self.read(network)

    def read(self, network: str) -> Vgg:
        """A network that is on this machine, read once."""
        with self._reading:  # two runs must not read the same network twice
            return load_network(network, self._device)
