"""`export`: writes a trained network as ONNX. Called by app.py; the file's form is known to playground/feedforward."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from playground.cli.common import check_file_path
from playground.cli.options import AsJson, Model


def export(
    model: Model,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The .onnx file; else beside the model.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a trained model as ONNX: RGB in [0, 1], N×3×H×W, to the same, for any sides divisible by four."""
    from playground.feedforward.export import export_onnx
    from playground.feedforward.model import load_model

    output = output or Path(model).with_suffix(".onnx")
    check_file_path(output, ".onnx")
    export_onnx(load_model(model), output)
    megabytes = output.stat().st_size / 1e6
    print(json.dumps({"output": str(output), "megabytes": megabytes}) if as_json else f"{output}: {megabytes:.1f} MB")
