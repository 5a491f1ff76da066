"""Every sentence of the page, in the language of whoever reads it.

One JSON file a language beside this one, flat, from key to sentence with {placeholders}: the form that `gr.I18n` takes.
English is the reference; labels and help of settings and the words of presets stand in the recipe, and the other languages
translate them under `field.NAME.label`, `field.NAME.help` and `preset.NAME.title`, `.description` and `.note`. The same with
lessons: `lesson.NAME.question` and so on.

`say` is all that the page's code calls. While the page is laid out nobody knows who will read it: `say` then leaves a mark,
and `localised` puts the sentence there for each reader (gradio_patches/spoken_config.py). `gr.I18n` itself would send all
languages to every browser, take one sentence a value, and know nothing of what handlers say. In a handler `say` gives the
sentence at once, in the language of the request: `lang` in the page's address, else what the browser prefers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from playground.experiments.lessons import lessons
from playground.recipe.model import Recipe, field_info
from playground.recipe.presets import presets
from playground.recipe.training import TrainingRecipe
from playground.web.gradio_patches.private_names import current_event

LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español"}
FOLDER = Path(__file__).parent
IN_BROWSER = "js."  # keys of sentences that the page's scripts say, without this part, as window.playgroundWords
ALSO_IN_BROWSER = ("term.", "number.")  # keys that both say, as they are
IN_SCOPE = "playground.language"
ASKED: ContextVar[str] = ContextVar("language", default="en")
"""The language of the request that is being answered, set before gradio has it (security.py)."""

# Characters that no text has: a mark is OPEN key (PART name VALUE value)* CLOSE.
_OPEN, _CLOSE, _PART, _VALUE = "\ue000", "\ue001", "\ue002", "\ue003"
_MARK = re.compile(f"{_OPEN}([^{_OPEN}{_CLOSE}]*){_CLOSE}")
_ALL = "*"  # the key of a mark that stands for everything the scripts say, as JSON
_laying_out: ContextVar[bool] = ContextVar("laying out", default=False)


@cache
def words(language: str) -> Mapping[str, str]:
    """All sentences of a language that its file has; of English also what stands in recipes and presets."""
    found: dict[str, str] = json.loads((FOLDER / f"{language}.json").read_text("utf-8"))
    return {**_of_recipes(), **found} if language == "en" else found


def _of_recipes() -> dict[str, str]:
    found: dict[str, str] = {}
    for model in (TrainingRecipe, Recipe):
        for name, field in model.model_fields.items():
            if info := field_info(name, model):
                found |= {f"field.{name}.label": info["label"], f"field.{name}.help": field.description or ""}
                if info.get("unit"):
                    found[f"unit.{info['unit']}"] = info["unit"]
    for name, lesson in lessons().items():
        found |= {f"lesson.{name}.{part}": getattr(lesson, part) for part in ("title", "question", "saw", "limits")}
        found |= {f"lesson.{name}.option.{place}": option for place, option in enumerate(lesson.options)}
        found |= {f"lesson.{name}.cell.{place}": cell.label for place, cell in enumerate(lesson.cells)}
    for name, preset in presets().items():
        texts = {"title": preset.title, "description": preset.description, "note": preset.note}
        found |= {f"preset.{name}.{kind}": text for kind, text in texts.items() if text}
    return found


def say(key: str, **values: object) -> str:
    """The sentence called `key`, its placeholders filled, in the language of whoever asks.

    Raises:
        KeyError: there is none, or a placeholder has no value.
    """
    if _laying_out.get():
        return f"{_OPEN}{key}{''.join(f'{_PART}{name}{_VALUE}{value}' for name, value in values.items())}{_CLOSE}"
    return _filled(key, language(), values)


def counted(key: str, count: int, **values: object) -> str:
    """The sentence `key`.one or `key`.many, with the number as {count}."""
    return say(f"{key}.{'one' if count == 1 else 'many'}", count=count, **values)


def decimal(figures: str) -> str:
    """Figures that are written with a point, with the decimal sign of the language."""
    return figures.replace(".", say("number.point"))


def has(key: str) -> bool:
    """Whether there is such a sentence."""
    return key in words("en")


def label(field: str) -> str:
    """What a setting is called."""
    return say(f"field.{field}.label")


def joined(things: Sequence[str]) -> str:
    """Several things in a row, with "and" before the last."""
    return say("list.and", first=", ".join(things[:-1]), last=things[-1]) if len(things) > 1 else "".join(things)


def within(text: str) -> str:
    """A label inside a sentence: begun small, but for German, whose nouns keep their capital."""
    return text if language() == "de" else text[:1].lower() + text[1:]


def _filled(key: str, spoken: str, values: Mapping[str, object]) -> str:
    text = words(spoken).get(key)
    return (text if text is not None else words("en")[key]).format_map(values)


# -------------------------------------------------------------------- sentences from below

BELOW = (
    "below."  # keys of sentences that the rest of the playground says in English, since the command line says them too
)


def translated(sentence: str | None, *, part: bool = False) -> str:
    """A sentence of the engine, the recipe or the service in the language of whoever asks, where its file knows it.

    A part of a sentence may be a list, whose things are translated one by one.
    """
    spoken = language()
    if spoken == "en" or not sentence:
        return sentence or ""
    plain, stop = (sentence[:-1], ".") if sentence.endswith(".") else (sentence, "")
    for key, pattern in _below():
        if (found := pattern.fullmatch(plain)) and key in words(spoken):
            said = (
                words(spoken)[key]
                .removesuffix(".")
                .format_map({name: translated(value, part=True) for name, value in found.groupdict().items()})
            )
            return said[0].upper() + said[1:] + stop if plain[0].isupper() else said + stop
    if part and re.fullmatch(r"[-−]?\d+\.\d+", sentence):
        return decimal(sentence)
    things = sentence.split(", ") if part else []
    return ", ".join(translated(thing) for thing in things) if len(things) > 1 else sentence


@cache
def _below() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """What stands below the page, as patterns; the longest first, since a short one may fit a part of a long one."""
    found = [(key, text) for key, text in words("en").items() if key.startswith(BELOW)]
    found.sort(key=lambda item: -len(item[1]))
    return tuple((key, re.compile(_pattern(text), re.IGNORECASE | re.DOTALL)) for key, text in found)


def _pattern(text: str) -> str:
    """A sentence with placeholders as a regular expression."""
    parts = re.split(r"\{(\w+)\}", text.removesuffix("."))
    return "".join(f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts))


# -------------------------------------------------------------------- who reads


def language() -> str:
    """The language of whoever the current handler answers, else of the request that is being answered."""
    scope, _ = current_event()
    if scope is None:
        return ASKED.get()
    if IN_SCOPE not in scope:
        scope[IN_SCOPE] = asked_language(scope)  # a page that follows a run asks many times
    spoken: str = scope[IN_SCOPE]
    return spoken


def asked_language(scope: Scope | Mapping[str, Any]) -> str:
    """The language that a request asks for: `lang` in its address or that of the page it comes from, else the first of
    `Accept-Language` that the page has, else English."""
    headers = Headers(raw=scope.get("headers", []))
    for query in (scope.get("query_string", b"").decode("latin-1"), _query(headers.get("referer", ""))):
        if (wanted := parse_qs(query).get("lang", [""])[-1][:2].lower()) in LANGUAGES:
            return wanted
    return _preferred(headers.get("accept-language", ""))


def _query(address: str) -> str:
    try:
        return urlsplit(address).query
    except ValueError:  # no address
        return ""


@cache
def _preferred(header: str) -> str:
    """The language of a header such as "de-AT,de;q=0.9,en;q=0.8" that is wanted most among those there are."""
    wanted = []
    for place, part in enumerate(header[:200].split(",")):
        tag, _, weight = part.partition(";q=")
        try:
            wanted.append((-float(weight or 1), place, tag.strip()[:2].lower()))
        except ValueError:
            continue
    return next((tag for share, _, tag in sorted(wanted) if tag in LANGUAGES and share < 0), "en")


# -------------------------------------------------------------------- the page as it is laid out


@contextmanager
def laying_out() -> Iterator[None]:
    """Inside, `say` leaves marks for `localised`, since the page is laid out once for all."""
    token = _laying_out.set(True)
    try:
        yield
    finally:
        _laying_out.reset(token)


def scripts_words() -> str:
    """A mark for what the page's scripts say, as a JSON object that may stand inside a script element."""
    return f"{_OPEN}{_ALL}{_CLOSE}"


def localised(tree: Any, spoken: str) -> Any:
    """A copy of plain data with every mark replaced by its sentence in a language."""
    if isinstance(tree, str):
        return _sentences(tree, spoken) if _OPEN in tree else tree
    if isinstance(tree, dict):
        return {key: localised(value, spoken) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(localised(value, spoken) for value in tree)
    return tree


def _sentences(text: str, spoken: str) -> str:
    while (
        replaced := _MARK.sub(lambda mark: _sentence(mark[1], spoken), text)
    ) != text:  # marks may stand inside marks
        text = replaced
    return text


def _sentence(mark: str, spoken: str) -> str:
    key, *parts = mark.split(_PART)
    if key == _ALL:
        keys = [key for key in words("en") if key.startswith((IN_BROWSER, *ALSO_IN_BROWSER))]
        said = {key.removeprefix(IN_BROWSER): words(spoken).get(key, words("en")[key]) for key in keys}
        return json.dumps({**said, "language": spoken}, ensure_ascii=False).replace("</", "<\\/")
    return _filled(key, spoken, dict(part.split(_VALUE, 1) for part in parts))
