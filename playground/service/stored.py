"""One run or training as the disk keeps it, and which of that stands in its meta.json; store.py reads and writes it.

Knows no job and no server.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from playground.images.pictures import Pictures
from playground.recipe.model import Recipe, setting_value
from playground.recipe.parse import stored_training
from playground.recipe.styles import Colours
from playground.recipe.training import TrainingRecipe
from playground.service.run_folder import RunFolder


@dataclass(frozen=True)
class Stored:
    """One run or training as it is kept.

    Attributes:
        id, visitor: as the job's; secrets, which is why nobody else may read the folder.
        recipe: as it was started; of a training a `TrainingRecipe`.
        pictures: clean RGB; a training has no content image.
        parent: id of the run and evaluation that a branch left, with what was `changes` there.
        settings: every live setting that was asked for so far, for `control.change`.
        paused: whether it was.
        notes: what a person was told.
        colours: whose it is shown and saved with.
        pinned: whether its result stays on a page's shelf when older ones go.
        person: on whose account it counts.
        frames_every: iterations from one kept picture to the next; 0 where none are kept.
        title, photos: of a training: its style's name, and the folder name or `BUNDLED` for `Photos`.
        created: seconds since the epoch.
        tries, starts, reached: how often it ran on from where it stands now for long enough to save a checkpoint and yet got
            no further; how often it was taken up there at all; and where that is.
        folder: its own, once it is kept.
    """

    id: str
    visitor: str
    recipe: Recipe | TrainingRecipe
    pictures: Pictures
    parent: tuple[str, int] | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    paused: bool = False
    notes: Sequence[str] = ()
    colours: Colours = "style"
    pinned: bool = False
    title: str = ""
    photos: str = ""
    created: float = field(default_factory=time.time)
    tries: int = 0
    starts: int = 0
    reached: str = ""
    folder: RunFolder | None = None
    person: str = ""
    frames_every: int = 0


TEXTS = ("id", "visitor", "title", "photos", "reached", "person")
PLAIN = (
    *TEXTS, "parent", "changes", "settings", "paused", "notes", "created", "tries", "starts", "colours", "pinned",
    "frames_every",
)  # fmt: skip
MISSING = {
    "starts": 0,
    "colours": "style",
    "pinned": False,
    "person": "",
    "frames_every": 0,
}  # what earlier versions did not write


def read_stored(folder: RunFolder) -> Stored:
    """The run or training in a folder, as this version or an earlier one has written it.

    Raises:
        PlaygroundError, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError: it is damaged.
    """
    data = json.loads(folder.meta.read_text("utf-8"))
    if data.get("original_colours") is True:  # as earlier versions wrote it
        data.setdefault("colours", "content")
    data = MISSING | data
    training = {"Recipe": False, "TrainingRecipe": True}[data["kind"]]
    plain = {name: data[name] for name in PLAIN}
    if not all(isinstance(plain[name], str) for name in TEXTS) or not plain["id"]:
        raise ValueError("its identity is no text")
    if os.path.basename(plain["photos"]) != plain["photos"]:
        raise ValueError("its photographs lie outside its folder")
    return Stored(
        **{
            **plain,
            "recipe": stored_training(data["recipe"]) if training else Recipe.of(data["recipe"]),
            "pictures": folder.read_pictures(content=not training),
            "parent": (str(plain["parent"][0]), int(plain["parent"][1])) if plain["parent"] else None,
            "changes": dict(plain["changes"]),
            "settings": dict(plain["settings"]),
            "notes": tuple(map(str, plain["notes"])),
            "colours": setting_value("colours", plain["colours"]),
            "created": float(plain["created"]),
            "paused": bool(plain["paused"]),
            "pinned": bool(plain["pinned"]),
            "tries": int(plain["tries"]),
            "starts": int(plain["starts"]),
            "frames_every": int(plain["frames_every"]),
            "folder": folder,
        }
    )
