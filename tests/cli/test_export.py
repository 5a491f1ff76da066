"""`export` as a person or a script uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.cli import answer, complaint


@pytest.mark.slow  # the exporter alone takes ten seconds to import
def test_export_writes_beside_the_model(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = answer(capsys, "export", model)
    assert said["output"] == str(tmp_path / "model.onnx")
    assert said["megabytes"] == pytest.approx((tmp_path / "model.onnx").stat().st_size / 1e6)
    assert ".onnx" in complaint(capsys, "export", model, "-o", tmp_path / "x.pt")
