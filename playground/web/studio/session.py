"""What one open page holds: its recipe, its run, its finished pictures. Kept in gradio's state, one a browser tab.

Handlers get the object itself and change it in place, so it is never an output. Also here: recipes that need a network
which is not on this machine, and the link that carries a recipe.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from playground.errors import PlaygroundError
from playground.images.convert import resize_picture
from playground.images.finish import finished
from playground.lens.looking import Pairs
from playground.networks import catalogue
from playground.networks.network_facts import known
from playground.recipe.base import DEFAULT_NETWORK, RecipeError
from playground.recipe.model import Recipe
from playground.recipe.other_network import on_network
from playground.recipe.parse import parse_settings
from playground.recipe.presets import load_preset, presets
from playground.recipe.styles import Colours
from playground.service.job import Job
from playground.service.jobs import Jobs
from playground.web.components.pictures import sample_at, sample_called, samples
from playground.web.visit import Visit
from playground.web.words import say

MAX_FINISHED = 8  # results a page remembers; each holds a few pictures in memory
NOT_IN_LINKS = ("plan", "journal", "arithmetic")
OWN = ("size", "crop", "seed", "seconds", "colours")
"""What no preset is about, so that it does not overwrite what a person has set."""


@dataclass
class Finished:
    """A finished run: its picture before the photo's colours were kept, and all that the page shows of it."""

    painted: Image.Image
    content: Image.Image  # at the size of the result
    recipe: Recipe
    job: Job
    shown: Image.Image  # with or without the photo's colours
    sources: tuple[str, str] | None = None  # what photo and painting are called; found when it is asked for
    small: str | None = None  # of what is shown, for the shelf; made when it is asked for


class Filling:
    """Held by whoever gives the controls a recipe, so that two who do it at once do it one after the other.

    A copy of a session has one of its own.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_error: object) -> None:
        self._lock.release()

    def __deepcopy__(self, _copied: object) -> Filling:
        return Filling()


@dataclass
class Session(Visit):
    """The state of the Studio on one open page."""

    base: Recipe
    filled: int = 0  # how often the controls have been given a recipe; what they send says which it was (FILLED)
    filling: Filling = field(default_factory=Filling)
    chosen_network: str | None = None  # a choice that no handler has taken yet; the dropdown may show another since
    own: dict[str, Any] = field(
        default_factory=dict
    )  # of OWN, what a person has set, which stays when a preset is chosen
    cut: dict[str, str] = field(default_factory=dict)  # what is shown to be cut off the two pictures
    frames_every: int = 0  # iterations between two pictures that are kept of a run; 0 keeps none
    teacher: bool = False  # whether its runs go first
    gone: bool = False  # whether the page was closed
    job: Job | None = None  # the run on the easel
    watched: Job | None = None  # the same, until its result is shown
    content: Image.Image | None = None  # of the run, at the size of the result
    colours: Colours = "style"  # that the run is shown in
    moment: int | None = None  # the evaluation that the time machine shows; None for the latest
    looking: bool = False  # whether the time machine is open
    more: list[Image.Image] = field(default_factory=list)  # paintings beside the first
    strokes: np.ndarray | None = None  # drawn on the regions' desk, without what was completed; H×W of region numbers
    turn: int = 0  # counts what was put on the easel, so that whatever followed another run stops
    asked: str = ""  # what waits for an answer to "Replace it?": "run" or "branch"
    finished: list[Finished] = field(default_factory=list)
    compared: list[str] = field(default_factory=list)  # names of the results chosen to be compared, two at most
    linked: dict[str, str] = field(default_factory=dict)  # by box the sample that the page's link asks for
    wanted_network: str = ""  # a network that is offered for download
    staged: Recipe | None = None  # what was chosen while a run went on, for the next
    staged_pictures: set[str] = field(default_factory=set)  # "content", "style": given while a run went on
    seed_counts: bool | None = None  # whether another seed is offered; None where nobody has looked
    tug_at: int | None = None  # the evaluation whose pulls are on show; None for those of the run as it goes on
    pairs_seen: tuple[str, Pairs] | None = None  # what Pairs showed last, and of which pictures
    past: list[Recipe] = field(default_factory=list)  # what the controls showed, the latest last
    future: list[Recipe] = field(default_factory=list)  # what was undone
    both: bool = True  # whether a photo and a painting are chosen
    brought: Job | None = None  # an earlier run whose pictures are wanted in the two boxes
    left: Recipe | None = None  # what an undo or redo has just left
    moved: frozenset[str] = frozenset()  # the settings of the last step, and when it was made
    moved_at: float = 0.0
    intended: Recipe | None = None  # the recipe that needs it, where another one stands in for it meanwhile

    def put(self, job: Job) -> None:
        """Put a run on the easel; it must have its photo still."""
        assert job.content is not None
        self.job = self.watched = job
        self.more = list(job.pictures.styles[1:])
        self.content = resize_picture(job.painted_content, job.recipe.size)
        self.colours, self.moment, self.tug_at = job.colours, None, None

    def coloured(self, picture: np.ndarray | None) -> np.ndarray | None:
        """A preview of the run on the easel, in the colours that are wanted."""
        if picture is None or self.content is None or self.job is None or self.colours in ("style", "matched"):
            return picture
        job = self.job
        return np.asarray(
            finished(Image.fromarray(picture), self.content, job.pictures.styles, job.recipe, self.colours)
        )

    def running(self) -> Job | None:
        """The run that is going on, if any."""
        return self.job if self.job is not None and not self.job.ended else None

    def painting_now(self) -> int:
        """How many paintings of the strip, from the first on, are those of the run that goes on; 0 where there is none, or
        where one of its paintings was taken out.
        """
        job = self.running()
        further = job.pictures.styles[1:] if job is not None else ()
        here = self.more[: len(further)]
        same = len(here) == len(further) and all(ours is theirs for ours, theirs in zip(here, further, strict=True))
        return 1 + len(further) if job is not None and same else 0


def preset_of(recipe: Recipe) -> Recipe:
    """The preset a recipe started from, on the recipe's network: what "as in this preset" means."""
    name = recipe.preset if recipe.preset in stylize_presets() else "default"
    try:
        return load_preset(name or "default", known(recipe.network))
    except PlaygroundError:  # its layers do not exist in this network, or it is not here to be measured
        return load_preset(name or "default")


