"""The tables of `docs/methods.md` that say what stands in a preset and what its source says: true, and complete."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from playground.images.convert import cut_size, fit_size
from playground.recipe.presets import load_preset, load_training_preset, presets
from playground.recipe.training import TrainingRecipe

ROOT = Path(__file__).resolve().parents[2]
SECTION = (ROOT / "docs" / "methods.md").read_text("utf-8").partition("## The sources' numbers, one by one")[2]
TABLES = {
    match[1]: re.findall(r"^\| `(\w+)` \| `(.*?)` \| (.*?) \| (.*?) \|$", match[2], re.MULTILINE)
    for match in re.finditer(r"^\*\*`([\w-]+)`\*\*\n\n((?:\|.*\n)+)", SECTION, re.MULTILINE)
}
DEPARTS_OF_FAST_1 = {key: one.source for key, one in presets()["fast-1"].departs.items()}
FOLLOW_A_SOURCE = sorted(name for name, preset in presets().items() if preset.numbers == "source")


def test_every_preset_that_follows_a_source_has_its_table() -> None:
    assert sorted(TABLES) == FOLLOW_A_SOURCE
    assert len(FOLLOW_A_SOURCE) == 10
    assert SECTION.count("\n| `") == sum(map(len, TABLES.values())) + 18  # no row has been overlooked


@pytest.mark.parametrize("name", FOLLOW_A_SOURCE)
def test_the_table_says_what_stands_in_the_preset(name: str) -> None:
    stated = presets()[name].recipe
    if name != "fast-1" and name.startswith("fast-"):
        stated = {key: value for key, value in stated.items() if presets()["fast-1"].recipe.get(key) != value}
    assert {key: json.loads(here) for key, here, *_ in TABLES[name]} == stated
    recipe = load_training_preset(name) if presets()[name].kind == "train" else load_preset(name)
    assert {key: getattr(recipe, key) for key in stated} == stated
    departs = {key: one.source for key, one in presets()[name].departs.items()}
    assert departs == {key: source for key, _, source, reason in TABLES[name] if reason != "exact"} or (
        name.startswith("fast-") and name != "fast-1" and departs == DEPARTS_OF_FAST_1  # listed there
    )
    for _key, here, source, reason in TABLES[name]:
        if reason == "exact":
            assert json.loads(source.strip("`")) == json.loads(here)
        else:
            assert source.strip("`") != here
            assert reason.startswith("adapted: ")


def test_the_source_s_exact_size_is_the_crop_that_the_table_names() -> None:
    named = {}
    for name, rows in TABLES.items():
        for key, here, source, reason in rows:
            if key == "size" and (crop := re.search(r"`crop=([\d:]+)` is exactly ([\d×]+)$", reason)):
                assert crop[2] == source
                recipe = load_preset(name).changed({"crop": crop[1]})
                assert recipe.size == int(here)
                for photo in ((640, 427), (427, 640), (300, 300), (2000, 1123)):
                    assert "{}×{}".format(*fit_size(*cut_size(*photo, recipe.crop), recipe.size)) == source
                named[name] = source
    squashed = (
        ("gatys-adam", "224×224"),
        ("vgg16-lbfgs", "500×350"),
        ("hrnet-source", "500×500"),
        ("hrnet-paper", "500×500"),
    )
    assert named == dict(squashed)
    for name, size in squashed:  # and the page says so under the preset
        assert size in presets()[name].note


def test_the_tests_that_the_table_names_exist() -> None:
    named = re.findall(r"\| `(tests/[\w/]+\.py)::(\w+)` \|$", SECTION, re.MULTILINE)
    assert len(named) == 19
    for path, test in named:
        assert f"def {test}(" in (ROOT / path).read_text("utf-8"), test


def test_a_training_saves_as_often_as_its_source() -> None:
    assert TrainingRecipe.model_fields["checkpoint_steps"].default == 200
