"""Which arithmetic a run is computed in on this machine's CPU: what is asked for, what is recorded, what was measured.

Processors want opposite things, so candidates are timed once, for two seconds, and the choice is kept beside the
networks under the processor, torch's version and the number of threads: the same machine gives the same bits. Called by
engine/, feedforward/, measure/ and whoever starts runs.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar, cast

import torch

from playground.errors import PlaygroundError
from playground.networks.arithmetic import ARITHMETICS, IN_WORDS, Arithmetic, available
from playground.networks.catalogue import CHANNELS, LAYERS, NETWORKS, home
from playground.networks.read import Weights
from playground.networks.vgg import Vgg
from playground.recipe.base import BaseRecipe
from playground.system.device import processor_name
from playground.system.files import keep, read_kept

VARIABLE = "PLAYGROUND_ARITHMETIC"
FILE = "arithmetic.json"
UNTIL_MEASURED: Arithmetic = "direct"
SIDE, DEEPEST = 160, "conv4_2"  # of the pass that is timed: as the middle of a coarse-to-fine run
SECONDS, ROUNDS = 1.5, 5  # no round begins after so long
WINOGRAD_GAIN, BFLOAT16_GAIN = 0.95, 0.8  # of the best float32's time; below, other bits would be for nothing

logger = logging.getLogger(__name__)
Settings = TypeVar("Settings", bound=BaseRecipe)
_measuring = threading.Lock()
_unkept: dict[str, Measured] = {}  # where the folder cannot be written


@dataclass(frozen=True)
class Measured:
    """Seconds of a pass there and back by each arithmetic of this machine, the best of a few."""

    seconds: dict[Arithmetic, float]

    def best(self, single: bool = False) -> Arithmetic:
        """The fastest by more than a little; of those in float32 where `single`."""
        found: Arithmetic = "direct"
        for name, gain in (("winograd", WINOGRAD_GAIN), ("bfloat16", BFLOAT16_GAIN)):
            if name in self.seconds and not (single and name == "bfloat16"):
                arithmetic = cast("Arithmetic", name)
                if self.seconds[arithmetic] <= gain * self.seconds[found]:
                    found = arithmetic
        return found


@dataclass(frozen=True)
class Choice:
    """What a run is computed in, and what to tell where it is not what was asked for."""

    arithmetic: Arithmetic
    note: str | None = None


def choose(recorded: str, precision: str = "auto") -> Choice:
    """The arithmetic of a run on this machine's CPU: the variable's, else the recipe's, else the measured one.

    Args:
        recorded: of the recipe: "auto", or what it was painted in.
        precision: of the recipe; "float32" leaves bfloat16 out.

    Raises:
        PlaygroundError: the variable holds no arithmetic.
    """
    here = [name for name in available() if precision == "auto" or name != "bfloat16"]
    notes: list[str] = []
    found: Arithmetic | None = None
    for asked, whose in ((override(), f"{VARIABLE} asks for"), (recorded, "the recipe was painted with")):
        if asked in here:
            found = cast("Arithmetic", asked)
            break
        if asked != "auto":
            lacking = "this processor does not have" if asked not in available() else "float32 precision leaves out"
            notes.append(f"{whose} {IN_WORDS[asked]}, which {lacking}")
    if found is None:
        measured = kept()
        found = measured.best(single=precision != "auto") if measured else UNTIL_MEASURED
    if not notes:
        return Choice(found)
    return Choice(found, f"{'; '.join(notes)}: {IN_WORDS[found]} instead, so that the picture differs a little")


def settled(recipe: Settings, device: str) -> tuple[Settings, str | None]:
    """A recipe that states what this machine's CPU will compute in, and what to tell about it; elsewhere as it is.

    Raises:
        PlaygroundError: as for `choose`.
    """
    if device != "cpu":
        return recipe, None
    found = choose(recipe.arithmetic, recipe.precision)
    return recipe.model_copy(update={"arithmetic": found.arithmetic}), found.note


def override() -> str:
    """What the variable asks for; "auto" where it is not set.

    Raises:
        PlaygroundError: it holds no arithmetic.
    """
    asked = os.environ.get(VARIABLE, "").strip() or "auto"
    if asked not in (*ARITHMETICS, "auto"):
        raise PlaygroundError(f"{VARIABLE} is {asked!r}: it must be one of auto, {', '.join(ARITHMETICS)}")
    return asked


def wants_measuring(recorded: str) -> bool:
    """Whether a run with this recorded arithmetic depends on what is not measured yet."""
    return recorded == "auto" and override() == "auto" and kept() is None


# ---- what is kept ---------------------------------------------------------------------------------------------------


def machine() -> str:
    """What a measurement holds for."""
    parts = (_processor(), *(["bfloat16"] if "bfloat16" in available() else []))
    return f"{', '.join(parts)}, torch {torch.__version__}, {torch.get_num_threads()} threads"


@cache
def _processor() -> str:
    return processor_name()


def kept() -> Measured | None:
    """What was measured on this machine before; None where nothing was, or it cannot be read."""
    here = machine()
    seconds = _unkept[here].seconds if here in _unkept else read_kept(home() / FILE).get(here)
    if not isinstance(seconds, dict) or set(seconds) != set(available()):
        return None
    if not all(isinstance(value, float) and 0 < value < math.inf for value in seconds.values()):
        return None
    return Measured(cast("dict[Arithmetic, float]", seconds))


def keep_measured(found: Measured) -> None:
    """Remember what was measured, beside what other machines have in the same file."""
    path = home() / FILE
    try:
        keep(path, {**read_kept(path), machine(): found.seconds})
    except OSError as error:
        logger.warning("which arithmetic is the fastest here cannot be kept (%s), and is measured anew", error)
        _unkept[machine()] = found


# ---- measuring ------------------------------------------------------------------------------------------------------


def measure(interrupted: Callable[[], bool] = lambda: False) -> Measured | None:
    """Time every arithmetic of this machine and keep the result; at once where that was done before.

    Args:
        interrupted: asked before each pass; when it says so the measurement ends with nothing.
    """
    with _measuring:
        if (before := kept()) is not None:
            return before
        found = _timed(interrupted)
        if found is not None:
            keep_measured(found)
        return found


def _timed(interrupted: Callable[[], bool]) -> Measured | None:
    network = Vgg(_random_weights())
    picture = torch.rand((1, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(1))
    best = dict.fromkeys(available(), math.inf)
    began = time.perf_counter()
    for number in range(ROUNDS + 1):  # the first lays out kernels, and counts only where there is time for no other
        if number and time.perf_counter() - began > SECONDS:
            break
        times: dict[Arithmetic, float] = {}
        for arithmetic in best:
            if interrupted():
                return None
            times[arithmetic] = _pass(network.configured("max", False, "zeros", "auto", arithmetic), picture)
        best = times if number <= 1 else {name: min(best[name], times[name]) for name in best}
    return Measured(best)


def _pass(network: Vgg, picture: torch.Tensor) -> float:
    """Seconds from a picture to the middle of a network and back."""
    with torch.enable_grad(), torch.inference_mode(False):
        image = picture.clone().requires_grad_(True)
        began = time.perf_counter()
        torch.autograd.grad(network(image, [DEEPEST])[DEEPEST].sum(), image)
        return time.perf_counter() - began


def _random_weights() -> Weights:
    """Kernels that keep maps about as strong as they come in; how long a product takes does not depend on its values."""
    generator, inputs = torch.Generator().manual_seed(0), 3
    tensors: dict[str, torch.Tensor] = {}
    network = NETWORKS["vgg16-hed"]
    for layer in LAYERS[network.architecture]:
        outputs = CHANNELS[layer] if layer[4] < "5" else 1  # never reached
        kernel = torch.randn(outputs, inputs, 3, 3, generator=generator) * (2 / (9 * inputs)) ** 0.5
        tensors |= {f"{layer}.weight": kernel, f"{layer}.bias": torch.zeros(outputs)}
        inputs = outputs
    return Weights(network, tensors, "")
