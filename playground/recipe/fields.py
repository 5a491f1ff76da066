"""How a recipe's field is declared: its bounds, its words, and all that a control needs to know of it. Knows no one setting."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field


def setting(default: Any, label: str, help: str, *, group: str, live: bool = False, **bounds: Any) -> Any:
    """A recipe field with all that a control needs: label, help in plain words, group, bounds, and whether it is live."""
    extra = {
        "label": label,
        "group": group,
        "live": live,
        "unit": bounds.pop("unit", ""),
        "log": bounds.pop("log", False),
    }
    if isinstance(default, dict):
        return Field(
            default_factory=lambda: dict(default), title=label, description=help, json_schema_extra=extra, **bounds
        )
    return Field(default, title=label, description=help, json_schema_extra=extra, **bounds)


def spelling(**same: str) -> BeforeValidator:
    """Accept other spellings of a word, such as `avg` for `average`."""
    return BeforeValidator(lambda value: same.get(value, value) if isinstance(value, str) else value)


Weight = Annotated[float, Field(ge=0, le=1e30, allow_inf_nan=False)]
