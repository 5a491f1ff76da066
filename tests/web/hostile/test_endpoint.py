"""Settings and arguments that the endpoint cannot paint with: each is refused in words."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.web.hostile.target import (
    SMALL,
    Target,
    deep,
    refused,
)

CHANGE = {"evaluation": 1, "key": "style_weight", "value": 2}
SIZES: list[Any] = [-1, 0, 1, 63, 513, 10**9, 10**400, 64.5, "big", None, [], {}, float("nan"), float("inf")]
NETWORKS: list[Any] = ["/etc/passwd", "../../secret", "http://127.0.0.1:9/x", 5, None, ["vgg16-hed"], "vgg16-hed\0"]
LAYERS: list[Any] = [
    {"conv9_9": 1}, {"conv1_1": -1}, {"conv1_1": "x"}, {"__class__": 1}, [], "conv1_1", {f"conv{n}": 1 for n in range(10_000)},
]  # fmt: skip
SETTINGS: list[str] = [
    "", "x", "[", "{", "null", "true", "3", '"size"', "[64]", deep(500), deep(50_000), "[" * 100_000, "\0", '{"size": 64,}',
    *(json.dumps({"size": value}) for value in SIZES),
    *(json.dumps({"iterations": value}) for value in (-5, 0, 10**12, "many", 1.5, True and [1], float("-inf"))),
    *(json.dumps({"style_weight": value}) for value in (-1, "x", float("nan"), float("inf"), [1], {"a": 1})),
    *(json.dumps({"seed": value}) for value in (-1, 2**40, 0.5, "dice")),
    *(json.dumps({"network": value}) for value in NETWORKS),
    *(json.dumps({"style_layers": value}) for value in LAYERS),
    *(json.dumps({"optimizer": value}) for value in ("sgd", 3, None)),
    json.dumps({"__class__": "x"}), json.dumps({"sise": 64}), json.dumps({"x" * 10_000: 1}), json.dumps({"size": "6" * 100_000}),
    json.dumps({"journal": [CHANGE] * 100_000}), json.dumps({"journal": [{**CHANGE, "key": "network", "value": "/etc/passwd"}]}),
    json.dumps({"journal": [{**CHANGE, "key": "size", "value": 10**6}]}),
    json.dumps({"journal": "x"}), json.dumps({"journal": [1]}),
    json.dumps({"journal": [{**CHANGE, "evaluation": -1}]}),
    json.dumps({"journal": [{**CHANGE, "key": "iterations", "value": 10**9}]}),
    json.dumps({"plan": [{"size": 64, "iterations": 1}] * 100_000}), json.dumps({"plan": [{"size": 10**6, "iterations": 1}]}),
    json.dumps({"plan": [{"size": 64, "iterations": 10**9}]}), json.dumps({"plan": [{}]}), json.dumps({"plan": 5}),
    json.dumps({"lbfgs_history": 10**9}), json.dumps({"scales": 10**6}), json.dumps({"pyramid_levels": 10**6}),
    json.dumps({"seconds": -1}), json.dumps({"preview_rate": 10**6}), json.dumps({"style_size": 10**9}),
    json.dumps({"learning_rate": 0}),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_settings_that_nobody_can_paint_with(target: Target, number: int) -> None:
    text = SETTINGS[number]
    if not text:
        text = " "
    refused(target.stylize(target.picture, target.picture, "default", text, False))


WRONG: dict[str, Callable[[Target], list[Any]]] = {
    "none at all": lambda t: [],
    "one": lambda t: [t.picture],
    "no content": lambda t: [None, t.picture, "default", "{}", False],
    "no style": lambda t: [t.picture, None, "default", "{}", False],
    "texts for pictures": lambda t: ["a.png", "b.png", "default", "{}", False],
    "numbers for pictures": lambda t: [1, 2, "default", "{}", False],
    "lists for pictures": lambda t: [[t.picture], [t.picture], "default", "{}", False],
    "true for pictures": lambda t: [True, True, "default", "{}", False],
    "an empty object": lambda t: [{}, {}, "default", "{}", False],
    "a path that is none": lambda t: [{"path": 5}, t.picture, "default", "{}", False],
    "a path of a list": lambda t: [{"path": ["/etc/passwd"]}, t.picture, "default", "{}", False],
    "a folder": lambda t: [
        {**t.picture, "path": os.path.dirname(t.picture["path"])},
        t.picture,
        "default",
        "{}",
        False,
    ],
    "a file that is gone": lambda t: [
        {**t.picture, "path": t.picture["path"] + "x"},
        t.picture,
        "default",
        "{}",
        False,
    ],
    "a picture in the text": lambda t: [
        {"path": None, "url": "data:image/png;base64,AAAA"},
        t.picture,
        "default",
        "{}",
        False,
    ],
    "no preset of that name": lambda t: [t.picture, t.picture, "../../secret", "{}", False],
    "a number for a preset": lambda t: [t.picture, t.picture, 5, "{}", False],
    "an object for a preset": lambda t: [t.picture, t.picture, {"a": 1}, "{}", False],
    "a preset of a training": lambda t: [t.picture, t.picture, "fast-1", "{}", False],
    "a long preset": lambda t: [t.picture, t.picture, "x" * 100_000, "{}", False],
    "an object for settings": lambda t: [t.picture, t.picture, "default", {"size": 10**6}, False],
    "a number for settings": lambda t: [t.picture, t.picture, "default", 5, False],
}


@pytest.mark.parametrize("name", WRONG)
def test_arguments_of_another_kind(target: Target, name: str) -> None:
    refused(target.stylize(*WRONG[name](target)))


PATHS = [
    "/etc/passwd", "/proc/self/environ", "/dev/zero", "{elsewhere}/secret.png", "{uploads}/../../elsewhere/secret.png",
    "{uploads}/..%2f..%2felsewhere/secret.png", "file:///etc/passwd", "http://127.0.0.1:9/a.png", "https://example.invalid/a.png",
    "ftp://127.0.0.1/a", "//127.0.0.1/share/a.png", "\\\\127.0.0.1\\share", "~/.bashrc", ".", "", "-", "\0", "CON",
]  # fmt: skip


@pytest.mark.parametrize("marked", [True, False], ids=["marked", "unmarked"])
@pytest.mark.parametrize("path", PATHS)
def test_no_path_and_no_address_is_opened(target: Target, path: str, marked: bool) -> None:
    (uploads,) = (target.folder / "temporary").glob("playground-uploads-*")
    path = path.format(elsewhere=target.folder / "elsewhere", uploads=uploads)
    file: dict[str, Any] = {"path": path, "url": path} | ({"meta": {"_type": "gradio.FileData"}} if marked else {})
    refused(target.stylize(file, target.picture, "default", json.dumps(SMALL), False))
    refused(target.act("run", "click", content=file, set_size=64, set_iterations=2))
