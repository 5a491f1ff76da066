"""What is measured, one function a part, each run in a process of its own: `python -m benchmarks.parts NAME JSON`.

A part takes plain numbers and returns plain data, which the process prints as its last line; progress goes to stderr.
Called by __main__.py.
"""

from __future__ import annotations

import io
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import torch
from PIL import Image

from benchmarks.painting import judge, methods, paint
from benchmarks.pictures import PAIRS, photograph, stretched, style_picture
from benchmarks.reference import CONTENT_LAYER, ReferenceLoop
from playground import load_preset
from playground.engine.frames import Frame
from playground.engine.run import Run
from playground.images.convert import to_tensor
from playground.images.pictures import Pictures
from playground.measure.estimate import estimate, seconds_of_evaluations
from playground.measure.operations import layers_in_use, work_of_evaluation
from playground.measure.pace import SecondsPerOperation
from playground.networks import arithmetic_choice
from playground.networks.arithmetic import available, precision_of
from playground.networks.read import load
from playground.networks.vgg import load_network
from playground.recipe.base import DEFAULT_NETWORK, STYLE_BLOCKS
from playground.recipe.model import Recipe
from playground.service.jobs import Jobs
from playground.system.device import describe_device, processor_name
from playground.system.memory import held_megabytes, peak_megabytes

CHUNK = 150  # evaluations that an accelerator is timed over: it is read some at a time


class Took(float):
    """Seconds of a step, from a call that knows better than the clock around it."""


Timed = Callable[[], object]
"""Takes a step when called; what it returns is looked at where it is a `Took` alone."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def same_recipe(size: int, **changes: Any) -> Recipe:
    """The engine's settings for what the reference loop does."""
    return Recipe(
        size=size, network=DEFAULT_NETWORK, pool="max", padding="zeros", canvas="pixels", scales=1, iterations=100_000,
        optimizer="adam", learning_rate=0.02, arithmetic="auto", clip=True, preview_rate=0.1, variation_weight=0,
        content_layers={CONTENT_LAYER: 1.0}, style_layers=dict.fromkeys(STYLE_BLOCKS, 1.0),
    ).changed(changes)  # fmt: skip


def pictures(width: int, height: int) -> tuple[Image.Image, Image.Image]:
    return stretched(photograph("astronaut"), width, height), stretched(style_picture("swirls"), width, height)


def engine_frames(recipe: Recipe, width: int, height: int, device: str) -> Iterator[Frame]:
    """Frames of a run, the first of which are over: the picture it starts from and one evaluation that warms up."""
    frames = Run(*pictures(width, height), recipe, load_network(recipe.network, device)).frames()
    next(frames)
    next(frames)
    return frames


def engine_step(recipe: Recipe, width: int, height: int, device: str) -> Timed:
    """A step of the engine; on an accelerator one of a whole run of `CHUNK`, without its first."""
    if device == "cpu":
        return partial(next, engine_frames(recipe, width, height, device))

    def chunk() -> Took:
        short = recipe.changed({"iterations": CHUNK})
        run = Run(*pictures(width, height), short, load_network(recipe.network, device))
        result = list(run.frames())[-1].result
        assert result is not None
        return Took(seconds_of_evaluations(result)[0][1])

    return chunk


def medians(variants: dict[str, Timed], rounds: int, seconds: float = math.inf) -> dict[str, float]:
    """Median seconds of a step of each variant; they take turns. Ends after `rounds`, or `seconds` if that is sooner."""
    times: dict[str, list[float]] = {name: [] for name in variants}
    began = time.perf_counter()
    for _ in range(rounds):
        for name, call in variants.items():
            start = time.perf_counter()
            answer = call()
            times[name].append(answer if isinstance(answer, Took) else time.perf_counter() - start)
        if time.perf_counter() - began > seconds:
            break
    return {name: statistics.median(found) for name, found in times.items()}


def machine(device: str) -> dict[str, Any]:
    """What is measured on, and on a CPU which arithmetic was measured to be the fastest there."""
    about = {"processor": processor_name(), "device": describe_device(device), "torch": torch.__version__}
    if device != "cpu":
        return about
    measured = arithmetic_choice.measure()
    return {
        **about,
        "arithmetic": arithmetic_choice.choose("auto").arithmetic,
        "seconds": measured.seconds if measured else {},
    }


# --- steps --------------------------------------------------------------------------------------------------------


