"""Several processes train one network."""

from __future__ import annotations

import multiprocessing
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from playground.feedforward.model import load_model
from playground.feedforward.photos import BUNDLED, Photos
from playground.feedforward.training import Training
from playground.images.load import load_picture
from playground.networks.vgg import Vgg
from tests.helpers.training import STYLE, same, tiny, weights_of

# So large an epsilon makes Adam's step proportional to the gradient; else every rounding would turn some ±rate round.
PLAIN_STEPS: dict[str, Any] = {"steps": 2, "epsilon": 1.0, "learning_rate": 0.02}


def _one_of_two(rank: int, port: int, folder: str) -> None:
    import torch.distributed as dist

    from playground.networks.vgg import load_network

    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    path = Path(folder) / "model.safetensors"
    training = Training(
        load_picture(STYLE), Photos(BUNDLED), tiny(**PLAIN_STEPS), load_network("vgg16-hed", "cpu"), path
    )
    last = list(training.frames())[-1]
    assert last.result is not None
    torch.save([weights_of(training), [point["total"] for point in last.result.curve]], Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_take_the_steps_of_one_with_the_doubled_batch(
    network: Vgg, style: Image.Image, photos: Photos, tmp_path: Path
) -> None:
    alone = Training(style, photos, tiny(**PLAIN_STEPS, batch_size=2), network)
    curve = [point["total"] for point in list(alone.frames())[-1].result.curve]  # type: ignore[union-attr]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_one_of_two, args=(rank, port, str(tmp_path))) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    (first, its_curve), (second, _) = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert same(first, second)
    assert its_curve == pytest.approx(curve, rel=1e-4)
    start = weights_of(Training(style, photos, tiny(), network))
    moved = {name: float((value - start[name]).abs().max()) for name, value in weights_of(alone).items()}
    assert all(moved[name] > 1e-4 for name in moved if name.endswith("norm.weight"))
    for name, value in weights_of(alone).items():
        if name.endswith("second.norm.bias") or (name.endswith("conv.bias") and not name.startswith("out")):
            continue  # a constant that a later normalisation takes out again: its gradient is rounding alone
        assert float((value - first[name]).abs().max()) < 0.02 * moved[name], name
    assert load_model(tmp_path / "model.safetensors").card.steps == 2
