"""How a server is, in numbers: what `/health` and `/admin` show, and nothing of what anybody paints."""

from __future__ import annotations

from dataclasses import dataclass

from playground.service.admission import Admission
from playground.service.registry import Registry
from playground.system.memory import held_megabytes


@dataclass(frozen=True)
class Overview:
    """How a server is, for everybody to see: numbers only.

    Attributes:
        device: "cuda", "mps" or "cpu".
        people: open pages.
        runs: that are painted, `paused` ones among them.
        waiting: runs without a slot.
        memory_mb: that this process holds now, on an accelerator of its memory; None where it is unknown.
        memory_limit_mb: that runs are admitted up to.
    """

    device: str
    people: int
    runs: int
    paused: int
    waiting: int
    trainings: int
    memory_mb: float | None
    memory_limit_mb: float | None


def look_over(device: str, people: int, admission: Admission, registry: Registry) -> Overview:
    """How a server is now; with the lock over both held."""
    runs = [job for job in admission.admitted if job.counts_as_run]
    return Overview(
        device=device,
        people=people,
        runs=len(runs),
        paused=sum(job.state == "paused" for job in runs),
        waiting=len(admission.waiting),
        trainings=sum(not job.counts_as_run for job in registry.going_on()),
        memory_mb=held_megabytes(admission.device),
        memory_limit_mb=admission.memory_limit_mb,
    )
