"""The state of the Instant styles tab on one open page, and the bounds of what it paints.

Read by the tab and its handlers. Knows no component and paints nothing.
"""

from __future__ import annotations

import re
import threading
import weakref
from dataclasses import dataclass, field

from PIL import Image

from playground.errors import PlaygroundError
from playground.feedforward.apply import OnePass, Stylized
from playground.feedforward.model import Model, load_model, shipped_styles
from playground.networks.transformer import TransformerNet
from playground.service.tasks import Task
from playground.web.visit import Visit
from playground.web.words import say

MAX_SIDE = 4096  # long side that may be asked for
OPENED_MB = 1000.0  # of models that people have opened, on all pages together
MAX_OWN = 4  # models a page keeps besides the shipped ones


@dataclass(frozen=True, eq=False)
class Chosen:
    """A style to be painted in: a trained network, or a painting for the network that knows any."""

    title: str
    source: Model | Image.Image
    weight: float = 1.0


@dataclass
class Easel(Visit):
    """The state of the tab on one open page."""

    own: dict[str, Model] = field(default_factory=dict)
    style: str = ""
    stylizer: OnePass | None = None
    stylized: Stylized | None = None  # at its own size
    shown: Stylized | None = None  # as the page shows it
    chosen: list[Chosen] = field(default_factory=list)
    """The styles that are painted in, blended by their weights."""
    takes: int = 0  # how often styles were taken, by which two of one title are told apart
    strokes: float = 1.0  # how large they are
    made_of: tuple[str, int, str | None, float | None, float] | None = None
    stem: str = "painted"
    task: Task | None = None

    def names(self) -> list[str]:
        """Every style that can be picked, in the gallery's order."""
        return [*shipped_styles(), *self.own]

    def model(self, name: str) -> Model:
        return self.own[name] if name in self.own else load_model(name)

    def add(self, model: Model) -> str:
        """Take a model over under a name of its own, dropping the oldest when there are too many."""
        name, number = model.card.title[:60], 1
        while name in self.names():
            number += 1
            name = f"{model.card.title[:60]} {number}"
        self.own = dict([*self.own.items(), (name, model)][-MAX_OWN:])
        return name


class OpenedModels:
    """The memory that all models together take which people have opened, on every page that is not forgotten yet.

    Args:
        megabytes: MiB at most.
    """

    def __init__(self, megabytes: float) -> None:
        self._limit = megabytes * 2**20
        self._lock, self._networks = threading.Lock(), weakref.WeakSet[TransformerNet]()

    def admit(self, model: Model) -> None:
        """Count a model for as long as anybody holds its network.

        Raises:
            PlaygroundError: there is no room for it.
        """
        with self._lock:
            if sum(map(_bytes_of, self._networks)) + _bytes_of(model.network) > self._limit:
                raise PlaygroundError(say("instant.no_room"))
            self._networks.add(model.network)


def _bytes_of(network: TransformerNet) -> int:
    """Of its weights as they are, and made ready to paint."""
    return 2 * sum(value.numel() * value.element_size() for value in network.parameters())


def check_sides(content: Image.Image) -> None:
    if min(content.size) < 8:
        raise PlaygroundError(say("instant.too_narrow"))


def plain(text: str) -> str:
    """A part of a file's name from any text."""
    return re.sub(r"[^\w-]+", "_", text)[:60] or "painted"
