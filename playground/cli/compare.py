"""`compare`: paints one pair through three methods and prints what each took and reached, with a sheet of pictures.

Called by app.py. What is measured, and how, is known to playground/measure.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from playground.cli.common import (
    explained_lack_of_memory,
    free_path,
    make_network_ready,
)
from playground.cli.options import AsJson, ContentImage, Device, SheetPath, StyleImage
from playground.engine.control import MemoryControl
from playground.recipe.base import DEFAULT_NETWORK
from playground.recipe.presets import load_preset
from playground.system.progress import progress_on_stderr
from playground.system.signals import stopped_by_signals


def compare(
    content: ContentImage,
    style: StyleImage,
    output: SheetPath = None,
    model: Annotated[
        str | None, typer.Option(help="The trained model to use; else the shipped one of that very painting.")
    ] = None,
    size: Annotated[int, typer.Option(help="Long side of the results in pixels.", min=64, max=4096)] = 256,
    seconds: Annotated[float, typer.Option(help="How long each optimised method may take.", min=0.1)] = 60.0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Paint the same pair through pixels, a network and an instant style, and measure all alike."""
    from playground.images.load import load_picture
    from playground.images.save import check_output_path, save_picture
    from playground.measure.compare import compare as through_all
    from playground.measure.sheet import sheet
    from playground.system.device import pick_device

    pictures = load_picture(content, name="the content picture"), load_picture(style, name="the style picture")
    if output is None:
        output = free_path(Path(content).with_name(f"{Path(content).stem}-compared.png"))
    check_output_path(output)
    device = pick_device(device)
    make_network_ready(load_preset(network=DEFAULT_NETWORK), device, adapted_would_apply=False)
    control = MemoryControl()
    with progress_on_stderr() as report, explained_lack_of_memory(), stopped_by_signals(control.stop):
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
