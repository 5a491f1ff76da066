"""What several commands share: the recipe that options add up to, free names, and a run watched on stderr.

Called by the files of the commands and by nobody else. Must not know any one command, and imports torch only inside
functions, so that what needs no torch answers at once.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.errors import PlaygroundError
from playground.recipe.adapted_numbers import Look
from playground.recipe.base import DEFAULT_NETWORK, BaseRecipe
from playground.recipe.model import Recipe
from playground.recipe.parse import MAX_TEXT, parse_setting, parse_settings, recipe_on_preset
from playground.recipe.presets import find_preset, presets
from playground.recipe.styles import MAX_STYLES, for_styles
from playground.system.progress import progress_on_stderr

if TYPE_CHECKING:
    from playground.engine.frames import Frame, Result


# ---- recipes --------------------------------------------------------------------------------------------------------


def requested_settings(settings: Sequence[str], named: Mapping[str, Any]) -> dict[str, Any]:
    """What `--set KEY=VALUE` and named options ask for; the latter win, and None means that one was not given.

    Raises:
        PlaygroundError: a setting is not KEY=VALUE.
    """
    requested: dict[str, Any] = {}
    for key, value in map(parse_setting, settings):
        requested.pop(key, None)  # so that a repeated key takes effect where it stands last
        requested[key] = value
    return requested | {key: value for key, value in named.items() if value is not None}


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
    requested = requested_settings(settings, named)
    if preset is not None:
        find_preset(preset)
    beneath = requested.get("preset") or saved.get("preset") or preset or "default"
    return recipe_on_preset(str(beneath), saved, requested, known=known_network)


def more_styles(given: Sequence[str], recipe: Recipe, settings: Sequence[str]) -> tuple[list[str], Recipe]:
    """The files of further style images, MORE or MORE:WEIGHT, and the recipe with the weights that were given.

    Args:
        settings: `--set` as given, which must not say other weights.

    Raises:
        PlaygroundError: there are too many, or another number than the recipe is for, or a weight cannot be used or is
            given twice.
    """
    if len(given) >= MAX_STYLES:
        raise PlaygroundError(f"at most {MAX_STYLES} paintings are used; leave out some of the --style")
    files, weights = list[str](), dict[int, float]()
    for number, text in enumerate(given, start=1):
        file, weight = with_weight(text)
        files.append(file)
        if weight is not None:
            weights[number] = weight
    if weights:
        if "style_weights" in requested_settings(settings, {}):
            raise PlaygroundError("give the weights of paintings by --style MORE:WEIGHT or by style_weights, not both")
        count = 1 + len(given)
        before = for_styles(recipe.style_weights, count)
        recipe = recipe.changed({"style_weights": [weights.get(number, before[number]) for number in range(count)]})
    return files, recipe


def with_weight(text: str, prefix: str = "") -> tuple[str, float | None]:
    """A style and its weight, a number after the last colon; None where there is none.

    Args:
        prefix: what may stand before a file, with a colon of its own.

    Raises:
        PlaygroundError: what stands behind a file is no number, or it is below 0 or not finite.
    """
    bare = text.removeprefix(prefix)
    name, colon, number = bare.rpartition(":")
    if not colon or Path(bare).is_file():
        return text, None
    try:
        weight = float(number)
    except ValueError:
        if Path(name).is_file():
            raise PlaygroundError(f"the weight of {name!r} is no number ({number!r}): write {name}:0.5") from None
        return text, None  # a colon of the name's own
    if not 0 <= weight < math.inf:
        raise PlaygroundError(f"the weight of {name!r} must be a number of 0 or more, not {number}")
    return text.removesuffix(f":{number}"), weight


def known_network(name: str) -> Look:
    """What a preset's numbers depend on, of a network by name or file."""
    from playground.networks.network_facts import known

    return known(name)


class RecipeMissingError(PlaygroundError):
    """A picture that was not painted by a run, or has lost its recipe since."""


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
        raise RecipeMissingError(f"the picture {path.name!r} has no recipe inside; give one that was painted here")
    return parse_settings(text)


# ---- names ----------------------------------------------------------------------------------------------------------


