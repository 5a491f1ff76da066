"""What is wrong with a setting, in one sentence for a person.

Called by the models of a recipe where they refuse something, and by whoever goes on with one. It knows no setting: their names
are handed to it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection

from pydantic import ValidationError

MAX_NAMED = 20  # of all settings in one sentence
MAX_NAME = 60  # characters of a name that somebody else has chosen


def suggestion(name: str, known: Collection[str], they_are: str = "the settings are") -> str:
    """What may have been meant by a name that does not exist, else all that do, or the nearest of too many to read."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    if len(known) <= MAX_NAMED:
        return f"{they_are} {', '.join(known)}"
    return f"the nearest are {', '.join(difflib.get_close_matches(name, known, n=3, cutoff=0.0))}"


def settled_at_start(setting: str, of: str = "run") -> str:
    """A change that comes too late: `setting` is none of those that are live, or what it was set to is not."""
    return f"{setting} is settled when a {of} starts"


def own_words(message: str) -> str:
    """What a check of ours or of typer's raised, without what pydantic writes before it."""
    return message.removeprefix("Value error, ")


def in_one_sentence(error: ValidationError, settings: Collection[str]) -> str:
    """The first complaint of pydantic as one sentence for a person."""
    first = error.errors()[0]
    where = ".".join(_short(str(part)) for part in first["loc"] if part in settings or not isinstance(part, int))
    union = re.split(r"\.(?:function-|literal\[|constrained)", where)
    where, what = union[0], own_words(first["msg"])
    if len(union) > 1:  # pydantic complains once for each kind of value that would do
        kinds = [other["msg"].removeprefix("Input should be ") for other in error.errors() if other["loc"][0] == where]
        what = f"Input should be {', or '.join(dict.fromkeys(kinds))}"
    if first["type"] == "extra_forbidden":
        return f"there is no setting called {where!r}; {suggestion(where, settings)}"
    if not where:
        return what
    said = f"{where}: {what[0].lower() + what[1:]}"
    if isinstance(first["input"], (list, tuple)) and first["type"] == "value_error":
        return said  # our own sentence on all of them together
    shown = repr(first["input"])
    return f"{said} (not {shown if len(shown) < 60 else shown[:57] + '...'})"


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 3]}..."
