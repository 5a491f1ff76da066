"""Which device to work on, in what words, and how its memory and threads are used.

Called by the API, the command line, measure/ and service/. Knows nothing of what is worked on.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from functools import cache
from pathlib import Path

import torch

from playground.errors import PlaygroundError

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # of glibc's malloc.h
DEVICES = ("auto", "cuda", "mps", "cpu")


def pick_device(name: str = "auto") -> str:
    """The device to paint on: "auto" takes cuda, then mps, then cpu.

    Raises:
        PlaygroundError: an unknown device, or one this machine does not have.
    """
    if name not in DEVICES:
        raise PlaygroundError(f"there is no device called {name!r}; choose one of {', '.join(DEVICES)}")
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(name for name in DEVICES if there.get(name))
    if not there[name]:
        raise PlaygroundError(f"this machine has no {name} device that PyTorch can use; choose auto or cpu")
    return name


def describe_device(device: str) -> str:
    """A device in words, such as "NVIDIA H100" or "CPU (2 threads)"."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    if device == "mps":
        return "Apple GPU"
    threads = torch.get_num_threads()
    return "CPU (1 thread)" if threads == 1 else f"CPU ({threads} threads)"


def processor_name() -> str:
    """The processor's own name where the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@cache
def return_large_blocks() -> None:
    """From now on have glibc hand every freed block from 4 MB back to the system.

    By default it keeps blocks of up to 32 MB for reuse, which costs a run of a megapixel a quarter of its memory; below
    that size the page faults saved are worth more. Does nothing on other systems.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 4 * 2**20)


@cache
def take_short_turns() -> None:
    """From now on have no thread keep Python's interpreter from another for more than a tenth of a millisecond.

    By default it is fifty times as long, and a painter asks for the interpreter after each of its many operations: it
    would stand still for as long as the page has something to work out.
    """
    sys.setswitchinterval(0.0001)


@cache
def share_one_heap() -> None:
    """From now on have glibc serve new threads from one heap, so that what one frees the next can use.

    By default up to eight heaps a core grow apart, each as large as an evaluation. Does nothing on other systems.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def return_freed_memory() -> None:
    """Have glibc hand every whole page that nothing stands on back to the system, in the midst of its heap too.

    By itself it does so at the heap's end only, above which one small block may stand for hours. Takes some twenty
    milliseconds where hundreds of megabytes were freed, else a fraction of one. Does nothing on other systems.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