def free_path(wanted: Path, taken: Collection[Path] = ()) -> Path:
    """`wanted`, or the first of a.png, a-2.png, a-3.png, ... that no file has and that is not among `taken`."""
    path, number = wanted, 1
    while path in taken or path.exists():
        number += 1
        path = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
    return path


def free_result_path(content: str, recipe: Recipe) -> Path:
    """A name beside the content image that no file has: photo-default.png, photo-default-2.png, ..."""
    image = Path(content)
    # A recipe's preset is any text a file states, so only known names become part of a path.
    preset = recipe.preset if recipe.preset in presets() else "recipe"
    return free_path(image.with_name(f"{image.stem}-{preset}.png"))


def check_file_path(path: Path, suffix: str) -> None:
    """Raise PlaygroundError, before any work, where a file could not be written to `path`; nothing is created."""
    if path.suffix != suffix:
        raise PlaygroundError(f"the output {path.name!r} must end in {suffix}")
    if not path.parent.is_dir():
        raise PlaygroundError(f"the output folder {str(path.parent)!r} does not exist: create it first")
    if path.is_dir():
        raise PlaygroundError(f"the output {str(path)!r} is a folder: give a file's name")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PlaygroundError(f"the output {str(path)!r} cannot be written: choose another folder")


# ---- what a run needs, and how it is watched ------------------------------------------------------------------------


def make_network_ready(recipe: BaseRecipe, device: str, adapted_would_apply: bool) -> None:
    """Read the recipe's network, fetching the default one where it is missing; know which arithmetic is the fastest here.

    Raises:
        WeightsMissing: another network is missing; says how to get it, and, where a preset has numbers for the
            default network and nothing overrules them, how to paint with those.
    """
    from playground.networks import arithmetic_choice
    from playground.networks.catalogue import CAFFE_FILES, NETWORKS, WeightsMissing
    from playground.networks.fetch import fetch
    from playground.networks.vgg import load_network

    try:
        load_network(recipe.network, device)
    except WeightsMissing as missing:
        if recipe.network == DEFAULT_NETWORK:
            with progress_on_stderr() as report:
                fetch(recipe.network, report)
            make_network_ready(recipe, device, adapted_would_apply)
            return
        preset = presets().get(recipe.preset or "")
        if adapted_would_apply and preset and DEFAULT_NETWORK in preset.adapted:
            hint = f"or add `--set network={DEFAULT_NETWORK}` to paint with numbers adapted to that network"
            raise WeightsMissing(f"{str(missing).rstrip('.')}, {hint}.") from None
        raise
    if recipe.network in CAFFE_FILES or recipe.network not in NETWORKS:
        from playground.networks.network_facts import known

        if doubt := known(recipe.network).doubt():
            print(f"{doubt}.", file=sys.stderr)
    if device == "cpu" and arithmetic_choice.wants_measuring(recipe.arithmetic):
        arithmetic_choice.measure()


@contextmanager
def explained_lack_of_memory() -> Iterator[None]:
    """Turn a failed allocation on any device into one sentence."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        from playground.system.memory import is_out_of_memory

        if is_out_of_memory(error):
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


def in_words(seconds: float) -> str:
    """A time to wait, roundly."""
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    return f"{math.ceil(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def losses_in_words(losses: Mapping[str, float]) -> str:
    terms = ", ".join(f"{name} {loss:.3g}" for name, loss in losses.items() if name != "total")
    return f"loss {losses['total']:.3g} ({terms})"


def _frame_in_words(frame: Frame, recipe: Recipe, device: str) -> tuple[str, float]:
    """Step k of n, losses, speed, time left and device in one sentence, and the fraction that is done."""
    from playground.engine.schedule import fraction_done

    fraction = fraction_done(recipe, frame.evaluations, max(frame.size) / min(frame.size))
    parts = [f"step {frame.step} of {frame.steps}"]
    if frame.losses:
        parts.append(losses_in_words(frame.losses))
    if frame.seconds > 0 and fraction > 0:
        left = frame.seconds * (1 - fraction) / fraction
        if recipe.seconds is not None:
            left = min(left, max(0.0, recipe.seconds - frame.seconds))
        unit = "it/s" if recipe.evaluations_per_iteration == 1 else "evaluations/s"
        parts += [f"{frame.evaluations / frame.seconds:.3g} {unit}", f"{in_words(left)} left"]
    return ", ".join([*parts, device]), fraction
