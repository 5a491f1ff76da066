"""Which arithmetic a run is computed in on this machine's CPU: what is asked for, what is recorded, what was measured.

Processors want opposite things, so candidates are timed (arithmetic_timing.py) and the choice is kept beside the networks
under the processor, torch's version and the number of threads: the same machine gives the same bits. Only where other
work stood in the way is it measured again, at a later start. Called by engine/, feedforward/, measure/ and whoever starts runs.
"""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from typing import TypeVar, cast

import torch

from playground.errors import PlaygroundError
from playground.networks.arithmetic import ARITHMETICS, IN_WORDS, Arithmetic, available
from playground.networks.arithmetic_timing import Measured, timed
from playground.networks.catalogue import home
from playground.recipe.base import BaseRecipe
from playground.system.device import processor_name
from playground.system.files import keep, read_kept

VARIABLE = "PLAYGROUND_ARITHMETIC"
FILE = "arithmetic.json"
UNTIL_MEASURED: Arithmetic = "direct"

logger = logging.getLogger(__name__)
Settings = TypeVar("Settings", bound=BaseRecipe)
_measuring = threading.Lock()
_unkept: dict[str, Measured] = {}  # where the folder cannot be written


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
    """Whether a run with this recorded arithmetic depends on what is not measured yet, or was while the machine was busy."""
    return recorded == "auto" and override() == "auto" and not is_known()


def is_known() -> bool:
    """Whether the fastest arithmetic of this machine stands."""
    measured = kept()
    return measured is not None and measured.final


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
    return _unkept[here] if here in _unkept else _read(read_kept(home() / FILE).get(here))


def _read(entry: object) -> Measured | None:
    """An entry of the file; one of seconds alone, as was kept once, is good until it is measured again."""
    if not isinstance(entry, dict):
        return None
    whole = {"measurements": 1, "agreed": False, **(entry if "seconds" in entry else {"seconds": entry})}
    seconds, measurements, agreed = whole["seconds"], whole["measurements"], whole["agreed"]
    if not isinstance(seconds, dict) or set(seconds) != set(available()):
        return None
    if not all(isinstance(value, float) and 0 < value < math.inf for value in seconds.values()):
        return None
    if not isinstance(measurements, int) or not isinstance(agreed, bool):
        return None
    return Measured(cast("dict[Arithmetic, float]", seconds), measurements, agreed)


def keep_measured(found: Measured) -> None:
    """Remember what was measured, beside what other machines have in the same file."""
    path = home() / FILE
    try:
        keep(path, {**read_kept(path), machine(): asdict(found)})
    except OSError as error:
        logger.warning("which arithmetic is the fastest here cannot be kept (%s), and is measured anew", error)
        _unkept[machine()] = found


def measure(interrupted: Callable[[], bool] = lambda: False) -> Measured | None:
    """Time every arithmetic of this machine and keep the result; at once where that was done before on a quiet machine.

    Args:
        interrupted: asked before each pass; when it says so the measurement ends with nothing.
    """
    with _measuring:
        before = kept()
        if before is not None and before.final:
            return before
        found = timed(interrupted, before)
        if found is not None:
            keep_measured(found)
        return found
