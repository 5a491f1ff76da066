"""Running an experiment on a Ray cluster, or on one started here: a task a cell, tried again where a node dies.

Called by the command line. Ray is an optional extra; nothing else imports it. A cell's task records and uses the threads and
arithmetic of whoever asks, so that the same kind of processor gives the same bits; where it is another kind, that is said.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from playground.engine.control import Control, MemoryControl
from playground.errors import PlaygroundError
from playground.experiments.experiment import Cell
from playground.experiments.results import CellCache, CellResult, Machine, this_machine
from playground.experiments.run_here import CellWork, Pair, run_here, works
from playground.networks.catalogue import is_available
from playground.networks.fetch import fetch
from playground.networks.vgg import load_network
from playground.recipe.model import Recipe

TRIES = 4  # of a cell whose node or process dies
LOOK_SECONDS = 0.5
GPU_SHARE = 0.25  # of a GPU that a cell takes: a small picture leaves most of one idle
PASSED_ON = ("PLAYGROUND_ARITHMETIC", "PLAYGROUND_HOME", "OMP_NUM_THREADS")


def address_of(on: str) -> str | None:
    """The cluster's address in `ray:ADDRESS`; None for plain `ray`, which starts one here.

    Raises:
        PlaygroundError: it names no engine that is known.
    """
    engine, colon, address = on.partition(":")
    if engine != "ray" or (colon and not address):
        raise PlaygroundError(f"cells cannot run on {on!r}: write --on ray, or --on ray:ADDRESS")
    return address or None


def run_on(
    on: str, cells: Sequence[Cell], pairs: Sequence[Pair], *, device: str = "cpu", control: Control | None = None,
    cache: CellCache | None = None, fresh: bool = False, tell: Callable[[str], None] | None = None,
) -> Iterator[CellWork]:  # fmt: skip
    """Run cells on a cluster and yield each when it is done, as `run_here` does. Ends early when `control` is stopped.

    Args:
        on: "ray" or "ray:ADDRESS".
        tell: told how long Ray's start took.

    Raises:
        PlaygroundError: Ray is not installed or cannot be reached, or a cell cannot be painted.
    """
    address = address_of(on)
    ray = _ray()
    control, cache = control or MemoryControl(), cache or CellCache()
    machine = this_machine(device)
    todo = works(cells, pairs, lambda name: load_network(name, device), machine)
    missing = []
    for work in todo:
        found = None if fresh else cache.get(work.key)
        if found is None:
            missing.append(work)
            continue
        work.result, work.done, work.curve = found, 1.0, found.curve
        yield work
    if not missing:
        return
    started = time.perf_counter()
    ours = _connect(ray, address)
    if tell is not None:
        tell(f"Ray was ready after {time.perf_counter() - started:.1f} s")
    try:
        for work in _results(ray, missing, machine, control):
            assert work.result is not None
            if work.result.machine.processor != machine.processor:
                other = f"painted on another processor, {work.result.machine.processor}: its last bits may differ"
                work.result.notes.append(other)
            else:
                cache.put(work.key, work.result)
            yield work
    finally:
        if ours:
            ray.shutdown()


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise PlaygroundError("Ray is not installed: run `pip install style-playground[ray]`") from None
    return ray


def _connect(ray: Any, address: str | None) -> bool:
    """Join a cluster, or start one on this machine; whether it was not joined before.

    Raises:
        PlaygroundError: there is none at the address.
    """
    if ray.is_initialized():
        return False
    quiet = {"log_to_driver": False, "logging_level": "error", "configure_logging": False}
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    try:
        if address is None:
            logging.getLogger("ray._private.authentication").setLevel(logging.ERROR)  # a key of its own is no news
            ray.init(include_dashboard=False, runtime_env={"env_vars": passed} if passed else None, **quiet)
        else:
            ray.init(address=address, **quiet)
    except Exception as error:  # each version has other classes for it
        where = address or "this machine"
        raise PlaygroundError(f"Ray cannot be reached at {where} ({str(error).splitlines()[0][:200]})") from None
    return True


def _results(ray: Any, missing: Sequence[CellWork], machine: Machine, control: Control) -> Iterator[CellWork]:
    """Cells as they come in."""
    gpus = GPU_SHARE if machine.device == "cuda" else 0
    # A node with fewer processors than threads does it more slowly, to the same bits; asked for more, it would wait for ever.
    most = max((node["Resources"].get("CPU", 1) for node in ray.nodes() if node["Alive"]), default=1)
    task = ray.remote(num_cpus=min(machine.threads, most), num_gpus=gpus, max_retries=TRIES - 1)(_paint)
    pictures = {id(pair): ray.put(pair) for pair in {id(work.pair): work.pair for work in missing}.values()}
    running = {
        task.remote(work.cell.recipe.model_dump(mode="json"), pictures[id(work.pair)], vars(machine)): work
        for work in missing
    }
    while running:
        if control.read().stopped:
            for reference in running:
                ray.cancel(reference, force=True)
            return
        ready, _ = ray.wait(list(running), timeout=LOOK_SECONDS)
        for reference in ready:
            work = running.pop(reference)
            try:
                plain = ray.get(reference)
            except Exception as error:
                text = str(getattr(error, "cause", None) or error).strip().splitlines()[-1]
                raise PlaygroundError(f"the cell {', '.join(work.cell.labels)} was not painted: {text[:300]}") from None
            data = {**plain, "machine": Machine(**plain["machine"]), "recipe": Recipe.model_validate(plain["recipe"])}
            work.result = CellResult(**data)
            work.done, work.curve = 1.0, work.result.curve
            yield work


def _paint(recipe: Mapping[str, Any], pair: Pair, machine: Mapping[str, Any]) -> dict[str, Any]:
    """One cell, in a process of the cluster's: the network is fetched there once, threads are those that were recorded."""
    import platform

    torch.set_num_threads(machine["threads"])
    device, cell = machine["device"], Cell({}, Recipe.model_validate(recipe), ())
    if not is_available(cell.recipe.network):
        fetch(cell.recipe.network)
    network = load_network(cell.recipe.network, device)
    for work in run_here([cell], [pair], lambda name: network, device=device):
        result = work.result
    assert result is not None
    plain = {**result.plain(), "picture": result.picture, "recipe": result.recipe.model_dump(mode="json")}
    return {**plain, "where": platform.node()}
