"""What a process does with memory that it has freed, and how long one of its threads keeps Python."""

from __future__ import annotations

import platform
import sys

import psutil
import pytest

from playground.system.device import return_freed_memory, take_short_turns


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other systems have allocators of their own")
def test_what_was_freed_below_what_stays_goes_back_to_the_system() -> None:
    def megabytes() -> float:
        return psutil.Process().memory_info().rss / 2**20

    return_freed_memory()  # of other tests, in which the blocks would find room
    before = megabytes()
    blocks = [b"x" * 60_000 for _ in range(4000)]
    full = megabytes() - before
    assert full > 100
    stay = blocks[::40] + blocks[-1:]  # the last one above everything before it
    blocks.clear()
    kept = megabytes() - before
    assert kept > 0.8 * full, "the allocator alone keeps it"
    return_freed_memory()
    assert megabytes() - before < 0.2 * full
    assert len(stay) == 101


def test_a_server_takes_python_from_whoever_has_it_a_tenth_of_a_millisecond_after_another_asks() -> None:
    before = sys.getswitchinterval()
    try:
        take_short_turns.__wrapped__()
        assert sys.getswitchinterval() == pytest.approx(1e-4)
    finally:
        sys.setswitchinterval(before)
