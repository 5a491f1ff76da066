"""The command line: `python -m playground stylize | presets | weights | doctor`, and what fast/commands.py adds.

A command is one function decorated with `@app.command()`. It raises PlaygroundError for whatever the user can mend;
`main` turns that, and every complaint of the parser, into one `error: ...` line and status 2. What needs torch is
imported inside the commands, so that the others answer at once.
"""

from __future__ import annotations

import json
import math
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

import playground
from playground.engine.control import MemoryControl
from playground.errors import PlaygroundError
from playground.recipe.model import (
    DEFAULT_NETWORK,
    MAX_TEXT,
    Recipe,
    find_preset,
    load_preset,
    parse_setting,
    parse_settings,
    presets,
)

if TYPE_CHECKING:
    from playground.engine.run import Frame, Result

Report = Callable[[str, float | None], None]
"""Called with a sentence and the fraction done in [0, 1], or None where it is not known."""

LINE_EVERY = 5.0  # seconds between two lines of progress where stderr is no terminal
USAGE_ERROR: Any = typer.BadParameter.__mro__[1]  # the parser's complaints, wherever this version of typer keeps them

app = typer.Typer(
    name="python -m playground",
    help="Paint a photo in the style of a painting.",
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(args: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or 2 after one `error: ...` line on stderr.

    Args:
        args: the command and its options; those of the process when None.
    """
    import playground.cli.feedforward  # noqa: F401  (adds its commands to `app`, from which it builds)

    try:
        with typer.main.get_command(app).make_context(
            app.info.name, list(sys.argv[1:] if args is None else args)
        ) as context:
            context.command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as ended:  # --help
        return ended.exit_code
    except USAGE_ERROR as error:
        return _complain(error.format_message())
    except PlaygroundError as error:
        return _complain(str(error))
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        # What is left in the buffer would fail again, with a traceback, while the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _complain(text: str) -> int:
    print(f"error: {' '.join(text.split())}", file=sys.stderr)
    return 2


# ---- progress -------------------------------------------------------------------------------------------------------


@contextmanager
def progress_on_stderr() -> Iterator[Report]:
    """A bar with a sentence on a terminal; elsewhere the sentence as a plain line now and then."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain_lines()
        return
    with Progress(BarColumn(bar_width=24), TextColumn("{task.description}"), console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda sentence, fraction: bar.update(
            task, description=sentence, total=None if fraction is None else 1.0, completed=fraction or 0.0
        )


def _plain_lines() -> Report:
    last = time.monotonic() - LINE_EVERY + 1  # what takes less than a second needs no line

    def report(sentence: str, fraction: float | None) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_EVERY:
            print(sentence, file=sys.stderr, flush=True)
            last = time.monotonic()

    return report


def _frame_in_words(frame: Frame, recipe: Recipe, device: str) -> tuple[str, float]:
    """Step k of n, losses, speed, time left and device in one sentence, and the share that is done."""
    from playground.engine.schedule import share_done

    share = share_done(recipe, frame.evaluations, max(frame.size) / min(frame.size))
    parts = [f"step {frame.step} of {frame.steps}"]
    if frame.losses:
        terms = ", ".join(f"{name} {frame.losses[name]:.3g}" for name in ("content", "style", "variation"))
        parts.append(f"loss {frame.losses['total']:.3g} ({terms})")
    if frame.seconds > 0 and share > 0:
        left = frame.seconds * (1 - share) / share
        if recipe.seconds is not None:
            left = min(left, max(0.0, recipe.seconds - frame.seconds))
        unit = "it/s" if recipe.evaluations_per_iteration == 1 else "evaluations/s"
        parts += [f"{frame.evaluations / frame.seconds:.3g} {unit}", f"{math.ceil(left)} s left"]
    return ", ".join([*parts, device]), share


# ---- stylize --------------------------------------------------------------------------------------------------------


@app.command()
def stylize(
    content: Annotated[str, typer.Argument(metavar="CONTENT", help="The photo to paint.", show_default=False)],
    style: Annotated[
        str, typer.Argument(metavar="STYLE", help="The painting whose style it gets.", show_default=False)
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The result (.png, .jpg, .webp); else beside CONTENT.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Where to start from; `presets` lists them.")] = None,
    recipe_file: Annotated[
        Path | None, typer.Option("--recipe", help="Settings from a JSON file or from a picture painted here.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting, such as style_weight=2.")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Long side of the result in pixels.")] = None,
    iterations: Annotated[int | None, typer.Option(help="How many times the picture is improved.")] = None,
    seed: Annotated[int | None, typer.Option(help="For starts from noise.")] = None,
    seconds: Annotated[float | None, typer.Option(help="End after so long with the best picture so far.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object about the run.")] = False,
) -> None:
    """Paint CONTENT in the style of STYLE."""
    started = time.perf_counter()
    named = {"size": size, "iterations": iterations, "seed": seed, "seconds": seconds}
    recipe = chosen_recipe(preset, recipe_file, settings or [], named)

    from playground.engine.run import check_pictures
    from playground.images.load import check_output_path, load_picture, save_picture
    from playground.measure.estimate import observe_run
    from playground.system.device import describe_device, peak_memory_mb, pick_device

    if output is not None:
        check_output_path(output)
    pictures = load_picture(content, name="the content picture"), load_picture(style, name="the style picture")
    check_output_path(output or free_name(content, recipe))
    check_pictures(pictures[0], recipe.size)
    device = pick_device(device)
    make_network_ready(recipe, device, adapted_would_apply=recipe_file is None)
    control = MemoryControl()
    with explained_lack_of_memory():
        frames = playground.stylize(*pictures, recipe, device=device, control=control)
        startup_seconds = time.perf_counter() - started
        with stopped_by_signals(control):
            result = watch(frames, recipe, describe_device(device))
            if output is None:  # chosen now, since another run may have taken the name meanwhile
                output = free_name(content, recipe)
            save_picture(result.picture, output, recipe=result.recipe.to_json())
            observe_run(result, device)
            if as_json:
                about = run_as_json(result, output, device, startup_seconds, peak_memory_mb(device))
                print(json.dumps(about, allow_nan=False))
            else:
                print(_last_line(result, output, describe_device(device)))


def chosen_recipe(
    preset: str | None, recipe_file: Path | None, settings: Sequence[str], named: Mapping[str, Any]
) -> Recipe:
    """The recipe that the options add up to: preset < `--recipe` < `--set` < named options (None: not given).

    The preset beneath is the one that `--set` or the recipe file names, else `--preset`, else `default`, with its
    numbers for the network that will look; a file that states every setting needs none.

    Raises:
        PlaygroundError: what cannot be read, is unknown, or is out of bounds.
    """
    saved = read_settings(recipe_file) if recipe_file is not None else {}
    wishes: dict[str, Any] = {}
    for key, value in map(parse_setting, settings):
        wishes.pop(key, None)  # so that a repeated key takes effect where it stands last
        wishes[key] = value
    if preset is not None:
        find_preset(preset)
    network = wishes.get("network") or saved.get("network")
    if isinstance(network, str):
        saved = {**saved, "network": network}
    if Recipe.model_fields.keys() <= saved.keys():
        beneath = Recipe()
    else:
        name = wishes.get("preset") or saved.get("preset") or preset or "default"
        beneath = load_preset(str(name), network=network if isinstance(network, str) else None)
    wishes |= {key: value for key, value in named.items() if value is not None}
    return beneath.changed(saved).changed(wishes)


def read_settings(path: Path) -> dict[str, Any]:
    """The settings stated in a JSON file, or in the recipe inside a picture painted here, told apart by content.

    Raises:
        PlaygroundError: the file cannot be read or holds no recipe.
    """
    from playground.images.load import read_recipe_text

    try:
        if not path.is_file():
            raise PlaygroundError(f"there is no recipe file {str(path)!r}; check the path")
        with path.open("rb") as file:
            text: str | None = file.read(MAX_TEXT + 1).decode("utf-8-sig")
    except UnicodeDecodeError:
        text = read_recipe_text(path)
    except (OSError, ValueError) as error:
        raise PlaygroundError(f"the recipe file {str(path)!r} cannot be read ({error})") from None
    if text is None:
        raise PlaygroundError(f"the picture {path.name!r} has no recipe inside; give one that was painted here")
    return parse_settings(text)


def free_name(content: str, recipe: Recipe) -> Path:
    """A name beside the content picture that no file has: photo-default.png, photo-default-2.png, ..."""
    photo = Path(content)
    # A recipe's preset is any text a file states, so only known names become part of a path.
    stem = f"{photo.stem}-{recipe.preset if recipe.preset in presets() else 'recipe'}"
    path, number = photo.with_name(f"{stem}.png"), 1
    while path.exists():
        number += 1
        path = photo.with_name(f"{stem}-{number}.png")
    return path


def make_network_ready(recipe: Recipe, device: str, adapted_would_apply: bool) -> None:
    """Read the recipe's network, fetching the default one where it is missing.

    Raises:
        WeightsMissing: another network is missing; says how to get it, and, where a preset has numbers for the
            default network and nothing overrules them, how to paint with those.
    """
    from playground.networks.vgg import load_network
    from playground.networks.weights import WeightsMissing, fetch

    try:
        load_network(recipe.network, device)
    except WeightsMissing as missing:
        if recipe.network == DEFAULT_NETWORK:
            with progress_on_stderr() as report:
                fetch(recipe.network, report)
            load_network(recipe.network, device)
            return
        preset = presets().get(recipe.preset or "")
        if adapted_would_apply and preset and DEFAULT_NETWORK in preset.adapted:
            hint = f"or add `--set network={DEFAULT_NETWORK}` to paint with numbers adapted to that network"
            raise WeightsMissing(f"{str(missing).rstrip('.')}, {hint}.") from None
        raise


@contextmanager
def stopped_by_signals(control: MemoryControl) -> Iterator[None]:
    """Ctrl-C and a request to end stop the run, which then saves its best picture; asking again changes nothing.

    Raises:
        KeyboardInterrupt: it was asked for before, and lost on the way.
    """
    signals = signal.SIGINT, signal.SIGTERM
    if any(getattr(signal.getsignal(number), "happened", False) for number in signals):
        raise KeyboardInterrupt

    def stop(*_: object) -> None:
        control.stop()

    before = {number: signal.signal(number, stop) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def explained_lack_of_memory() -> Iterator[None]:
    """Turn a failed allocation on any device into one sentence."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or re.search("out of memory|not enough memory|allocate memory", str(error)):
            raise PlaygroundError(
                "there is too little free memory for this size; choose a smaller --size or --device cpu"
            ) from None
        raise


def watch(frames: Iterator[Frame], recipe: Recipe, device: str) -> Result:
    """Follow a run to its end, showing progress and notes on stderr.

    Raises:
        KeyboardInterrupt: it was stopped before anything was painted.
    """
    with progress_on_stderr() as report:
        for frame in frames:
            report(*_frame_in_words(frame, recipe, device))
            if frame.note:
                print(frame.note, file=sys.stderr)
            if frame.result is not None:
                result = frame.result
    if result.evaluations == 0:
        raise KeyboardInterrupt
    return result


def run_as_json(
    result: Result, output: Path, device: str, startup_seconds: float, memory_mb: float | None
) -> dict[str, Any]:
    """What `--json` says about a run; seconds of the loop alone, except `startup_seconds`, and MiB."""
    recipe = result.recipe
    return {
        "output": str(output),
        "width": result.picture.width,
        "height": result.picture.height,
        "preset": recipe.preset,
        "device": device,
        "network": recipe.network,
        "numbers": recipe.numbers,
        "iterations": result.steps,
        "evaluations": result.evaluations,
        "seconds": result.seconds,
        "startup_seconds": startup_seconds,
        "first_preview_seconds": result.first_preview_seconds,
        "ended": result.ended,
        "losses": result.losses,
        "layers": result.layers,
        "curve": result.curve,
        "seed": recipe.seed,
        "peak_memory_mb": memory_mb,
        "recipe": recipe.model_dump(mode="json"),
    }


def _last_line(result: Result, output: Path, device: str) -> str:
    recipe, (width, height) = result.recipe, result.picture.size
    whose = {"own": "the playground's own", "source": "the source's", "adapted": "adapted"}[recipe.numbers]
    return (
        f"{output}: {width}×{height} px, {result.ended} after {result.steps} iterations "
        f"and {result.seconds:.1f} s on {device}, {recipe.network} with {whose} numbers"
    )


# ---- what is here ---------------------------------------------------------------------------------------------------


@app.command("presets")
def list_presets(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """List the presets, with what each shows."""
    keys = {"name", "title", "kind", "description", "network", "note"}
    if as_json:
        print(json.dumps([preset.model_dump(mode="json", include=keys) for preset in presets().values()]))
        return
    for preset in presets().values():
        print(f"{preset.name:<24} {preset.kind:<8} {preset.network:<15} {preset.description}")


@app.command("weights")
def list_weights(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A network's name, or a file.", show_default=False)
    ] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help=f"Download it (without NAME: {DEFAULT_NETWORK}).")] = False,
) -> None:
    """Say which networks are on this machine, and fetch one."""
    from playground.networks import weights

    if fetch:
        with progress_on_stderr() as report:
            path = weights.fetch(name or DEFAULT_NETWORK, report)
        print(f"{name or DEFAULT_NETWORK} is here: {path}")
        return
    if name is not None and name not in weights.NETWORKS:
        network = weights.describe(name)
        print(f"{name}: {network.architecture}, {network.convention} convention, {network.megabytes:.0f} MB")
        return
    for status in weights.status():
        if name in (None, status.name):
            print(f"{status.name:<15} {status.path}" if status.present else f"{status.name:<15} {status.hint}")


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what is here, what is missing, and the command that mends it."""
    from playground.cli.doctor import examine, in_words

    found = examine()
    print(json.dumps(found, allow_nan=False) if as_json else in_words(found))
