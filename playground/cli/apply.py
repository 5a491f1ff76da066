"""`apply`: paints pictures, animations, films and whole folders with a trained network, or like any painting, in one pass.

Called by app.py. Here stand what is painted out of what was given and where each result goes; how a network paints is
known to playground/feedforward.
"""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from playground.cli.common import check_file_path, explained_lack_of_memory, free_path, in_words, with_weight
from playground.cli.options import AsJson, Device
from playground.cli.print import pixels_for
from playground.errors import PlaygroundError
from playground.recipe.picture_limits import CM_PER_INCH, DPI, MAX_SIZE
from playground.system.progress import progress_on_stderr

if TYPE_CHECKING:
    from PIL import Image

    from playground.feedforward.apply import OnePass

MIN_SIZE = 64  # pixels of a long side
SAID_FROM = 2048  # long side from which it is said how long a picture will take
TIMED, AROUND_TILES = 512, 1.36  # long side of what is timed for that; what tiles see besides their own
ANY = "any:"  # what stands before a style image where a model's name is expected

ModelName = Annotated[
    str,
    typer.Argument(
        metavar="MODEL[:WEIGHT]",
        help="A trained model, a shipped style's name, or any:PAINTING to paint like any picture.",
    ),
]
MoreStyles = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MORE[:WEIGHT]",
        help="One more trained model or painting to blend with MODEL; up to 4 styles in all.",
    ),
]


