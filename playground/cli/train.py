"""`train`: teaches a feed-forward network one style, to be used by `apply`; alone or as one of torchrun's processes.

Called by app.py. The training itself is playground/feedforward's; here stand the options, the processes, and what is
printed.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from playground.cli.common import (
    check_file_path,
    explained_lack_of_memory,
    known_network,
    losses_in_words,
    make_network_ready,
    requested_settings,
)
from playground.cli.options import Device, LearntStyle, PhotosFolder
from playground.engine.control import MemoryControl
from playground.recipe.parse import training_on_preset
from playground.system.progress import progress_on_stderr
from playground.system.signals import stopped_by_signals

if TYPE_CHECKING:
    from playground.engine.frames import Frame, Result
    from playground.feedforward.training import Training


def train(
    style: LearntStyle,
    photos: PhotosFolder,
    output: Annotated[Path, typer.Option("-o", "--output", help="The model, ending in .safetensors.")],
    preset: Annotated[str, typer.Option(help="Where to start from; `presets` lists them.")] = "fast-default",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting, such as batch_size=2.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Length of the whole training.")] = None,
    half: Annotated[
        bool, typer.Option("--half", help="Keep 16 bits a weight: half the file, the same picture.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint beside the model.")] = False,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object about the training.")] = False,
) -> None:
    """Train a network on one style, to be applied to any picture with `apply`.

    Under torchrun every process trains its share of each batch.
    """
    requested = requested_settings(settings or [], {"steps": steps})
    recipe = training_on_preset(preset, requested, known=known_network)

    from playground.feedforward.checkpoint import saved_recipe
    from playground.feedforward.photos import Photos
    from playground.feedforward.training import Training
    from playground.images.load import load_picture
    from playground.networks.vgg import load_network
    from playground.system.device import describe_device, pick_device

    check_file_path(output, ".safetensors")
    if resume:
        recipe = saved_recipe(output).changed(requested)
    style_image = load_picture(style, name="the style picture")
    with progress_on_stderr() as report:
        found = Photos(photos, report)
    with _processes(pick_device(device)) as (device, first):
        make_network_ready(recipe, device.partition(":")[0], adapted_would_apply=True)
        control = MemoryControl()
        with explained_lack_of_memory():
            training = Training(
                style_image, found, recipe, load_network(recipe.network, device), output, control, resume=resume, half=half,
                title=output.stem, command=f"python -m playground {shlex.join(sys.argv[1:])}",
            )  # fmt: skip
            if found.broken and first:
                print(f"skipped {len(found.broken)} broken: {', '.join(found.broken[:10])}", file=sys.stderr)
            with stopped_by_signals(control.stop):
                frame = _watch(training.frames(), describe_device(device.partition(":")[0]), first)
    result = frame.result
    assert result is not None
    if not first:
        return
    if as_json:
        print(json.dumps(_as_json(training, result, output, len(found), device), allow_nan=False))
    else:
        print(
            f"{output}: {result.ended} after {result.steps} steps and {result.seconds:.0f} s on {len(found)} photographs"
        )


def _as_json(training: Training, result: Result, output: Path, photos: int, device: str) -> dict[str, Any]:
    """What `--json` says about a training; seconds over all its parts."""
    return {
        "output": str(output),
        "steps": result.steps,
        "seconds": result.seconds,
        "ended": result.ended,
        "losses": result.losses,
        "curve": result.curve,
        "photos": photos,
        "broken": training.broken,
        "device": device,
        "network": training.recipe.network,
        "recipe": training.recipe.model_dump(mode="json"),
    }


@contextmanager
def _processes(device: str) -> Iterator[tuple[str, bool]]:
    """The device of this process and whether it is the first: alone, or one of those that torchrun started."""
    if "WORLD_SIZE" not in os.environ or not os.environ["WORLD_SIZE"].isdecimal():
        yield device, True
        return
    import torch.distributed as dist

    if device == "cuda":
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield device, dist.get_rank() == 0
    finally:
        dist.destroy_process_group()


def _watch(frames: Iterator[Frame], device: str, first: bool) -> Frame:
    """Follow a training to its end; the first process shows progress and notes on stderr."""
    with progress_on_stderr() as report:
        for frame in frames:
            if first:
                report(*training_in_words(frame, device))
                if frame.note:
                    print(frame.note, file=sys.stderr)
    return frame


def training_in_words(frame: Frame, device: str) -> tuple[str, float]:
    """Step k of n, losses, speed, time left and device in one sentence, and the share that is done."""
    parts = [f"step {frame.step} of {frame.steps}"]
    if frame.losses:
        parts.append(losses_in_words(frame.losses))
    if frame.seconds > 0 and frame.step > 0:
        left = frame.seconds / frame.step * (frame.steps - frame.step)
        parts += [f"{frame.step / frame.seconds:.3g} steps/s", f"{math.ceil(left)} s left"]
    return ", ".join([*parts, device]), frame.step / max(1, frame.steps)
