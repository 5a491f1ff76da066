"""What a preset's numbers depend on, of a network: which it is, its architecture, its convention, how strong it is.

Called by whoever puts a recipe on a network, and handed down to playground/recipe, which knows no file. Nothing is measured
before it is asked for.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from playground.networks.catalogue import NETWORKS, SHA256, WeightsError, find, locate
from playground.networks.convention_evidence import trained_in
from playground.networks.read import describe_file, load
from playground.networks.strength import Strengths, measured, strengths_of
from playground.recipe.adapted_numbers import ITS_OWN_KERNELS, Factors

logger = logging.getLogger(__name__)

FIRST_LAYER = "conv1_1"
BETWEEN = 36.0  # mean square of the first layer between those of the two conventions: 1.0 and 1100 on `vgg16-hed`


@dataclass(frozen=True)
class KnownNetwork:
    """A network that a recipe names, as `playground.recipe.adapted_numbers.Look` wants it.

    Attributes:
        name: as the recipe states it: a name or a file.
        identity: the published network that it is, also where it is a file of it; else its name.
        kind: architecture and input convention.
    """

    name: str
    identity: str
    kind: tuple[str, str]

    def factors(self, source: str) -> Factors:
        """By layer: mean square on the source's network over that on this one, with four digits.

        Where the source's own network is on this machine, both are measured. Else the source's convention is given to the
        kernels of this file, which is as near as one comes without the source's. A silent layer has the factor 1.

        Raises:
            WeightsError: this network is not here, or cannot be used.
        """
        ours = _strengths(self.name)[self.kind[1]]
        theirs, against = self._of_source(source)
        return Factors(
            {
                layer: float(f"{theirs[layer] / ours[layer]:.4g}") if ours[layer] > 0 and theirs[layer] > 0 else 1.0
                for layer in ours.keys() & theirs.keys()
            },
            against,
        )

    def _of_source(self, source: str) -> tuple[dict[str, float], str]:
        convention = NETWORKS[source].convention
        if find(source) is not None:
            try:
                return _strengths(source)[convention], source
            except WeightsError as error:
                logger.warning("the source's network is not measured: %s", error)
        return _strengths(self.name)[convention], ITS_OWN_KERNELS

    def doubt(self) -> str:
        """A sentence where what the network gives contradicts the convention that its file was taken for, else "".

        Colours and biases tell in which it was trained (convention_evidence.py), however a file's layers are rescaled.
        Maps of quite another strength than the convention's are said too: they are no sign of another input, but a
        source's weights depend on them. A published file is known by its hash, and right.

        Raises:
            WeightsError: this network is not here, or cannot be used.
        """
        if self.identity in SHA256:
            return ""
        told = self.kind[1]
        other = "torch" if told == "caffe" else "caffe"
        state = _state_of(self.name)
        strength, trained, told_by = _answers(*state)
        file = state[1].name
        if trained == other and self.name in NETWORKS:
            return (
                f"{file} lies here as {self.name}, and answers as if trained in the other convention, so that it would paint "
                f"with the wrong numbers: give it a name of its own, and put the file of {self.name} in its place"
            )
        if trained == other:
            return (
                f"{file} is taken for a network in {told}'s convention, and answers as if trained in the other, so that it "
                f"would paint with the wrong numbers: if it was, {_remedy(told_by, told, other)}"
            )
        if (strength > BETWEEN) != (told == "caffe"):
            return (
                f"{file} is a network in {told}'s convention, yet its first layer answers with {strength**0.5:.2g} where "
                f"about {35 if told == 'caffe' else 1} is usual: a source's numbers may not fit it"
            )
        return ""


def known(name: str) -> KnownNetwork:
    """What is known of a network by name or file; a file is read, once.

    Raises:
        WeightsError: neither a name nor a file that can be used.
    """
    if name in NETWORKS:
        network = NETWORKS[name]
        return KnownNetwork(name, name, (network.architecture, network.convention))
    network, digest = describe_file(name)
    published = next((it for it, begins in SHA256.items() if digest.startswith(begins)), name)
    return KnownNetwork(name, published, (network.architecture, network.convention))


def _remedy(told_by: str, told: str, other: str) -> str:
    """What makes a file be taken for the other convention, as the end of a sentence."""
    if told_by == "metadata":
        return f"correct the convention in its metadata, which counts more than its name, to {other}"
    if told_by == "name":
        return f"put the word {other} into its name in place of {told}"
    return f"put the word {other} into its name, apart from other letters and digits"


def _strengths(name: str) -> Strengths:
    """Of a network that is here, measured once for every state of its file."""
    return _all_layers(*_state_of(name))


def _state_of(name: str) -> tuple[str, Path, int, int]:
    """A network's name, its file, and the file's size and time of change."""
    path = locate(name)
    stamp = path.stat()
    return name, path, stamp.st_size, stamp.st_mtime_ns


@lru_cache(maxsize=16)
def _all_layers(name: str, _path: Path, _size: int, _changed: int) -> Strengths:
    return strengths_of(load(name))


@lru_cache(maxsize=16)
def _answers(name: str, _path: Path, _size: int, _changed: int) -> tuple[float, str, str]:
    """Mean square of the first layer in the file's own convention, the one it was trained in, and what told its own."""
    weights = load(name)
    return measured(weights, 1)[weights.network.convention][FIRST_LAYER], trained_in(weights), weights.told_by