def apply(
    model: ModelName,
    pictures: Annotated[
        list[Path], typer.Argument(metavar="PICTURE...", help="Pictures, animated GIFs, films, or folders of pictures.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A file for one picture, or an existing folder.")
    ] = None,
    style: MoreStyles = None,
    strength: Annotated[float, typer.Option(help="0 the photo, 1 the style.")] = 1.0,
    strokes: Annotated[float, typer.Option(help="How large strokes are: 0.5 finer, 2 broader.")] = 1.0,
    steady: Annotated[
        bool, typer.Option("--steady/--flicker", help="In films, let each frame follow the one before.")
    ] = True,
    original_colours: Annotated[bool, typer.Option("--original-colours", help="Keep the photo's colours.")] = False,
    tile: Annotated[int | None, typer.Option(help="Paint in tiles of this side, for less memory.", min=64)] = None,
    size: Annotated[
        int | None,
        typer.Option(help="Long side in pixels; else each picture's own. Strokes keep theirs: see --strokes."),
    ] = None,
    cm: Annotated[float | None, typer.Option(help="Long side on paper, in place of --size.")] = None,
    dpi: Annotated[
        int | None, typer.Option(min=30, max=1200, help="Dots per inch of --cm (else 300), also written into the file.")
    ] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Paint PICTUREs with a trained model, each in one pass, at its own size or at one for print."""
    if not 0 <= strength <= 1:  # also refuses NaN
        raise PlaygroundError(f"the strength runs from 0 (the photo) to 1 (the style), not {strength}")

    from playground.feedforward.apply import check_strokes, stylize_picture
    from playground.feedforward.video import is_film, stylize_film
    from playground.images.save import save_picture
    from playground.system.device import pick_device

    check_strokes(strokes)
    long_side = _long_side(size, cm, dpi or DPI)
    device = pick_device(device)
    stylizer = _stylizer(model, style or [], device)
    sources, skipped = _sources(pictures, films=long_side is None)
    outputs = _outputs(sources, output, stylizer.title)
    started = time.perf_counter()
    with progress_on_stderr() as report, explained_lack_of_memory():
        for number, (source, target) in enumerate(zip(sources, outputs, strict=True)):
            words = f"picture {number + 1} of {len(sources)}"
            report(words, number / len(sources))
            if is_film(source):
                for done in stylize_film(stylizer, source, target, strength, original_colours, steady, strokes):
                    report(f"{words}, {done:.0%} of its frames", (number + done) / len(sources))
            else:
                content = _content(source, long_side)
                if max(content.size) > SAID_FROM and long_side:
                    _say_how_long(stylizer, content, strokes, dpi or DPI)
                painted = stylize_picture(stylizer, content, tile, strokes)
                save_picture(painted.at(strength, original_colours), target, dpi=dpi or (DPI if cm else None))
    _tell(outputs, skipped, time.perf_counter() - started, device, as_json)


def _long_side(size: int | None, cm: float | None, dpi: int) -> int | None:
    """Pixels of the long side that was asked for; None for each picture's own."""
    if size is not None and cm is not None:
        raise PlaygroundError("give --size in pixels or --cm on paper, not both")
    if cm is not None and not math.isfinite(cm):
        raise PlaygroundError(f"--cm must be a length on paper, not {cm}")
    wanted = size if cm is None else pixels_for(cm, dpi)
    if wanted is not None and not MIN_SIZE <= wanted <= MAX_SIZE:
        raise PlaygroundError(f"a picture's long side can be {MIN_SIZE} to {MAX_SIZE} px, not {wanted}")
    return wanted


def _content(source: Path, long_side: int | None) -> Image.Image:
    """A picture as it is painted: at its own size, or at the one that was asked for."""
    from playground.images.convert import resize_picture
    from playground.images.load import load_picture

    content = load_picture(source)
    return resize_picture(content, long_side) if long_side else content


def _say_how_long(stylizer: OnePass, content: Image.Image, strokes: float, dpi: int) -> None:
    """How long a large picture will take, by the second pass over a small one."""
    from playground.feedforward.apply import stylize_picture, worked_size
    from playground.images.convert import resize_picture

    small = resize_picture(content, TIMED)
    for _ in range(2):  # the first also makes kernels ready
        started = time.perf_counter()
        stylize_picture(stylizer, small)
        seconds = time.perf_counter() - started
    width, height = worked_size(content.size, strokes)
    seconds *= AROUND_TILES * width * height / (small.width * small.height)
    print(
        f"{content.width}×{content.height} px, {max(content.size) / dpi * CM_PER_INCH:.0f} cm at {dpi} dpi: "
        f"about {in_words(seconds)}",
        file=sys.stderr,
    )


def _tell(outputs: Sequence[Path], skipped: Sequence[str], seconds: float, device: str, as_json: bool) -> None:
    if skipped:
        print(f"skipped {len(skipped)} broken: {', '.join(skipped[:10])}", file=sys.stderr)
    if as_json:
        about = {"outputs": [str(path) for path in outputs], "seconds": seconds, "device": device, "skipped": skipped}
        print(json.dumps(about, allow_nan=False))
    else:
        print("\n".join(str(path) for path in outputs))


def _stylizer(model: str, more: Sequence[str], device: str) -> OnePass:
    """What paints: trained networks, the network for any style image, fetched where it is missing, or a blend of them."""
    from playground.feedforward.blended import blended_stylizer
    from playground.feedforward.model import Model, load_model
    from playground.images.load import load_picture
    from playground.networks.catalogue import ANY_PAINTING, WeightsMissing
    from playground.networks.fetch import fetch

    named = [with_weight(text, ANY) for text in (model, *more)]
    styles: list[tuple[Model | Image.Image, float]] = []
    titles = []
    for number, (name, given) in enumerate(named):
        weight = 1.0 if given is None else given
        if name.startswith(ANY) or (number and not _is_model(name)):
            path = Path(name.removeprefix(ANY))
            styles.append((load_picture(path), weight))
            titles.append(path.stem)
        else:
            trained = load_model(name, device)
            styles.append((trained, weight))
            titles.append(trained.card.title)
    title = "-".join(titles)[:60]
    try:
        return blended_stylizer(styles, title, device)
    except WeightsMissing:
        with progress_on_stderr() as report:
            fetch(ANY_PAINTING, report)
        return blended_stylizer(styles, title, device)


def _is_model(name: str) -> bool:
    """Whether one more style is a trained network: one that is shipped, or a file of one, or no file at all."""
    from playground.feedforward.model import MODEL_SUFFIXES, shipped_styles

    path = Path(name)
    return name in shipped_styles() or path.suffix.lower() in MODEL_SUFFIXES or not (path.suffix or path.is_file())


def _sources(given: Sequence[Path], films: bool) -> tuple[list[Path], list[str]]:
    """What to paint: pictures as they were given, which must be readable, and of folders what is; broken ones by name."""
    from playground.feedforward.photos import PICTURE_SUFFIXES
    from playground.feedforward.video import is_film
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
    moving = [source.name for source in sources if is_film(source)]
    if moving and not films:
        raise PlaygroundError(f"--size and --cm are for pictures, and {moving[0]!r} is a film")
    if not sources:
        raise PlaygroundError("there is no picture to paint: the folder holds none that can be read")
    return sources, skipped


def _outputs(sources: Sequence[Path], output: Path | None, title: str) -> list[Path]:
    """Where each result goes: the file that was given, else a free name in the folder or beside the picture."""
    from playground.feedforward.video import FILMS, is_film
    from playground.images.save import check_output_path

    suffixes = [
        ".png" if not is_film(source) else ".mp4" if source.suffix.lower() in FILMS else ".gif" for source in sources
    ]
    if output is not None and not output.is_dir():
        if len(sources) > 1:
            raise PlaygroundError(f"there are {len(sources)} pictures, so the output must be a folder that exists")
        if suffixes[0] == ".png":
            check_output_path(output)
        else:
            check_file_path(output, suffixes[0])
        return [output]
    taken: list[Path] = []
    style = re.sub(r"[^\w-]+", "_", title)  # a model's file states any title, so only plain letters become a path
    for source, suffix in zip(sources, suffixes, strict=True):
        taken.append(free_path((output or source.parent) / f"{source.stem}-{style}{suffix}", taken))
    return taken
