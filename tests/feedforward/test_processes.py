"""Several processes train one network."""

from __future__ import annotations

import multiprocessing
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


def _one_of_two(rank: int, folder: str) -> None:
    import torch.distributed as dist

    from playground.networks.vgg import load_network

    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    try:
        path, network = Path(folder) / "model.safetensors", load_network("vgg16-hed", "cpu")
        training = Training(load_picture(STYLE), Photos(BUNDLED), tiny(**PLAIN_STEPS), network, path)
        last = list(training.frames())[-1]
        assert last.result is not None
        curve = [point["total"] for point in last.result.curve]
        torch.save([weights_of(training), curve], Path(folder) / f"{rank}.pt")
    finally:
        dist.destroy_process_group()


def test_two_processes_take_the_steps_of_one_with_the_doubled_batch(
    network: Vgg, style: Image.Image, photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the two is this process."""
    alone = Training(style, photos, tiny(**PLAIN_STEPS, batch_size=2), network)
    curve = [point["total"] for point in list(alone.frames())[-1].result.curve]  # type: ignore[union-attr]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MASTER_PORT", str(free.getsockname()[1]))
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    threads = torch.get_num_threads()
    other = multiprocessing.get_context("spawn").Process(target=_one_of_two, args=(1, str(tmp_path)), daemon=True)
    other.start()
    _one_of_two(0, str(tmp_path))
    torch.set_num_threads(threads)
    other.join(120)
    assert other.exitcode == 0
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
