"""How fast this machine is: seconds per operation by size of picture, first from a probe, then from runs.

Called by estimate.py; kept in one small file, pace.json, beside the networks. It must not know recipes or runs.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass, field, replace
from functools import cache

import torch
import torch.nn.functional as F

from playground.measure.operations import Size, Work
from playground.networks.catalogue import home
from playground.system.device import describe_device, processor_name
from playground.system.files import keep, read_kept

logger = logging.getLogger(__name__)
FIXED_UNITS = 1.1e10  # of work at any size, fitted to 128 to 768 px: kernels and small maps keep the machine less busy
BUSY_FROM = 4  # threads; of fewer, fewer wait meanwhile, and one alone never does
PROBED_RATIO = 0.7  # time an operation of whole evaluations takes, over one of the convolution in the probe
GUESSED_RATIO = {"bfloat16": 0.25}  # of an operation's time over the same in float32
PACE_FILE = "pace.json"


@dataclass(frozen=True)
class SecondsPerOperation:
    """How fast a machine is: seconds per 10⁹ operations (units of work), by size of picture.

    Attributes:
        guess: where no size was measured.
        by_size: by class of size, the rounded binary logarithm of the pixels; from runs that have ended.
        fixed: units on top of the work of any size.
    """

    guess: float
    by_size: dict[int, float] = field(default_factory=dict)
    fixed: float = FIXED_UNITS

    def at(self, size: Size) -> float:
        """Seconds per 10⁹ operations between the two nearest sizes that were measured, or at the nearest."""
        wanted = math.log2(size[0] * size[1])
        classes = sorted(self.by_size)
        if not classes:
            return self.guess
        below = max((c for c in classes if c <= wanted), default=classes[0])
        above = min((c for c in classes if c >= wanted), default=classes[-1])
        part = (wanted - below) / (above - below) if above > below else 0.0
        return self.by_size[below] * (1 - part) + self.by_size[above] * part

    def seconds(self, work: Work, size: Size) -> float:
        """How long one evaluation of `work` takes."""
        return work.seconds + (work.units + self.fixed) / 1e9 * self.at(size)

    def observed(self, work: Work, size: Size, seconds: float) -> SecondsPerOperation:
        """With one measured evaluation more: the first of its class as it is, later ones half way towards it."""
        key = round(math.log2(size[0] * size[1]))
        new = max(seconds - work.seconds, seconds / 10) / ((work.units + self.fixed) / 1e9)
        return replace(self, by_size={**self.by_size, key: (self.by_size.get(key, new) + new) / 2})


known: dict[str, SecondsPerOperation] = {}
"""By machine and device, since this process began."""
_lock = threading.Lock()


def seconds_per_operation_on(device: str = "cpu", arithmetic: str = "winograd") -> SecondsPerOperation:
    """What is known of this machine: from runs in this process or before it, else from a probe of a tenth of a second.

    Args:
        arithmetic: that the network is computed in, settled; of no account but on a CPU.
    """
    name = pace_name(device, arithmetic)
    with _lock:
        if name not in known:
            by_size = _stored().get(name)
            faster = GUESSED_RATIO.get(arithmetic, 1.0) if device == "cpu" else 1.0
            guess = 0.0 if by_size else faster * probe(device)
            known[name] = SecondsPerOperation(guess, by_size or {}, fixed_units(device))
        return known[name]


def fixed_units(device: str) -> float:
    """Units of work that any size takes on top: on a CPU what leaves threads idle, so that it grows with their number."""
    return FIXED_UNITS * min(1.0, (torch.get_num_threads() - 1) / (BUSY_FROM - 1)) if device == "cpu" else FIXED_UNITS


def remember(machine: SecondsPerOperation, device: str = "cpu", arithmetic: str = "winograd") -> None:
    """Take over what was learnt of this machine, and keep it for the next start of the program."""
    with _lock:
        known[pace_name(device, arithmetic)] = machine
        _store(pace_name(device, arithmetic), machine.by_size)


@torch.no_grad()
def probe(device: str = "cpu") -> float:
    """Seconds for 10⁹ units of work, from a convolution like those of the network's middle, the best of three."""
    x = torch.ones(1, 256, 64, 64, device=device).contiguous(memory_format=torch.channels_last)
    kernel = torch.ones(256, 256, 3, 3, device=device).contiguous(memory_format=torch.channels_last)
    best = math.inf
    for _ in range(4):  # the first warms up and is never the best
        began = time.perf_counter()
        F.conv2d(x, kernel, padding=1).flatten()[0].item()  # waits for the device
        best = min(best, time.perf_counter() - began)
    return PROBED_RATIO * best / (2 * 9 * 256 * 256 * 64 * 64 / 1e9)


@cache
def machine_name(device: str) -> str:
    return f"{describe_device(device)}, {processor_name()}"


def pace_name(device: str, arithmetic: str) -> str:
    """Under what a pace is kept: each arithmetic of a CPU has its own."""
    return machine_name(device) + (f", {arithmetic}" if device == "cpu" and arithmetic != "winograd" else "")


def _stored() -> dict[str, dict[int, float]]:
    """What is in the file, by machine and device; empty where there is none that can be read."""
    try:
        return {
            name: {int(key): float(value) for key, value in by_size.items() if 0 < float(value) < math.inf}
            for name, by_size in read_kept(home() / PACE_FILE).items()
        }
    except (ValueError, AttributeError, TypeError):
        return {}


def _store(name: str, by_size: dict[int, float]) -> None:
    """Write the file anew, whole or not at all; a home that cannot be written only forgets."""
    try:
        keep(home() / PACE_FILE, {**_stored(), name: by_size}, durable=False)
    except OSError as error:
        logger.info("the pace of this machine could not be kept: %s", error)