def stylize_presets() -> dict[str, Any]:
    """The presets of the Studio, `default` first."""
    return {name: preset for name, preset in presets().items() if preset.kind == "stylize"}


def usable(recipe: Recipe, jobs: Jobs) -> tuple[Recipe, str]:
    """A recipe that this machine can paint, and the network it was really meant for where that is not here.

    What a person has set is kept; the preset's own numbers become those adapted to the network.

    Raises:
        RecipeError: its layers do not exist in the network that is here.
    """
    recipe = jobs.downloads.ours(recipe)
    if recipe.network in jobs.networks and catalogue.is_available(recipe.network):
        return recipe, ""
    if recipe.network == DEFAULT_NETWORK:
        return recipe, DEFAULT_NETWORK
    wanted = recipe.network if recipe.network in catalogue.NETWORKS else ""
    return on_network(recipe, jobs.downloads.look(DEFAULT_NETWORK)), wanted


def put_on(recipe: Recipe, network: str, jobs: Jobs) -> Recipe:
    """A recipe on another network that is here, with the numbers for that; layers that it lacks are left out.

    Raises:
        PlaygroundError: the network cannot be used, or has none of the recipe's layers.
    """
    try:
        before = jobs.downloads.look(recipe.network)
    except PlaygroundError:
        before = None
    return on_network(recipe, jobs.downloads.look(network), before, drop=True)


def _different(recipe: Recipe, preset: Recipe, but: tuple[str, ...]) -> dict[str, Any]:
    """What a recipe sets otherwise than a preset, as plain JSON values, but for some keys."""
    theirs = preset.model_dump(mode="json")
    mine = recipe.model_dump(mode="json")
    return {key: value for key, value in mine.items() if value != theirs[key] and key not in but}


LINKED = {"content": ("photo", "photos"), "style": ("painting", "styles")}
"""By box: what a link calls its sample, and the kind of sample."""


def link_query(recipe: Recipe, paths: Mapping[str, str | None] | None = None) -> str:
    """What stands behind the page's address to open it with this recipe: the preset, what differs from it, the samples.

    Args:
        paths: of the pictures by box; a person's own stay out of links.
    """
    named = []
    for box, path in (paths or {}).items():
        word, kind = LINKED[box]
        index = sample_at(kind, path)
        if index is not None:
            named.append(f"&{word}={samples(kind)[index].name}")
    return _recipe_query(recipe) + "".join(named)


def samples_of_link(query: Mapping[str, str]) -> dict[str, str]:
    """The names of the samples a link asks for, by box; what is not here counts as not asked for."""
    return {
        box: query[word] for box, (word, kind) in LINKED.items() if word in query and sample_called(kind, query[word])
    }  # fmt: skip


def _recipe_query(recipe: Recipe) -> str:
    name = recipe.preset if recipe.preset in stylize_presets() else "default"
    own = _different(recipe, load_preset(name or "default"), NOT_IN_LINKS)
    if not own:
        return f"?preset={name}"
    packed = base64.urlsafe_b64encode(json.dumps(own, separators=(",", ":")).encode()).decode().rstrip("=")
    return f"?preset={name}&recipe={packed}"


def recipe_of_link(preset: str | None, packed: str | None) -> Recipe | None:
    """The recipe a link asks for; None where it asks for nothing.

    Raises:
        RecipeError: no such preset, or a recipe that was cut off or cannot be used.
    """
    if not preset and not packed:
        return None
    base = load_preset(preset or "default")
    if not packed:
        return base
    if len(packed) > 20_000:
        raise RecipeError(say("link.too_long"))
    cut_off = say("link.cut_off")
    try:
        text = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
    except ValueError:
        raise RecipeError(cut_off) from None
    own = parse_settings(text, no_json=cut_off, no_object=say("link.no_settings"))
    return base.changed(own)
