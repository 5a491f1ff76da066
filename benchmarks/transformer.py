"""How fast a trained network paints, against a plain forward pass of the same network: `python -m benchmarks.transformer`.

Both paths run alternately in one process, and each size keeps its best time, so that what else the machine does falls
on both alike. Plain means: contiguous memory, eager, every layer as the network's definition has it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import torch
from torch import Tensor

from playground.feedforward.apply import Stylizer
from playground.feedforward.model import Model, ModelCard
from playground.networks.normalisation import TorchConvention
from playground.networks.transformer import new_network
from playground.system.device import describe_device, pick_device


def best_times(paths: dict[str, Callable[[], Tensor]], rounds: int, device: str) -> dict[str, float]:
    """Seconds of the fastest of `rounds` calls of each path, taken in turn, after one that is not counted."""
    best = dict.fromkeys(paths, float("inf"))
    for number in range(rounds + 1):
        for name, path in paths.items():
            started = time.perf_counter()
            path()
            if device == "cuda":
                torch.cuda.synchronize()
            if number:
                best[name] = min(best[name], time.perf_counter() - started)
    return best


def measure(width: int, blocks: int, size: int, rounds: int, device: str) -> dict[str, float]:
    """Seconds of both paths, their ratio, and the largest difference between their pictures in [0, 1]."""
    network = new_network(width, blocks, 0).eval().requires_grad_(False).to(device)
    stylizer, convention = Stylizer(Model(network, ModelCard()), device), TorchConvention(device)
    content = torch.rand(1, 3, size, size, device=device)

    @torch.inference_mode()
    def plain() -> Tensor:
        return convention.of(network(convention.to(content))).clamp_(0, 1)

    difference = float((plain() - stylizer(content, tile=size)).abs().max())
    times = best_times({"plain": plain, "fast": lambda: stylizer(content, tile=size)}, rounds, device)
    return {**times, "ratio": times["fast"] / times["plain"], "difference": difference}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 16])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    device = pick_device(options.device)
    rows = [
        {"width": width, "size": size, **measure(width, 5, size, options.rounds, device)}
        for width in options.widths
        for size in options.sizes
    ]
    if options.json:
        print(json.dumps({"device": describe_device(device), "torch": torch.__version__, "rows": rows}))
        return
    print(f"{describe_device(device)}, torch {torch.__version__}")
    print("width   size   plain s    fast s   fast/plain   largest difference")
    for row in rows:
        print(
            f"{row['width']:>5} {row['size']:>6} {row['plain']:>9.3f} {row['fast']:>9.3f} {row['ratio']:>12.2f} "
            f"{row['difference']:>20.1e}"
        )


if __name__ == "__main__":
    main()