def step(sizes: list[int], rounds: int, seconds: float, device: str) -> list[dict[str, Any]]:
    """Seconds of a step of the engine and of the reference loop, and the machine's rate in the same rounds.

    On a CPU also of the engine with every arithmetic that the processor has.
    """
    chosen = arithmetic_choice.choose("auto").arithmetic if device == "cpu" else None
    rows = []
    for size in sizes:
        say(f"steps at {size} px")
        content, style = pictures(size, size)
        reference = ReferenceLoop(to_tensor(content), to_tensor(style), load(DEFAULT_NETWORK), device)
        reference.step()
        engine = engine_step(same_recipe(size), size, size, device)
        others: dict[str, Timed] = {
            name: engine_step(same_recipe(size, arithmetic=name), size, size, device)
            for name in (available() if device == "cpu" else ())
            if name != chosen
        }
        for call in (engine, *others.values()):
            call()
        side = 2048 if device == "cpu" else 8192
        products = matrix_products(side, device)
        found = medians({"engine": engine, "reference": reference.step, **others, **products}, rounds, seconds)
        product = 2 * side**3 / 1e9 / min(found[name] for name in products)
        operations = 2 * sum(one.convolution + one.product for one in layers_in_use(same_recipe(size), (size, size)))
        rows.append({
            "size": size, "arithmetic": chosen,
            "others": {name: found[name] / found["reference"] for name in others},
            "engine": found["engine"], "reference": found["reference"],
            "ratio": found["engine"] / found["reference"],
            "gigaflops": operations / 1e9, "rate": operations / 1e9 / found["engine"], "product_rate": product,
            "share": operations / 1e9 / found["engine"] / product,
        })  # fmt: skip
    return rows


def matrix_products(side: int, device: str) -> dict[str, Timed]:
    """Square matrix products by each library that torch has here; the machine's rate is the fastest one's.

    On an accelerator it is one product in the network's own precision.
    """
    a, b = (torch.rand(side, side, device=device, dtype=precision_of(torch.device(device))) for _ in range(2))
    out = torch.empty_like(a)
    found: dict[str, Timed] = {"torch.mm": lambda: torch.mm(a, b, out=out).flatten()[0].item()}  # waits for it
    if device == "cpu" and torch.backends.mkldnn.is_available():
        found["oneDNN"] = lambda: torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")
    for call in found.values():
        call()
    return found


# --- pictures -----------------------------------------------------------------------------------------------------


def quality(pairs: int, size: int, default_seconds: float, seconds: float, device: str) -> dict[str, Any]:
    """Distances to content and style against seconds, each method on the first `pairs` of pictures."""
    times = [t for t in (0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 8, 12, 20, 30, 45, 60, 90, 120, 180, 240) if t <= seconds]
    curves: dict[str, list[list[dict[str, Any]]]] = {}
    for content_name, style_name in PAIRS[:pairs]:
        content, style = photograph(content_name), style_picture(style_name)
        for method, recipe in methods(size).items():
            say(f"{method}: {content_name} and {style_name}")
            budget = default_seconds if method == "default" else seconds
            _, seen = paint(content, style, recipe, budget, times, device)
            curve = [{"seconds": one.seconds, **judge(content, style, one.picture, size)} for one in seen]
            curves.setdefault(method, []).append(curve)
    return {"size": size, "pairs": [list(pair) for pair in PAIRS[:pairs]], "curves": curves}


# --- memory -------------------------------------------------------------------------------------------------------


def memory(cases: list[tuple[str, int, int]], seconds: float, device: str) -> list[dict[str, Any]]:
    """Peak resident memory, on CUDA its allocator's, each case in a process of its own."""
    rows = []
    for kind, width, height in cases:
        say(f"memory of {kind} at {width}×{height}")
        order = {"kind": kind, "width": width, "height": height}
        rows.append({**order, "megabytes": in_child("peak", {**order, "device": device}, seconds)})
    return rows


def peak(kind: str, width: int, height: int, device: str) -> float | None:
    """Peak memory of this process in MiB after two steps of the engine, the reference, the default, or nothing at all."""
    content, style = pictures(width, height)
    if kind == "reference":
        loop = ReferenceLoop(to_tensor(content), to_tensor(style), load(DEFAULT_NETWORK), device)
        for _ in range(2):
            loop.step()
    elif kind == "weights":
        load_network(DEFAULT_NETWORK, device)
    else:
        size = max(width, height)
        recipe = same_recipe(size) if kind == "engine" else load_preset("default").changed({"size": size})
        stages = 1 if kind == "engine" else recipe.scales
        steps = 2 if device == "cpu" else 4  # after two an accelerator's are recorded
        run = Run(content, style, recipe.changed({"iterations": steps * stages}), load_network(recipe.network, device))
        for _ in run.frames():
            pass
    return peak_megabytes(device)


# --- cost ---------------------------------------------------------------------------------------------------------


