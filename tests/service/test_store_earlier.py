"""Runs and trainings that an earlier version has left come back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from playground.engine.checkpoints import Checkpoints
from playground.images.pictures import Pictures
from playground.recipe.parse import stored_training
from playground.recipe.presets import load_training_preset
from playground.service.store import Store
from tests.helpers import version_0_1
from tests.helpers.stored import PICTURE, RECIPE, STYLE, change_meta, stored


def test_a_run_that_an_earlier_version_left_comes_back(tmp_path: Path) -> None:
    """The layout and the keys of the version before this one, written by hand: these names are for ever."""
    root = tmp_path / "runs"
    folder = root / "server-old" / "run-old"
    (folder / "moments").mkdir(parents=True)
    (folder / "film").mkdir()
    (folder / "moments" / "000000007.moment").write_bytes(b"snapshot")
    (folder / "film" / "000000007-12.jpg").write_bytes(b"preview")
    PICTURE.save(folder / "content.png")
    STYLE.save(folder / "style.png")
    old = {
        "id": "secret", "visitor": "ann", "title": "", "photos": "", "reached": "", "parent": None, "changes": {},
        "settings": {"style_weight": 3.0}, "paused": True, "notes": ["a note"], "created": 123.5, "tries": 0,
        "kind": "Recipe", "recipe": RECIPE.model_dump(mode="json"),
    }  # fmt: skip
    (folder / "meta.json").write_text(json.dumps(old), "utf-8")
    (found,) = Store(root, 100).adopt()
    assert (found.id, found.visitor, found.recipe, found.settings) == ("secret", "ann", RECIPE, {"style_weight": 3.0})
    assert (found.paused, found.notes, found.created) == (True, ("a note",), 123.5)
    assert found.colours == "style"
    assert np.array_equal(np.asarray(found.pictures.content), np.asarray(PICTURE))
    assert np.array_equal(np.asarray(found.pictures.style), np.asarray(STYLE))
    assert found.pictures.styles == (found.pictures.style,)
    assert found.folder is not None
    assert Checkpoints(found.folder.checkpoints, 10**9).evaluations == [7]
    assert [path.name for path in found.folder.previews.iterdir()] == ["000000007-12.jpg"]
    assert (found.tries, found.starts) == (0, 1)


def test_a_training_that_an_earlier_version_left_comes_back(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    first = Store(root, 100)
    own = first.new_folder()
    first.create(stored("t", recipe=load_training_preset(), pictures=Pictures(None, (STYLE,)), folder=own))
    first.close()
    change_meta(own.path, recipe=json.loads(version_0_1.TRAINING))
    (found,) = Store(root, 100).adopt()
    assert found.recipe == stored_training(json.loads(version_0_1.TRAINING))
