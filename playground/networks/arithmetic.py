"""Which convolution, and in which precision, on which processor.

Asked by vgg.py before every convolution, and by measure/ for what that will cost. A choice is a rule on shapes and devices,
never a timing, so that the same recipe gives the same bits.
"""

from __future__ import annotations

import torch


def winograd_pays(channels_in: int, channels_out: int, height: int, width: int) -> bool:
    """Whether Winograd beats oneDNN's direct convolution on an image of this shape, forward and backward together.

    A rule measured once (`python -m benchmarks.winograd`), never a timing at run time: the two differ in the last
    bits, so the choice has to be the same on every run of a recipe. With fewer channels the transforms cost more than
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
