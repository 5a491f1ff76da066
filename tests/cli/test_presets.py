"""`presets`, for people and for programs."""

from __future__ import annotations

import json

import pytest

from playground import load_preset
from playground.cli.app import main


def test_presets_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    listed = {preset["name"]: preset for preset in json.loads(out)}
    assert {"default", "gatys-adam", "vgg16-lbfgs", "tf-adam-tv"} <= listed.keys()
    assert next(iter(listed)) == "default"
    for preset in listed.values():
        assert preset.keys() == {"name", "title", "kind", "description", "network", "note"}
        assert preset["kind"] in ("stylize", "train")
    assert listed["gatys-adam"]["network"] == "vgg19-imagenet"


def test_presets_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("default ")
    assert load_preset().network in lines[0]
