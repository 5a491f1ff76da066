"""`grid`: a recipe's variations along one or two settings, side by side; and `lessons`, which are such experiments.

Called by app.py. What a cell is and how it is run is known to playground/experiments.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from playground.cli.common import (
    chosen_recipe,
    explained_lack_of_memory,
    free_path,
    make_network_ready,
    read_settings,
)
from playground.cli.options import AsJson, Device, PresetName, RecipeFile, SettingTexts, SheetPath, StyleImage
from playground.engine.control import MemoryControl
from playground.errors import PlaygroundError
from playground.experiments.experiment import Experiment, of_cells, on_axes, parse_axis
from playground.system.progress import progress_on_stderr
from playground.system.signals import stopped_by_signals

if TYPE_CHECKING:
    from PIL import Image

    from playground.experiments.lessons import Lesson
    from playground.experiments.run_here import CellWork

Pair = tuple["Image.Image", "Image.Image"]
On = Annotated[
    str | None, typer.Option("--on", metavar="ray[:ADDRESS]", help="Where cells run; here, or on a Ray cluster.")
]
MEASURES = {
    "loss": "loss",
    "content": "from the photo",
    "style": "from the painting",
    "structure": "structure kept",
    "edges": "edges kept",
    "photo": "like the photo",
    "a": "green to red a",
    "b": "blue to yellow b",
    "seconds": "seconds",
}
"""What is measured of a cell, as the text names it."""
MEANING = (
    "From the photo and from the painting: distances as the network sees them, 0 for none. Structure, edges, like the photo: 1 "
    "for the photo's own. a and b: the mean colour in CIE Lab."
)
NOT_COMPARABLE = (
    "Each cell is judged by its own weights, layers or size: losses cannot be compared between them; the distances can."
)
Fresh = Annotated[bool, typer.Option("--fresh", help="Paint every cell anew, whatever is kept from earlier grids.")]


def grid(
    content: Annotated[
        str, typer.Argument(metavar="CONTENT", help="The photo, or a folder of photos.", show_default=False)
    ],
    style: StyleImage,
    axis: Annotated[
        list[str] | None, typer.Option("--axis", metavar="KEY=V1,V2,...", help="A setting and its values; at most two.")
    ] = None,
    cells_file: Annotated[
        Path | None,
        typer.Option(
            "--cells", metavar="FILE", help="A JSON object with `cells`: [{label, set}, ...], in place of axes."
        ),
    ] = None,
    preset: PresetName = None,
    recipe_file: RecipeFile = None,
    settings: SettingTexts = None,
    output: SheetPath = None,
    on: On = None,
    fresh: Fresh = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Paint a recipe's variations along one or two settings, and show them side by side."""
    from playground.images.load import load_picture
    from playground.images.save import check_output_path

    if bool(axis) == (cells_file is not None) and not Path(content).is_dir():
        raise PlaygroundError("what varies? give --axis KEY=V1,V2 once or twice, or --cells FILE")
    base = chosen_recipe(preset, recipe_file, settings or [], {})
    if axis:
        experiment = on_axes(base, [parse_axis(text) for text in axis])
    else:
        experiment = of_cells(base, _cells(cells_file) if cells_file else [("", {})])
    style_image = load_picture(style, name="the style picture")
    contents = _content_images(content)
    if output is None:
        output = free_path(Path(content).with_name(f"{Path(content).stem}-grid.png"))
    check_output_path(output)
    if len(contents) > 1 or Path(content).is_dir():
        experiment, pairs = _for_each(experiment, contents, style_image)
    else:
        pairs = [(contents[0][1], style_image)]
    found = _run(experiment, pairs, on, fresh, device)
    _tell(experiment, pairs, found, output, "", as_json, {}, contents if Path(content).is_dir() else ())


