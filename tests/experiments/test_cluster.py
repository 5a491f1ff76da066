"""Cells on Ray: what is refused without it, and (slow) a real one of two workers, of which one is killed in mid-cell."""

from __future__ import annotations

import os
import signal
import threading
import time

import psutil
import pytest
from PIL import Image

from playground.errors import PlaygroundError
from playground.experiments import cluster
from playground.experiments.experiment import Axis, on_axes
from playground.experiments.results import CellCache, CellResult
from playground.experiments.run_here import run_here
from playground.experiments.sheet import draw_sheet
from playground.networks.vgg import Vgg
from playground.recipe.model import Recipe

PAIR = tuple[Image.Image, Image.Image]
GRID = on_axes(
    Recipe(size=128, scales=1, iterations=24),
    [Axis("init", ("content", "noise")), Axis("style_weight", (0.1, 0.3, 1, 3, 10))],
)


def test_an_engine_and_its_address_are_read_from_one_word() -> None:
    assert cluster.address_of("ray") is None
    assert cluster.address_of("ray:10.0.0.1:6379") == "10.0.0.1:6379"
    for wrong in ("moon", "ray:", "dask:somewhere"):
        with pytest.raises(PlaygroundError, match="cells cannot run on"):
            cluster.address_of(wrong)


def test_without_ray_it_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(PlaygroundError, match=r"pip install style-playground\[ray\]"):
        cluster._ray()


def kill_one_in_mid_cell(killed: list[int]) -> None:
    """End the first worker's process that paints."""
    until = time.monotonic() + 120
    while time.monotonic() < until and not killed:
        for process in psutil.Process().children(recursive=True):
            try:
                if "ray::_paint" in " ".join(process.cmdline()):
                    time.sleep(2.0)  # for the network; a cell of this size takes longer
                    process.send_signal(signal.SIGKILL)
                    killed.append(process.pid)
                    break
            except psutil.Error:
                continue
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's own
@pytest.mark.timeout(400)
def test_a_real_cluster_paints_the_same_bits_though_a_worker_is_killed(network: Vgg, pictures: PAIR) -> None:
    ray = pytest.importorskip("ray")
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        here = {
            work.index: work.result
            for work in run_here(GRID.cells, [pictures], lambda name: network)
            if work.result is not None
        }
        ray.init(
            num_cpus=2, include_dashboard=False, log_to_driver=False, _system_config={"health_check_period_ms": 1000}
        )
        killed: list[int] = []
        killer = threading.Thread(target=kill_one_in_mid_cell, args=(killed,))
        killer.start()
        cache = CellCache()
        found: dict[int, CellResult] = {
            work.index: work.result
            for work in cluster.run_on("ray", GRID.cells, [pictures], cache=cache)
            if work.result is not None
        }
        killer.join(150)
    finally:
        torch.set_num_threads(threads)
        ray.shutdown()
    assert killed
    assert killed[0] != os.getpid()
    assert sorted(found) == sorted(here) == list(range(10))
    for index, cell in found.items():
        assert cell.picture.tobytes() == here[index].picture.tobytes()
        assert cell.losses == here[index].losses
        assert cell.machine == here[index].machine
        assert cell.where
        assert cell.where != "here"
    sheets = [draw_sheet(GRID, {k: cell.picture for k, cell in each.items()}, pictures) for each in (here, found)]
    assert sheets[0].tobytes() == sheets[1].tobytes()
    again = list(cluster.run_on("ray", GRID.cells, [pictures], cache=cache))  # all are kept: no Ray is needed
    assert all(work.result is not None and work.result.cached for work in again)
