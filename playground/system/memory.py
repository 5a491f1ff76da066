"""How much memory there is, how much this process holds and has held, and whether an error means that there is none left.

Called by whoever admits, estimates or reports; it knows nothing of what the memory is for.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil
import torch

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment]

MB = 2**20
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # a container's own


def free_megabytes(device: str = "cpu") -> float:
    """What this process may come to hold now, with what it holds already, in MiB; on CUDA, of the device's memory."""
    if device == "cuda":
        return (torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved()) / MB
    found = [psutil.virtual_memory().available / MB + held_megabytes(device)]
    for limit in _LIMITS:
        with suppress(OSError, ValueError):  # "max" is no number
            found.append(int(Path(limit).read_text()) / MB)
    return min(found)


def held_megabytes(device: str = "cpu") -> float:
    """What this process holds now in MiB; on CUDA, of the device's memory."""
    if device == "cuda":
        return torch.cuda.memory_reserved() / MB
    return psutil.Process().memory_info().rss / MB


def peak_megabytes(device: str = "cpu") -> float:
    """Peak so far in MiB: on CUDA the allocator's, else the resident memory of this process."""
    if device == "cuda":
        return torch.cuda.max_memory_reserved() / MB
    status = Path("/proc/self/status")
    if status.exists():  # Linux: `getrusage` would also count the process that started this one
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(lines["VmHWM"].split()[0]) / 2**10
    if resource is not None:  # macOS, which counts in bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MB
    return psutil.Process().memory_info().peak_wset / MB


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that the device or the machine has no memory left."""
    words = str(error).lower()
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(error, RuntimeError)
        and any(sign in words for sign in ("out of memory", "not enough memory", "allocate memory", "can't allocate"))
    )