def lessons(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A lesson's name or number; else they are listed.", show_default=False),
    ] = None,
    content: Annotated[str | None, typer.Option(help="Another photo than the lesson's own.")] = None,
    style: Annotated[str | None, typer.Option(help="Another painting.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The sheet; by default lesson-NAME.png.")
    ] = None,
    on: On = None,
    fresh: Fresh = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """List the lessons, or run one and write its sheet."""
    from playground.experiments.lessons import find_lesson, sources
    from playground.experiments.lessons import lessons as every
    from playground.images.load import load_picture
    from playground.images.save import check_output_path

    if name is None:
        listed = [
            {key: getattr(one, key) for key in ("number", "name", "title", "question", "options")}
            for one in every().values()
        ]
        print(
            json.dumps(listed) if as_json else "\n".join(f"{o['number']} {o['name']}: {o['question']}" for o in listed)
        )
        return
    lesson = find_lesson(name)
    output = output or free_path(Path(f"lesson-{lesson.name}.png"))
    check_output_path(output)
    own = sources(lesson)
    content_image, style_image = load_picture(content or own[0]), load_picture(style or own[1])
    about = {"lesson": lesson.name, "question": lesson.question, "answer": lesson.options[lesson.answer]}
    if lesson.kind == "ears":
        _listen(lesson, style_image, output, device, as_json, about)
        return
    experiment = lesson.experiment()
    found = _run(experiment, [(content_image, style_image)], on, fresh, device)
    _tell(experiment, [(content_image, style_image)], found, output, lesson.question, as_json, about)


# ---- what to run ----------------------------------------------------------------------------------------------------


