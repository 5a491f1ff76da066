"""Which convolution, and in which precision, on which processor: the rules.

Asked by vgg.py before every convolution, and by measure/ for what that will cost. Which of a CPU's arithmetics a run uses
is arithmetic_choice.py's to say; here nothing depends on a timing, so that the same recipe gives the same bits.
"""

from __future__ import annotations

from functools import cache
from typing import Literal, get_args

import torch

from playground.networks.convolution import has_onednn

Arithmetic = Literal["direct", "winograd", "bfloat16"]
ARITHMETICS: tuple[Arithmetic, ...] = get_args(Arithmetic)
IN_WORDS = {
    "direct": "direct convolution in float32",
    "winograd": "Winograd's convolution in float32",
    "bfloat16": "maps in bfloat16",
}


@cache
def processor_has_bfloat16() -> bool:
    """Whether the processor itself multiplies in bfloat16 (AMX or AVX512-BF16); without it, it is slower than float32."""
    tests = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return has_onednn() and any(getattr(torch.cpu, name, bool)() for name in tests)


def available() -> tuple[Arithmetic, ...]:
    """The arithmetics of this machine's CPU."""
    return tuple(name for name in ARITHMETICS if name != "bfloat16" or processor_has_bfloat16())


def winograd_pays(channels_in: int, channels_out: int, height: int, width: int) -> bool:
    """Whether Winograd beats oneDNN's direct convolution on an image of this shape, forward and backward together.

    A rule measured once (`python -m benchmarks.winograd`): the two differ in the last bits, so within the arithmetic
    called winograd the choice has to be the same on every run of a recipe. With fewer channels the transforms cost more than
    the products save; below 2²⁶ (512 channels at 16², 256 at 32², 128 at 64²) what is saved is less than the calls.
    """
    return min(channels_in, channels_out) >= 128 and channels_in * channels_out * height * width >= 2**26


def precision_of(device: torch.device) -> torch.dtype:
    """bfloat16 on CUDA where the processor itself has it, else float32.

    Its 8 bits of mantissa are lost in the sums over positions; its exponents are those of float32, so that no gradient
    vanishes. In float16 the losses came out wrong: it has too few exponents for networks in caffe's convention.
    """
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float32
