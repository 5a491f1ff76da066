"""Nonsense for the page's own handlers, files that people bring, guesses: and afterwards the server still paints."""

from __future__ import annotations

import json
import re
import secrets
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.waiting import until
from tests.web.hostile.target import (
    CANARY,
    PICKLE,
    SMALL,
    WHOLE,
    Target,
    deep,
    refused,
    zipped,
)

NONSENSE: dict[str, Any] = {
    "nothing": None, "words": "<script>alert(1)</script>", "huge": 10**400, "none": float("nan"), "infinite": float("inf"),
    "list": [[[]]], "object": {"a": {"b": 1}}, "file": {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "file" else pytest.mark.slow) for name in NONSENSE]
)  # a dozen seconds each; the others come after a change of Gradio or of many handlers
def test_nonsense_for_every_handler_of_the_page(target: Target, name: str) -> None:
    nonsense = NONSENSE[name]
    for event in target.events:
        if event["backend_fn"] and event["api_name"] != "stylize":
            answer = target.fire(event, [nonsense] * len(event["inputs"]), secrets.token_hex(8), nonsense)
            assert "Traceback" not in answer, event["api_name"]
            assert CANARY not in answer
            assert "root:x" not in answer


RECIPES: dict[str, bytes] = {
    "no json": b"{", "another kind": b"[1, 2]", "deep": deep(50_000).encode(), "nan": b'{"style_weight": NaN}', "pickle": PICKLE,
    "an absurd plan": json.dumps({"plan": [{"size": 10**6, "iterations": 1}]}).encode(),
    "too large": json.dumps({"preset": "x" * 900_000}).encode(),
    "unknown settings": b'{"sise": 64}', "another kind of number": b'{"size": "big"}', "bytes": bytes(1000),
}  # fmt: skip


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_files(target: Target, name: str) -> None:
    refused(target.act("load-recipe", "upload", load_recipe=target.given(RECIPES[name], "recipe.json")))


HEADER = json.dumps({"a": {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 4]}}).encode()
MODELS: dict[str, bytes] = {
    "pickle": PICKLE, "torch zip": zipped("archive/data.pkl", PICKLE), "empty": b"", "bytes": secrets.token_bytes(2000),
    "a long header": struct.pack("<Q", 2**60), "absurd shapes": struct.pack("<Q", len(HEADER)) + HEADER + bytes(4),
    "a picture": WHOLE["PNG"], "a bomb": zipped("x", bytes(10_000_000)),
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("name", MODELS)
def test_networks_that_people_bring(target: Target, name: str, suffix: str) -> None:
    given = target.given(MODELS[name], f"model{suffix}")
    refused(target.act("styles-open", "upload", styles_open=given), "network|file|model|style")
    assert not Path(CANARY).exists(), "a pickle was run"


@pytest.mark.parametrize(
    "told",
    [{"person": "x"}, {"run": "run 1"}, {"run": "1", "person": "../../x"}, {"key": "guess"}, {"person": 5, "run": [], "key": {}},
     [], 5, {"run": "' OR 1=1 --", "person": "a" * 64}, {"person": "a" * 10_000}],
)  # fmt: skip
def test_who_guesses_sees_nobodys_run(target: Target, victim: Callable[[], int], told: Any) -> None:
    (opened,) = (
        event for event in target.events if "playground.told" in str(event["js"]) and len(event["outputs"]) > 50
    )
    session = secrets.token_hex(8)
    answer = target.fire(opened, [None, json.dumps(told)], session)
    assert not re.search(r"step \d+", answer)
    assert "teacher&#39;s key" not in answer
    assert "its runs go first" not in answer
    for button in ("pause", "stop", "branch"):
        target.act(button, "click", session=session)
    before = victim()
    until(lambda: victim() > before)


def test_nobody_stops_a_run_by_its_public_name(target: Target, victim: Callable[[], int]) -> None:
    for name in ("run 1", "run 2", ""):
        assert target.http.post("/admin/stop", data={"run": name, "proof": ""}).status_code == 401
    before = victim()
    until(lambda: victim() > before)


def test_afterwards_it_still_paints(target: Target, victim: Callable[[], int]) -> None:
    health = target.http.get("/health").json()
    assert (health["runs"], health["waiting"]) == (1, 0)
    answer = target.stylize(target.picture, target.picture, "default", json.dumps(SMALL), True)
    assert '"ended": "done"' in answer
