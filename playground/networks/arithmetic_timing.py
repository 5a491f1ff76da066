"""Timing a CPU's arithmetics against each other on a machine that may be busy with other things.

Candidates take turns in short rounds, in another order each time, and of each the best pass counts, in seconds that its
thread had a core: waiting for one says nothing of a candidate, and other work only ever adds time. Every round also chooses
by itself; where rounds disagree the machine was not quiet enough, and a later measurement is joined to this one. Called by
arithmetic_choice.py, which keeps the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import get_clock_info, perf_counter, thread_time
from typing import cast

import torch

from playground.networks.arithmetic import ARITHMETICS, Arithmetic, available
from playground.networks.catalogue import CHANNELS, LAYERS, NETWORKS
from playground.networks.read import Weights
from playground.networks.vgg import Vgg

SIDE, DEEPEST = 160, "conv4_2"  # of the pass that is timed: as the middle of a coarse-to-fine run
SECONDS = 2.5  # of all rounds; the one under way then is dropped if there is another
ENOUGH, ROUNDS = 4, 10  # rounds, where they agree, and at most
AGREEING = 0.75  # of the rounds, for a choice that other work has not made
SLACK = 1.1  # of a round's own choice's time: candidates as near as that may take turns in being the fastest
MEASUREMENTS = 5  # at most, one after the other; after the last the choice stands
WINOGRAD_GAIN, BFLOAT16_GAIN = 0.95, 0.8  # of the best float32's time; below, other bits would be for nothing

_clock = thread_time if get_clock_info("thread_time").resolution < 1e-3 else perf_counter

Seconds = dict[Arithmetic, float]


def fastest(seconds: Seconds, single: bool = False) -> Arithmetic:
    """The fastest by more than a little; of those in float32 where `single`."""
    found: Arithmetic = "direct"
    for name, gain in (("winograd", WINOGRAD_GAIN), ("bfloat16", BFLOAT16_GAIN)):
        if name in seconds and not (single and name == "bfloat16"):
            arithmetic = cast("Arithmetic", name)
            if seconds[arithmetic] <= gain * seconds[found]:
                found = arithmetic
    return found


@dataclass(frozen=True)
class Measured:
    """How fast each arithmetic of this machine is.

    Attributes:
        seconds: of a pass there and back, the best of all rounds.
        measurements: how many of them this is the best of.
        agreed: whether the rounds of the last one chose alike.
    """

    seconds: Seconds
    measurements: int = MEASUREMENTS
    agreed: bool = True

    @property
    def final(self) -> bool:
        """Whether nothing is to be gained by measuring again."""
        return self.agreed or self.measurements >= MEASUREMENTS

    def best(self, single: bool = False) -> Arithmetic:
        """As `fastest`."""
        return fastest(self.seconds, single)


def joined(rounds: Sequence[Seconds], before: Measured | None = None) -> Measured:
    """What rounds say, one after the other, together with what was measured at other times.

    Args:
        rounds: seconds of a pass by each arithmetic; at least one round, all with the same arithmetics.
    """
    all_of_them = [*rounds, before.seconds] if before else rounds
    best = {name: min(seconds[name] for seconds in all_of_them) for name in ARITHMETICS if name in rounds[0]}
    agreeing = sum(_agrees(seconds, best) for seconds in rounds)
    agreed = len(rounds) >= ENOUGH and agreeing >= AGREEING * len(rounds)
    return Measured(best, 1 + (before.measurements if before else 0), agreed)


def _agrees(seconds: Seconds, best: Seconds) -> bool:
    """Whether what is chosen by the best passes is not much slower, in this round, than what the round would choose."""
    uses = ((fastest(best, single), fastest(seconds, single)) for single in (False, True))
    return all(seconds[chosen] <= SLACK * seconds[own] for chosen, own in uses)


def timed(interrupted: Callable[[], bool], before: Measured | None = None) -> Measured | None:
    """Measure for at most `SECONDS` and a pass; None where interrupted, which is asked before each pass."""
    network = Vgg(_random_weights())
    picture = torch.rand((1, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(1))
    rounds: list[Seconds] = []
    names, began = available(), perf_counter()
    for number in range(ROUNDS + 1):
        times: Seconds = {}
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            if interrupted():
                return None
            if rounds and perf_counter() - began > SECONDS:
                return joined(rounds, before)
            times[name] = _pass(network.configured("max", False, "zeros", "auto", name), picture)
        if number == 1:  # the round before laid out kernels, and counts only where there was time for no other
            rounds.clear()
        rounds.append(times)
        if len(rounds) >= ENOUGH and (found := joined(rounds, before)).agreed:
            return found
    return joined(rounds, before)


def _pass(network: Vgg, picture: torch.Tensor) -> float:
    """Seconds on a core from a picture to the middle of a network and back; its thread takes part in all of it."""
    with torch.enable_grad(), torch.inference_mode(False):
        image = picture.clone().requires_grad_(True)
        began = _clock()
        torch.autograd.grad(network(image, [DEEPEST])[DEEPEST].sum(), image)
        return _clock() - began


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
