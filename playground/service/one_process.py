"""What one process that paints for many sets up before the first of them comes; jobs.py calls it. Knows no job."""

from __future__ import annotations

from playground.images.load import DECODING, DECODING_MB
from playground.service.limits import Limits
from playground.system.device import return_large_blocks, share_one_heap, take_short_turns
from playground.system.memory import free_megabytes

MEMORY_FRACTION = 0.8  # of what is free when the server starts
DECODING_FRACTION = 1 / 8  # of what there is, for pictures while they are decoded, up to what a large one takes
MAX_RUNS_AT_FULL_SPEED = 4  # with more, memory counts for more than the twentieth of speed that saving it costs


def prepare(limits: Limits, device: str) -> float:
    """Set this process up for many runs beside each other; MiB that they may take."""
    share_one_heap()
    take_short_turns()
    if limits.max_runs > MAX_RUNS_AT_FULL_SPEED:
        return_large_blocks()
    free = free_megabytes(device)
    limit = limits.memory_mb or MEMORY_FRACTION * free
    DECODING.megabytes = min(DECODING_MB, limit * DECODING_FRACTION)
    return limit - DECODING.megabytes if device == "cpu" else limit
