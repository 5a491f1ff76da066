"""The JSON beside a model's tensors, which may come from anywhere: read within bounds, or refused in one sentence.

Called by model.py. What passes is plain data that no reader, chart or page stumbles over: finite numbers of a usual size, text
that can be sent, and no more of anything than a card of this project's has.
"""

from __future__ import annotations

import json
import math
from typing import Any

from playground.feedforward.layouts import ModelError

MAX_TEXT = 4_000_000  # characters in all, of which the curve of a long training is most
MAX_STRING = 200_000  # characters of one text; the style picture as base64 is the longest
MAX_NESTING = 8
MAX_VALUES = 400_000
MIN_SIZE, MAX_SIZE = 1e-100, 1e100  # of a number's size, beside 0


def read_card(text: str, file: str) -> dict[str, Any]:
    """The JSON object in `text`; empty where it is JSON of another kind.

    Args:
        file: its name, for the sentence.

    Raises:
        ModelError: it is no JSON, or beyond a bound.
    """
    if len(text) > MAX_TEXT:
        raise _refused(file, f"is over {MAX_TEXT / 1e6:.0f} million characters long")
    try:
        card = json.loads(text, parse_constant=_number, parse_float=_number, parse_int=_whole)
    except RecursionError:
        raise _refused(file, f"is nested more than {MAX_NESTING} levels deep") from None
    except _BoundError as error:
        raise _refused(file, str(error)) from None
    except ValueError:
        raise _refused(file, "is no JSON") from None
    _check(card, file)
    return card if isinstance(card, dict) else {}


class _BoundError(ValueError):
    """A number that no card has."""


def _refused(file: str, why: str) -> ModelError:
    return ModelError(f"what {file[:80]!r} says about itself {why}: train or download it again")


def _number(text: str) -> float:
    value = float(text)  # also "NaN" and "Infinity"
    if not math.isfinite(value) or (value and not MIN_SIZE <= abs(value) <= MAX_SIZE) or len(text) > 40:
        raise _BoundError("holds a number that cannot be one of a training")
    return value


def _whole(text: str) -> int:
    if len(text) > 20:
        raise _BoundError("holds a number that cannot be one of a training")
    return int(text)


def _check(card: Any, file: str) -> None:
    """Bounds of what is nested, level by level."""
    level: list[Any] = [card]
    values = 0
    for _ in range(MAX_NESTING + 1):
        values += len(level)
        if values > MAX_VALUES:
            raise _refused(file, f"holds more than {MAX_VALUES:,} values")
        texts = [value for value in level if isinstance(value, str)]
        texts += [key for value in level if isinstance(value, dict) for key in value]
        for text in texts:
            if len(text) > MAX_STRING:
                raise _refused(file, f"holds a text of more than {MAX_STRING:,} characters")
            if any("\ud800" <= letter <= "\udfff" for letter in text):
                raise _refused(file, "holds half a character, which no page can show")
        level = [
            inner
            for value in level
            if isinstance(value, (dict, list))
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise _refused(file, f"is nested more than {MAX_NESTING} levels deep")
