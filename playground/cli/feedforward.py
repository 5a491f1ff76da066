"""The commands `train`, `apply`, `export` and `compare`, under the same rules as those of cli.py, which loads them."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from playground.cli.app import app, explained_lack_of_memory, make_network_ready, progress_on_stderr, stopped_by_signals
from playground.engine.control import MemoryControl
from playground.errors import PlaygroundError
from playground.recipe.model import DEFAULT_NETWORK, load_preset, parse_setting
from playground.recipe.training import load_training_preset

if TYPE_CHECKING:
    from playground.engine.frames import Frame


# ---- train ----------------------------------------------------------------------------------------------------------


@app.command()
def train(
    style: Annotated[str, typer.Argument(metavar="STYLE", help="The painting to learn.", show_default=False)],
    photos: Annotated[
        str, typer.Option(metavar="DIR", help="A folder of photographs, or scikit-image for those it carries.")
    ],
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
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object about the training.")] = False,
) -> None:
    """Train a network on one style, to be applied to any picture with `apply`.

    Under torchrun every process trains its share of each batch.
    """
    wishes = _wishes(settings or [], steps)
    network = wishes.get("network")
    recipe = load_training_preset(preset, network if isinstance(network, str) else None).changed(wishes)

    from playground.feedforward.photos import Photos
    from playground.feedforward.training import Training, saved_recipe
    from playground.images.load import load_picture
    from playground.networks.vgg import load_network
    from playground.system.device import describe_device, pick_device

    check_model_path(output)
    if resume:
        recipe = saved_recipe(output).changed(wishes)
    painting = load_picture(style, name="the style picture")
    with progress_on_stderr() as report:
        found = Photos(photos, report)
    with _processes(pick_device(device)) as (device, first):
        make_network_ready(recipe, device.partition(":")[0], adapted_would_apply=True)
        control = MemoryControl()
        with explained_lack_of_memory():
            training = Training(
                painting, found, recipe, load_network(recipe.network, device), output, control, resume=resume, half=half,
                title=output.stem, command=f"python -m playground {shlex.join(sys.argv[1:])}",
            )  # fmt: skip
            if found.broken and first:
                print(f"skipped {len(found.broken)} broken: {', '.join(found.broken[:10])}", file=sys.stderr)
            with stopped_by_signals(control):
                frame = _watch(training.frames(), describe_device(device.partition(":")[0]), first)
    result = frame.result
    assert result is not None
    if not first:
        return
    if as_json:
        about = {
            "output": str(output),
            "steps": result.steps,
            "seconds": result.seconds,
            "ended": result.ended,
            "losses": result.losses,
            "curve": result.curve,
            "photos": len(found),
            "broken": training.broken,
            "device": device,
            "network": training.recipe.network,
            "recipe": training.recipe.model_dump(mode="json"),
        }
        print(json.dumps(about, allow_nan=False))
    else:
        print(
            f"{output}: {result.ended} after {result.steps} steps and {result.seconds:.0f} s on {len(found)} photographs"
        )


def _wishes(settings: Sequence[str], steps: int | None) -> dict[str, Any]:
    wishes: dict[str, Any] = {}
    for key, value in map(parse_setting, settings):
        wishes.pop(key, None)  # so that a repeated key takes effect where it stands last
        wishes[key] = value
    return wishes if steps is None else {**wishes, "steps": steps}


def check_model_path(path: Path, suffix: str = ".safetensors") -> None:
    """Raise PlaygroundError, before any work, where a file could not be written to `path`; nothing is created."""
    if path.suffix != suffix:
        raise PlaygroundError(f"the output {path.name!r} must end in {suffix}")
    if not path.parent.is_dir():
        raise PlaygroundError(f"the output folder {str(path.parent)!r} does not exist: create it first")
    if path.is_dir():
        raise PlaygroundError(f"the output {str(path)!r} is a folder: give a file's name")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PlaygroundError(f"the output {str(path)!r} cannot be written: choose another folder")


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
        terms = ", ".join(f"{name} {frame.losses[name]:.3g}" for name in ("content", "style", "variation"))
        parts.append(f"loss {frame.losses['total']:.3g} ({terms})")
    if frame.seconds > 0 and frame.step > 0:
        left = frame.seconds / frame.step * (frame.steps - frame.step)
        parts += [f"{frame.step / frame.seconds:.3g} steps/s", f"{math.ceil(left)} s left"]
    return ", ".join([*parts, device]), frame.step / max(1, frame.steps)


# ---- apply ----------------------------------------------------------------------------------------------------------


@app.command()
def apply(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A trained model, or a shipped style's name.")],
    pictures: Annotated[
        list[Path], typer.Argument(metavar="PICTURE...", help="Pictures, animated GIFs, films, or folders of pictures.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A file for one picture, or an existing folder.")
    ] = None,
    strength: Annotated[float, typer.Option(help="0 the photo, 1 the style.")] = 1.0,
    original_colours: Annotated[bool, typer.Option("--original-colours", help="Keep the photo's colours.")] = False,
    tile: Annotated[int | None, typer.Option(help="Paint in tiles of this side, for less memory.", min=64)] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Paint PICTUREs with a trained model, each in one pass and at its own size."""
    if not 0 <= strength <= 1:  # also refuses NaN
        raise PlaygroundError(f"the strength runs from 0 (the photo) to 1 (the style), not {strength}")

    from playground.feedforward.apply import Painter, is_film, paint, paint_film
    from playground.images.load import load_picture, save_picture
    from playground.networks.transformer import load_model
    from playground.system.device import pick_device

    device = pick_device(device)
    painter = Painter(load_model(model, device), device)
    sources, skipped = _sources(pictures)
    outputs = _outputs(sources, output, painter.title)
    started = time.perf_counter()
    with progress_on_stderr() as report, explained_lack_of_memory():
        for number, (source, target) in enumerate(zip(sources, outputs, strict=True)):
            words = f"picture {number + 1} of {len(sources)}"
            report(words, number / len(sources))
            if is_film(source):
                for done in paint_film(painter, source, target, strength, original_colours):
                    report(f"{words}, {done:.0%} of its frames", (number + done) / len(sources))
            else:
                save_picture(paint(painter, load_picture(source), tile).at(strength, original_colours), target)
    seconds = time.perf_counter() - started
    if skipped:
        print(f"skipped {len(skipped)} broken: {', '.join(skipped[:10])}", file=sys.stderr)
    if as_json:
        about = {"outputs": [str(path) for path in outputs], "seconds": seconds, "device": device, "skipped": skipped}
        print(json.dumps(about, allow_nan=False))
    else:
        print("\n".join(str(path) for path in outputs))


