"""`presets`: lists the presets with what each shows. Called by app.py; knows nothing of torch, so it answers at once."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from playground.recipe.presets import presets


def list_presets(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """List the presets, with what each shows."""
    keys = {"name", "title", "kind", "description", "network", "note"}
    if as_json:
        print(json.dumps([preset.model_dump(mode="json", include=keys) for preset in presets().values()]))
        return
    for preset in presets().values():
        print(f"{preset.name:<24} {preset.kind:<8} {preset.network:<15} {preset.description}")