def cost(
    sizes: list[int], steps: list[int], step_size: int, rounds: int, seconds: float, device: str
) -> dict[str, Any]:
    """Seconds of a step against pixels; seconds and resident memory of one run against its steps."""
    by_size = []
    for size in sizes:
        say(f"cost at {size} px")
        engine = engine_step(same_recipe(size), size, size, device)
        by_size.append({"size": size, "seconds": medians({"step": engine}, rounds, seconds)["step"]})
    say(f"cost of up to {max(steps)} steps")
    frames = engine_frames(same_recipe(step_size), step_size, step_size, device)
    began, by_steps = time.perf_counter(), []
    for done in range(1, max(steps) + 1):
        next(frames)
        if done in steps:
            by_steps.append(
                {"steps": done, "seconds": time.perf_counter() - began, "megabytes": held_megabytes(device)}
            )
    return {"by_size": by_size, "by_steps": by_steps, "step_size": step_size}


def foresight(size: int, iterations: int, device: str) -> list[dict[str, Any]]:
    """Estimated against measured seconds, by the seconds per operation that one run of the default at half size taught."""
    content, style = photograph("astronaut"), style_picture("swirls")

    def run(recipe: Recipe) -> Any:
        return list(Run(content, style, recipe, load_network(recipe.network, device)).frames())[-1].result

    short = {"iterations": iterations, "seconds": None}
    say("estimate: a run to learn from")
    machine = SecondsPerOperation(0.0)
    first = run(load_preset("default").changed({**short, "size": size // 2}))
    for seen, seconds in seconds_of_evaluations(first):
        machine = machine.observed(work_of_evaluation(first.recipe, seen, device), seen, seconds)
    rows = []
    cases = {
        "default, twice the size": load_preset("default").changed({**short, "size": size}),
        "gatys-adam": load_preset("gatys-adam", DEFAULT_NETWORK).changed({**short, "size": size // 2}),
        "two style layers": same_recipe(size // 2, **short, style_layers={"conv1_1": 1, "conv2_1": 1}),
    }
    for name, recipe in cases.items():
        say(f"estimate: {name}")
        foreseen = estimate(recipe, content.size, style.size, machine, device).seconds
        rows.append({"case": name, "estimated": foreseen, "measured": run(recipe).seconds})
    return rows


# --- the page -----------------------------------------------------------------------------------------------------


def page(size: int, steps: int, rounds: int, device: str) -> dict[str, float]:
    """Seconds of a step in a bare loop, and of one that a worker paints for somebody who watches."""
    content, style = pictures(size, size)
    recipe = same_recipe(size, iterations=steps, preview_rate=2)
    jobs = Jobs(device)
    found: dict[str, list[float]] = {"bare": [], "watched": []}

    def bare() -> float:
        run = Run(content, style, recipe, load_network(recipe.network, device))
        return list(run.frames())[-1].seconds / steps

    def watched() -> float:
        job = jobs.start(Pictures(content, (style,)), recipe, "benchmark", replace=True)
        version, drawn = 0, 0
        while not job.ended:
            version = job.wait(version, 1.0)
            if job.picture is not None and job.picture_version != drawn:
                drawn = job.picture_version
                Image.fromarray(job.picture).save(io.BytesIO(), "JPEG", quality=85)
            json.dumps(job.curve)
        if job.result is None:
            raise RuntimeError(job.error or "the watched run left no result")
        return job.result.seconds / steps

    try:
        for number in range(rounds):
            say(f"page: round {number + 1} of {rounds}")
            with ThreadPoolExecutor(1) as thread:  # as a worker has it: OpenMP waits otherwise in the main thread
                found["bare"].append(thread.submit(bare).result())
            found["watched"].append(watched())
    finally:
        jobs.close()
    middle = {name: statistics.median(values) for name, values in found.items()}
    return {"size": size, **middle, "overhead": middle["watched"] / middle["bare"] - 1}


# --- processes ----------------------------------------------------------------------------------------------------

PARTS: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (machine, step, quality, memory, peak, cost, foresight, page)
}


def in_child(part: str, arguments: dict[str, Any], seconds: float) -> Any:
    """A part's answer, from a process of its own.

    Raises:
        subprocess.SubprocessError: it failed, or took longer than `seconds`.
    """
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.parts", part, json.dumps(arguments)],
        stdout=subprocess.PIPE, text=True, timeout=seconds, check=True,
    )  # fmt: skip
    return json.loads(child.stdout.splitlines()[-1])


if __name__ == "__main__":
    print(json.dumps(PARTS[sys.argv[1]](**json.loads(sys.argv[2]))))
