"""Every promise in docs/security.md names a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_every_promise_names_tests_and_code_that_are_there() -> None:
    promises = [line for line in (ROOT / "docs/security.md").read_text("utf-8").splitlines() if line.startswith("| ")]
    rows = [line.split("|")[1:-1] for line in promises if "the test that holds it" not in line]
    assert len(rows) > 10
    file = None
    for promise, *code, tests in rows:  # in the table of what once broke, what was and what is stand between
        for place in re.findall(r"`([^`…]+)`", code[0] if len(code) == 1 else ""):
            assert (ROOT / place).exists(), (promise, place)
        named = re.findall(r"`(…|tests/[\w/]+\.py)(?:::)?(\w+)?`", tests)
        assert named, promise
        for where, name in named:
            file = file if where == "…" else ROOT / where
            assert file is not None
            assert file.exists(), (promise, where)
            assert not name or f"def {name}(" in file.read_text("utf-8"), (promise, name)


def test_every_break_has_its_row() -> None:
    text = (ROOT / "docs/security.md").read_text("utf-8")
    numbered = [int(number) for number in re.findall(r"^\| (\d+)\. ", text, re.MULTILINE)]
    assert numbered == list(range(1, 11))