def _sources(given: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """What to paint: pictures as they were given, which must be readable, and of folders what is; broken ones by name."""
    from playground.feedforward.apply import is_film
    from playground.feedforward.photos import PICTURE_SUFFIXES
    from playground.images.load import PictureError, load_picture

    sources, skipped = [], []
    for path in given:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        for file in inside:
            if path.is_dir() and (not file.is_file() or file.name.startswith(".")):
                continue
            try:
                if not is_film(file) or not file.is_file():
                    load_picture(file)
                sources.append(file)
            except PictureError:
                if not path.is_dir():
                    raise
                if file.suffix.lower() in PICTURE_SUFFIXES:
                    skipped.append(str(file))
    if not sources:
        raise PlaygroundError("there is no picture to paint: the folder holds none that can be read")
    return sources, skipped


def _outputs(sources: Sequence[Path], output: Path | None, title: str) -> list[Path]:
    """Where each result goes: the file that was given, else a free name in the folder or beside the picture."""
    from playground.feedforward.apply import FILMS, is_film
    from playground.images.load import check_output_path

    suffixes = [
        ".png" if not is_film(source) else ".mp4" if source.suffix.lower() in FILMS else ".gif" for source in sources
    ]
    if output is not None and not output.is_dir():
        if len(sources) > 1:
            raise PlaygroundError(f"there are {len(sources)} pictures, so the output must be a folder that exists")
        if suffixes[0] == ".png":
            check_output_path(output)
        else:
            check_model_path(output, suffixes[0])
        return [output]
    taken: list[Path] = []
    style = re.sub(r"[^\w-]+", "_", title)  # a model's file states any title, so only plain letters become a path
    for source, suffix in zip(sources, suffixes, strict=True):
        folder, number = output or source.parent, 1
        path = folder / f"{source.stem}-{style}{suffix}"
        while path in taken or path.exists():
            number += 1
            path = folder / f"{source.stem}-{style}-{number}{suffix}"
        taken.append(path)
    return taken


# ---- export ---------------------------------------------------------------------------------------------------------


@app.command()
def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A trained model, or a shipped style's name.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The .onnx file; else beside the model.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write a trained model as ONNX: RGB in [0, 1], N×3×H×W, to the same, for any sides divisible by four."""
    from playground.feedforward.export import export_onnx
    from playground.networks.transformer import load_model

    output = output or Path(model).with_suffix(".onnx")
    check_model_path(output, ".onnx")
    export_onnx(load_model(model), output)
    megabytes = output.stat().st_size / 1e6
    print(json.dumps({"output": str(output), "megabytes": megabytes}) if as_json else f"{output}: {megabytes:.1f} MB")


# ---- compare --------------------------------------------------------------------------------------------------------


@app.command()
def compare(
    content: Annotated[str, typer.Argument(metavar="CONTENT", help="The photo.", show_default=False)],
    style: Annotated[str, typer.Argument(metavar="STYLE", help="The painting.", show_default=False)],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The sheet; else beside CONTENT.")] = None,
    model: Annotated[
        str | None, typer.Option(help="The trained model to use; else the shipped one of that very painting.")
    ] = None,
    size: Annotated[int, typer.Option(help="Long side of the results in pixels.", min=64, max=4096)] = 256,
    seconds: Annotated[float, typer.Option(help="How long each optimised method may take.", min=0.1)] = 60.0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Paint the same pair through pixels, a network and an instant style, and measure all alike."""
    from playground.images.load import check_output_path, load_picture, save_picture
    from playground.measure.compare import compare as through_all
    from playground.measure.compare import sheet
    from playground.system.device import pick_device

    pictures = load_picture(content, name="the content picture"), load_picture(style, name="the style picture")
    if output is None:
        output, number = Path(content).with_name(f"{Path(content).stem}-compared.png"), 1
        while output.exists():
            number += 1
            output = output.with_name(f"{Path(content).stem}-compared-{number}.png")
    check_output_path(output)
    device = pick_device(device)
    make_network_ready(load_preset(network=DEFAULT_NETWORK), device, adapted_would_apply=False)
    control = MemoryControl()
    with progress_on_stderr() as report, explained_lack_of_memory(), stopped_by_signals(control):
        entries = list(through_all(*pictures, size, seconds, model, device, control, report))
    if not any(entry.method == "instant" for entry in entries):
        print("no instant style was trained on this painting: give one with --model, or train one", file=sys.stderr)
    save_picture(sheet(*pictures, entries), output)
    rows = [{key: value for key, value in asdict(entry).items() if key != "picture"} for entry in entries]
    if as_json:
        print(json.dumps({"output": str(output), "device": device, "size": size, "methods": rows}, allow_nan=False))
        return
    for row in rows:
        print(", ".join(f"{key} {value:.3g}" if isinstance(value, float) else str(value) for key, value in row.items()))
    print(output)
