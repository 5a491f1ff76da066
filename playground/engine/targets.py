"""What a network finds in a content image or a style image, remembered for the next run with the same one.

Called by losses.py. Knows no recipe and no run.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor

from playground.engine.statistics import StyleStatistic
from playground.engine.strips import observe
from playground.networks.vgg import Vgg

KEEP_BYTES = 48 * 2**20  # of targets for later runs; those of one run at 512 px take about 10 MB

Observation = tuple[dict[str, Tensor], dict[str, StyleStatistic]]
kept: OrderedDict[tuple[Any, ...], Observation] = OrderedDict()
_seen_lock = threading.Lock()


@torch.no_grad()
def targets(network: Vgg, picture: Tensor, content: Collection[str], style: Collection[str]) -> Observation:
    """`observe` for a picture that does not change, maps as computed; the last few are kept, so that the next run with the
    same picture, size and layers need not look again.
    """
    pixels = picture.detach().cpu().contiguous().numpy()
    key = (
        id(network.kernels), network.arithmetic, network.pool, network.pool_rescale, network.padding, tuple(content), tuple(style),
        pixels.shape, hashlib.blake2b(pixels.data).digest(),
    )  # fmt: skip
    with _seen_lock:
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
    found = observe(network, picture, content, style, as_computed=True)
    with _seen_lock:
        kept[key] = found
        while len(kept) > 1 and sum(map(_bytes, kept.values())) > KEEP_BYTES:
            kept.popitem(last=False)
        if _bytes(found) > KEEP_BYTES:
            del kept[key]
    return found


def _bytes(found: Observation) -> int:
    maps, statistics = found
    summed = sum(value.gram.nbytes + value.sums.nbytes for value in statistics.values())
    return summed + sum(value.nbytes for value in maps.values())