def _cells(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """The cells that a file lists."""
    listed = read_settings(path).get("cells")
    if not isinstance(listed, list) or not all(isinstance(cell, dict) for cell in listed):
        raise PlaygroundError(f"the file {str(path)!r} has no list called cells")
    found: list[tuple[str, Mapping[str, Any]]] = []
    for cell in listed:
        settings = cell.get("set", {key: value for key, value in cell.items() if key != "label"})
        if not isinstance(settings, dict):
            raise PlaygroundError(f"a cell of {str(path)!r} sets {settings!r}; an object of settings was expected")
        found.append((str(cell.get("label", "")), settings))
    return found


def _content_images(content: str) -> list[tuple[str, Image.Image]]:
    """The content image, or all of a folder, by name."""
    from playground.feedforward.photos import Photos
    from playground.images.load import load_picture

    if not Path(content).is_dir():
        return [(Path(content).stem, load_picture(content, name="the content picture"))]
    with progress_on_stderr() as report:
        sources = Photos(content, report).sources
    return [(source.stem, load_picture(source)) for source in sources if isinstance(source, Path)]


def _for_each(
    experiment: Experiment, contents: Sequence[tuple[str, Image.Image]], style_image: Image.Image
) -> tuple[Experiment, list[Pair]]:
    """The experiment once for each content image of a folder: a row each, where it has more than one cell."""
    cells = [
        replace(cell, labels=(name, *(label for label in cell.labels if label != "as it is")))
        for name, _ in contents
        for cell in experiment.cells
    ]
    pairs = [(content_image, style_image) for _, content_image in contents for _ in experiment.cells]
    return Experiment(tuple(cells), len(contents) if len(experiment.cells) > 1 else 1), pairs


# ---- running and telling --------------------------------------------------------------------------------------------


def _run(experiment: Experiment, pairs: Sequence[Pair], on: str | None, fresh: bool, device: str) -> list[CellWork]:
    """Cells that are done, in order; those before a stop where it was stopped."""
    from playground.experiments.results import CellCache
    from playground.experiments.run_here import run_here
    from playground.networks.catalogue import home
    from playground.networks.vgg import load_network
    from playground.system.device import pick_device

    device = pick_device(device)
    for recipe in {cell.recipe.network: cell.recipe for cell in experiment.cells}.values():
        make_network_ready(recipe, device, adapted_would_apply=True)
    control, cache = MemoryControl(), CellCache(home() / "cells")
    done: dict[int, CellWork] = {}
    with progress_on_stderr() as report, explained_lack_of_memory(), stopped_by_signals(control.stop):
        if on is None:
            news = run_here(
                experiment.cells, pairs, lambda name: load_network(name, device), device=device, control=control,
                cache=cache, fresh=fresh, at_once=1,
            )  # fmt: skip
        else:
            from playground.experiments.cluster import run_on

            news = run_on(
                on, experiment.cells, pairs, device=device, control=control, cache=cache, fresh=fresh,
                tell=lambda said: print(said, file=sys.stderr),
            )  # fmt: skip
        fractions = [0.0] * len(experiment.cells)
        for work in news:
            fractions[work.index] = work.done
            report(f"{len(done)} of {len(fractions)} cells", sum(fractions) / len(fractions))
            if work.result is not None:
                done[work.index] = work
                for note in work.result.notes:
                    print(f"{', '.join(work.cell.labels)}: {note}", file=sys.stderr)
    if not done:
        raise KeyboardInterrupt
    return [done[index] for index in sorted(done)]


def _tell(
    experiment: Experiment, pairs: Sequence[Pair], found: Sequence[CellWork], output: Path, title: str, as_json: bool,
    about: Mapping[str, Any], photos: Sequence[tuple[str, Image.Image]] = (),
) -> None:  # fmt: skip
    """Write the sheet and each cell's picture, and say what came out.

    Args:
        photos: by name, those of a folder, each of which has its own cells.
    """
    from playground.experiments.run_here import plain_row
    from playground.experiments.sheet import draw_sheet
    from playground.images.save import save_picture

    folder = output.with_name(f"{output.stem}-cells")
    folder.mkdir(exist_ok=True)
    rows, pictures, notes = [], {}, {}
    for work in found:
        assert work.result is not None
        path = folder / f"{work.index + 1:02}.png"
        save_picture(work.result.picture, path, recipe=work.result.recipe.to_json())
        rows.append({**plain_row(work), "picture": str(path.absolute())})
        pictures[work.index] = work.result.picture
        near = work.result.distances
        notes[work.index] = (
            f"loss {work.result.losses['total']:.3g}"
            if experiment.judged_alike
            else f"from the painting {near['style']:.3g}, from the photo {near['content']:.3g}"
        )
    save_picture(draw_sheet(experiment, pictures, pairs[0], title, notes, photos=photos), output)
    if as_json:
        print(json.dumps({**about, "cells": rows, "sheet": str(output)}, allow_nan=False))
        return
    for row in rows:
        told = {"loss": row["losses"]["total"], **row["distances"], "seconds": row["seconds"]}
        origin = "cached" if row["cached"] else row["where"]
        figures = ", ".join(f"{MEASURES[key]} {value:.3g}" for key, value in told.items())
        print(f"{', '.join(row['labels'])}: {figures}, {origin}")
    print(MEANING)
    if not experiment.judged_alike:
        print(NOT_COMPARABLE)
    print(output)


def _listen(
    lesson: Lesson, style_image: Image.Image, output: Path, device: str, as_json: bool, about: Mapping[str, Any]
) -> None:
    """What the two losses notice of a lesson's edits."""
    from playground.experiments.listening import LISTENED, listen
    from playground.images.convert import resize_picture
    from playground.images.save import save_picture
    from playground.lens.edits import EDITS
    from playground.measure.sheet import board
    from playground.networks.vgg import load_network
    from playground.system.device import pick_device

    recipe = chosen_recipe(None, None, [], {})
    device = pick_device(device)
    make_network_ready(recipe, device, adapted_would_apply=False)
    network = load_network(recipe.network, device)
    style_image = resize_picture(style_image, LISTENED)
    columns, rows = [(style_image, ["Painting"])], []
    for name in lesson.edits:
        heard = listen(style_image, name, None, network)
        columns.append((heard.picture, [EDITS[name].title, *heard.said.split(": ")]))
        rows.append(
            {"edit": name, "content": heard.found.content, "style": heard.found.style, "layers": heard.found.layers}
        )
    save_picture(board(columns, 220), output)
    if as_json:
        print(json.dumps({**about, "edits": rows, "sheet": str(output)}, allow_nan=False))
        return
    for _, lines in columns[1:]:
        print(": ".join(lines))
    print(output)
