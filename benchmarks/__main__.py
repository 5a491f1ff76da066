"""`python -m benchmarks`: measure every part in a process of its own, print tables, write results and the figure.

`python -m benchmarks sheet` paints the contact sheet. Ratios are taken within one run; a quiet machine is assumed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.parts import in_child, say
from benchmarks.report import draw, tables
from playground.system.device import pick_device

RESULTS = Path(__file__).parent / "results"

# arguments of every part, and the seconds after which it is given up
FULL: dict[str, tuple[dict[str, Any], float]] = {
    "step": ({"sizes": [256, 512, 1024], "rounds": 15, "seconds": 120}, 900),
    "quality": ({"pairs": 1, "size": 384, "default_seconds": 60, "seconds": 180}, 2400),
    "memory": (
        {
            "cases": [
                ("weights", 512, 512), ("reference", 512, 512), ("engine", 512, 512), ("default", 512, 512),
                ("reference", 1024, 1024), ("engine", 1024, 1024), ("default", 1024, 1024),
                ("engine", 2048, 1365), ("default", 2048, 1365),
            ],
            "seconds": 300,
        },
        1200,
    ),
    "cost": (
        {"sizes": [128, 192, 256, 384, 512, 768, 1024], "steps": [25, 50, 100, 200, 400, 1000], "step_size": 96,
         "rounds": 9, "seconds": 30},
        900,
    ),
    "foresight": ({"size": 384, "iterations": 40}, 600),
    "page": ({"size": 256, "steps": 40, "rounds": 3}, 600),
}  # fmt: skip
QUICK: dict[str, tuple[dict[str, Any], float]] = {
    "step": ({"sizes": [256, 512], "rounds": 3, "seconds": 40}, 240),
    "quality": ({"pairs": 1, "size": 128, "default_seconds": 6, "seconds": 6}, 240),
    "memory": ({"cases": [("weights", 256, 256), ("reference", 256, 256), ("engine", 256, 256)], "seconds": 60}, 180),
    "cost": ({"sizes": [64, 128], "steps": [5, 10], "step_size": 64, "rounds": 3, "seconds": 10}, 120),
    "foresight": ({"size": 192, "iterations": 6}, 180),
    "page": ({"size": 128, "steps": 6, "rounds": 1}, 120),
}

ON_AN_ACCELERATOR: dict[str, dict[str, Any]] = {  # in place of FULL's
    "step": {"rounds": 5}, "quality": {"default_seconds": 4, "seconds": 8}, "cost": {"rounds": 3},
    "foresight": {"iterations": 120}, "page": {"steps": 600},
}  # fmt: skip

app = typer.Typer(add_completion=False)


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="Small settings: whether all works, not how fast.")] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"One part of {', '.join(FULL)}; may be repeated.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for results.json, tables.txt and figure.svg.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps, or auto for the best of them.")] = "cpu",
) -> None:
    """Measure, print tables, write results and the figure."""
    if context.invoked_subcommand:
        return
    device = pick_device(device)
    plan, more = (QUICK, {}) if quick else (FULL, ON_AN_ACCELERATOR if device != "cpu" else {})
    unknown = sorted(set(only or []) - plan.keys())
    if unknown:
        raise typer.BadParameter(f"there is no part called {unknown[0]!r}; there are {', '.join(plan)}")
    results_of = RESULTS if device == "cpu" else RESULTS / device
    folder = output or (Path(tempfile.mkdtemp(prefix="benchmarks-")) if quick else results_of)
    folder.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {"machine": in_child("machine", {"device": device}, 120), "quick": quick}
    failed = []
    for part, (arguments, seconds) in plan.items():
        if only and part not in only:
            continue
        began = time.monotonic()
        try:
            results[part] = in_child(part, {**arguments, **more.get(part, {}), "device": device}, seconds)
        except (subprocess.SubprocessError, ValueError) as error:
            failed.append(part)
            say(f"{part} failed: {error}")
        say(f"{part}: {time.monotonic() - began:.0f} s")
        (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")  # what there is so far
    console = Console(record=True, width=100)
    for table in tables(results):
        console.print(table)
    (folder / "tables.txt").write_text(console.export_text(), "utf-8")
    if svg := draw(results):
        (folder / "figure.svg").write_text(svg, "utf-8")
    say(f"written to {folder}")
    if failed:
        sys.exit(1)


@app.command()
def sheet(
    output: Annotated[Path, typer.Option(help="A .png or .jpg file.")] = RESULTS / "sheet.jpg",
    pairs: Annotated[int, typer.Option(min=1, max=6, help="How many of the six pairs.")] = 6,
    pair: Annotated[
        list[str] | None, typer.Option(help="PHOTO,STYLE: names or paths, in place of the six; may be repeated.")
    ] = None,
    photorealistic: Annotated[
        bool, typer.Option("--photorealistic", help="The photorealistic network on four pairs of its own.")
    ] = False,
    size: Annotated[int | None, typer.Option(min=64, help="Long side of the painted pictures: 384, or 1024.")] = None,
    seconds: Annotated[float | None, typer.Option(help="At most, for a picture: 60, or 120.")] = None,
    reference_seconds: Annotated[float, typer.Option(help="For single-scale L-BFGS.")] = 180.0,
    keep: Annotated[Path | None, typer.Option(help="A folder for every painted picture at its full size.")] = None,
) -> None:
    """Paint a contact sheet: `default` beside single-scale L-BFGS, or the photorealistic network."""
    from benchmarks.pictures import PAIRS, PHOTOREALISTIC_PAIRS
    from benchmarks.sheet import brush_methods, contact_sheet, photorealistic_methods

    chosen = (PHOTOREALISTIC_PAIRS if photorealistic else PAIRS)[:pairs]
    if pair:
        split = [one.split(",") for one in pair]
        if any(len(parts) != 2 for parts in split):
            raise typer.BadParameter("write a pair as PHOTO,STYLE")
        chosen = tuple((parts[0], parts[1]) for parts in split)
    if photorealistic:
        size, seconds = size or 1024, seconds or 120
        methods = photorealistic_methods(size, seconds)
    else:
        size, seconds = size or 384, seconds or 60
        methods = brush_methods(size, seconds, reference_seconds)
    output.parent.mkdir(parents=True, exist_ok=True)
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    picture = contact_sheet(chosen, methods, min(max(size, 288), 480), keep)
    picture.save(output, quality=88)
    say(f"written to {output}")


@app.command()
def paintings(
    output: Annotated[Path, typer.Option(help="A .png or .jpg file.")] = RESULTS / "paintings.jpg",
    keep: Annotated[Path, typer.Option(help="A folder for painted pictures; those that are there stay.")] = RESULTS
    / "paintings",
    size: Annotated[int, typer.Option(min=64, help="Long side of the painted pictures.")] = 384,
    iterations: Annotated[int, typer.Option(min=1, help="Of each; the preset has 200.")] = 200,
) -> None:
    """Paint the sheet of several paintings, regions, faces and colours."""
    from benchmarks.paintings import paintings_sheet

    keep.mkdir(parents=True, exist_ok=True)
    output.parent.mkdir(parents=True, exist_ok=True)
    paintings_sheet({"size": size, "iterations": iterations}, min(size, 320), keep).save(output, quality=88)
    say(f"written to {output}")


if __name__ == "__main__":
    app()
