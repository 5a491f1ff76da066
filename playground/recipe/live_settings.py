"""Which settings may change while a run goes on: all that base.py, model.py, neighbour_settings.py and styles.py mark `live=True`.

Such a change leaves the canvas, the network and the sizes as they are; a training's own stand in training.py. Asked by the
page, whose other controls wait for the next Run, by engine/live_changes.py, which makes the changes, and by a journal's
check. Knows no one setting.
"""

from __future__ import annotations

from functools import cache

from pydantic import BaseModel


@cache
def live_settings(model: type[BaseModel]) -> frozenset[str]:
    """Names of the settings of a recipe's model that a slider may change while a run goes on."""
    extras = {name: field.json_schema_extra for name, field in model.model_fields.items()}
    return frozenset(name for name, extra in extras.items() if isinstance(extra, dict) and extra.get("live"))
