"""Progress where there is no terminal: a sentence now and then, and none twice in a row."""

from __future__ import annotations

import pytest

from playground.system import progress


def test_a_sentence_that_does_not_change_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now, said = 100.0, list[str]()
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    report = progress.now_and_then(said.append)
    for sentence in ("0 of 6 cells", "0 of 6 cells", "1 of 6 cells", "1 of 6 cells", "0 of 6 cells"):
        now += progress.LINE_EVERY
        report(sentence, None)
    report("too soon", None)
    assert said == ["0 of 6 cells", "1 of 6 cells", "0 of 6 cells"]
